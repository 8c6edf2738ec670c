"""The models of a checkpoint on a device, from a conditioning picture to views and Gaussians."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ...cameras import Camera, six_view_rig
from . import acceleration, attention, conditioning, diffusion, features, memory, models, prompts, rays
from .acceleration import DEFAULT, Acceleration
from .checkpoint import Checkpoint
from .conditioning import Conditioning, NoiseAugmentation
from .diffusion import Guidance
from .draws import Draws
from .errors import NotFiniteError
from .gslrm import FIELDS, GSLRM, Observer, RawGaussians, observe_nothing
from .solvers import DDIM, DPMSolver, Solver

MODELS = ("image_encoder", "vae", "unet", "gslrm")
"""Names of the models, in the order of their work."""
MARGIN = 1.25
"""Of the memory that was counted: allocators hold it in pieces."""


@dataclass(frozen=True)
class Sampling:
    """How views are drawn.

    Attributes:
        steps: Denoising steps.
        guidance: Classifier-free guidance.
        eta: Share of stochastic noise of DDIM, 0..1.
        seed: Seed of the photo's random numbers.
        fast: Second-order solver instead of DDIM.
    """

    steps: int = 50
    guidance: Guidance = field(default_factory=Guidance)
    eta: float = 1.0
    seed: int = 4
    fast: bool = False


class Pipeline:
    """Loads the models when first needed and keeps them.

    Args:
        checkpoint: Where the weights are.
        device: Where the models run.
        dtype: Precision of the models; random numbers, rays, norms of GS-LRM and results are float32.
        choices: Exact optimisations.
        low_memory: Keep only the model at work on the device.
        head_width: GS-LRM's attention head width; None takes the checkpoint's.
        prompt_cache: Folder for computed prompt embeddings; the user's cache by default.
        vae_dtype: Precision of the VAE; the models' by default.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        choices: Acceleration = DEFAULT,
        low_memory: bool = False,
        head_width: int | None = None,
        prompt_cache: Path | None = None,
        vae_dtype: torch.dtype | None = None,
    ) -> None:
        self.checkpoint, self.device, self.dtype = checkpoint, torch.device(device), dtype
        self.vae_dtype = vae_dtype or dtype
        self.choices, self.low_memory = choices, low_memory
        self.head_width, self.prompt_cache = head_width, prompt_cache
        self.views = checkpoint.config("unet")["num_views"]
        self._models: dict[str, torch.nn.Module] = {}
        self._prompts: torch.Tensor | None = None
        self._forward: acceleration.Forward | None = None

    @property
    def picture_size(self) -> int:
        """Width and height of the conditioning picture and of the views, in pixels."""
        levels = len(self.checkpoint.config("vae")["block_out_channels"])
        return self.checkpoint.config("unet")["sample_size"] * 2 ** (levels - 1)

    def unload(self) -> None:
        """Free the models' memory."""
        self._models.clear()
        self._prompts = self._forward = None
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def load(self, on_model: Callable[[], None] = lambda: None) -> None:
        """Load every model now; with ``low_memory`` they are read when their turn comes.

        Args:
            on_model: Called after each model; may raise to cancel.
        """
        if not self.low_memory:
            for name in MODELS:
                with self.resident(name):
                    on_model()

    @contextmanager
    def resident(self, name: str) -> Iterator[torch.nn.Module]:
        """Have a model on the device: one of :data:`MODELS`.

        Raises:
            CheckpointError: its files are missing, damaged or do not fit.
        """
        if name not in self._models:
            self._models[name] = self._load(name)
        model = self._models[name]
        # References, not copies: in the low-memory mode the weights stay in the computer's memory.
        home = model.state_dict() if self.low_memory else {}
        acceleration.place(model, self.device, self.choices)
        try:
            yield model
        finally:
            if self.low_memory:
                self._retire(name, home)

    def _retire(self, name: str, home: dict[str, torch.Tensor]) -> None:
        """Take a model off the device, back to its weights at home; where the device is the CPU, drop it."""
        if name == "unet":
            # A CUDA graph knows the weights by their addresses, which change when they come back.
            self._forward = None
        if self.device.type == "cpu":
            del self._models[name]
            gc.collect()
        else:
            self._models[name].load_state_dict(home, assign=True)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _load(self, name: str) -> torch.nn.Module:
        if name == "gslrm":
            return models.load_gslrm(self.checkpoint, self.dtype, self.head_width)
        model = models.load_component(self.checkpoint, name, self.vae_dtype if name == "vae" else self.dtype)
        if name == "unet":
            acceleration.prepare_unet(model, self.views, self.choices)
        acceleration.prepare_convolutions(model, self.device, self.choices)
        return model

    def use_prompts(self, embeddings: torch.Tensor) -> None:
        """Set the prompt embeddings [V, 77, C] instead of the checkpoint's."""
        self._prompts = embeddings.to(self.device, self.dtype)
        # A CUDA graph would go on with the keys of the earlier prompts.
        self._forward = None

    @torch.inference_mode()
    def condition(self, picture: np.ndarray, draws: Draws, observe: Observer = observe_nothing) -> Conditioning:
        """Return what a picture tells the UNet; takes the first draw.

        Args:
            picture: [S, S, 3] uint8 RGB on white, S = :attr:`picture_size`.
            draws: The photo's random numbers.
            observe: Looks at intermediate tensors.

        Raises:
            CheckpointError: a file is missing, damaged or does not fit.
        """
        if self._prompts is None:
            self.use_prompts(prompts.prompt_embeddings(self.checkpoint, self.prompt_cache))
        observe("cond/prompt_embeds", self._prompts)
        clip_pixels = features.clip_pixels(picture, self.checkpoint.config("feature_extractor"))
        observe("clip/pixel_values", clip_pixels)
        augmentation = NoiseAugmentation.of_files(
            self.checkpoint.weights("image_normalizer"), self.checkpoint.config("image_noising_scheduler")
        )
        with self.resident("image_encoder") as encoder:
            labels = conditioning.image_embeddings(encoder, augmentation, clip_pixels, self.views, draws, observe)
        vae_pixels = features.vae_pixels(picture)
        observe("vae/encoder_input", vae_pixels)
        with self.resident("vae") as vae:
            latents = conditioning.image_latents(vae, vae_pixels, self.views, observe)
        return Conditioning(labels, latents.to(self.dtype), self._prompts)

    def solver(self, sampling: Sampling, draws: Draws, observe: Observer = observe_nothing) -> Solver:
        """Return the solver of a sampling."""
        config = self.checkpoint.config("scheduler")
        if sampling.fast:
            return DPMSolver(config, sampling.steps)
        return DDIM(config, sampling.steps, sampling.eta, draws, observe)

    @torch.inference_mode()
    def generate_views(
        self,
        picture: np.ndarray,
        sampling: Sampling,
        on_step: Callable[[], None] = lambda: None,
        observe: Observer = observe_nothing,
    ) -> np.ndarray:
        """Return the six views [V, S, S, 3] uint8 of a picture.

        Args:
            picture: [S, S, 3] uint8 RGB on white.
            sampling: How to draw.
            on_step: Called after each denoising step and each decoded slice; may raise to cancel.
            observe: Looks at intermediate tensors.

        Raises:
            CheckpointError: a file is missing, damaged or does not fit.
            NotFiniteError: a model returned NaN or infinity.
        """
        draws = Draws(sampling.seed)
        condition = self.condition(picture, draws, observe)
        noise = draws.normal(*condition.image_latents.shape)
        observe("rng/draw1_initial_latents", noise)
        solver = self.solver(sampling, draws, observe)
        latents = noise.to(condition.image_latents) * solver.scheduler.init_noise_sigma
        latents = self.denoise(solver, latents, condition, sampling.guidance, on_step, observe)
        with self.resident("vae") as vae:
            return diffusion.decode(vae, latents, self.choices.vae_slice, on_step, observe)

    @torch.inference_mode()
    def denoise(
        self,
        solver: Solver,
        latents: torch.Tensor,
        condition: Conditioning,
        guidance: Guidance,
        on_step: Callable[[], None] = lambda: None,
        observe: Observer = observe_nothing,
    ) -> torch.Tensor:
        """Return the final latents; arguments and errors as :func:`.diffusion.denoise`."""
        with self.resident("unet") as unet:
            attention.remember_prompts(unet, condition.prompts)
            return diffusion.denoise(self.forward(unet), solver, latents, condition, guidance, on_step, observe)

    def forward(self, unet: torch.nn.Module) -> acceleration.Forward:
        """Return what runs the resident UNet, kept until the UNet or the prompts change."""
        if self._forward is None:
            # With low memory a graph would have to be captured anew for every photo.
            choices = replace(self.choices, cuda_graph=self.choices.cuda_graph and not self.low_memory)
            self._forward = acceleration.forward_of(unet, choices, self.device)
        return self._forward

    def most_views(self, size: int, wanted: int) -> int:
        """Return for how many views of ``size`` pixels there is memory now, at most ``wanted``; an estimate.

        Raises:
            CheckpointError: a file of GS-LRM is missing, damaged or does not fit.
        """
        free = memory.free_bytes(self.device)
        if free is None:
            return wanted
        if "gslrm" not in self._models:
            self._models["gslrm"] = self._load("gslrm")
        gslrm = self._models["gslrm"]
        assert isinstance(gslrm, GSLRM)
        for weights in gslrm.parameters():
            if weights.device.type != self.device.type:
                free -= weights.nbytes
        # Only these two are known to compute attention without keeping its scores.
        scores = self.device.type not in ("cuda", "cpu")
        item = gslrm.dtype.itemsize

        def needed(views: int) -> float:
            return MARGIN * gslrm.config.working_bytes(views, size, item, scores)

        return next((views for views in range(wanted, 0, -1) if needed(views) <= free), 0)

    @torch.inference_mode()
    def reconstruct(
        self,
        views: np.ndarray,
        on_layer: Callable[[], None] = lambda: None,
        observe: Observer = observe_nothing,
        cameras: Sequence[Camera] | None = None,
    ) -> RawGaussians:
        """Return the Gaussians of views [V, S, S, 3] uint8.

        Args:
            views: In the rig's order, or in that of ``cameras``.
            on_layer: Called after each transformer layer; may raise to cancel.
            observe: Looks at intermediate tensors.
            cameras: One for each view, in pixels of the views; the rig's six by default.

        Raises:
            CheckpointError: the file is missing, damaged or does not fit.
            NotFiniteError: the model returned NaN or infinity.
        """
        c2w, intrinsics = rays.camera_tensors(cameras or six_view_rig(views.shape[1]), self.device)
        observe("c2w", c2w[None])
        observe("fxfycxcy", intrinsics[None])
        pictures = features.to_planes(views).to(self.device, torch.float32) / 255
        with self.resident("gslrm") as gslrm:
            raw = gslrm(pictures, c2w, intrinsics, observe, on_layer)
        if not all(torch.isfinite(getattr(raw, name)).all() for name in FIELDS):
            raise NotFiniteError("The reconstruction returned values that are no numbers.", diffusion.NAN_ADVICE)
        return raw
