"""Running the pipeline so that every tensor a record may name can be compared."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from core.cameras import Camera, six_view_rig, turntable
from core.engines.facelift import diffusion, prompts
from core.engines.facelift.conditioning import Conditioning, NoiseAugmentation
from core.engines.facelift.draws import Draws
from core.engines.facelift.gslrm import FIELDS, RawGaussians
from core.engines.facelift.pipeline import Pipeline

from .record import Record

Tensors = dict[str, torch.Tensor]

INNER = "unet_call/inter/"
ALIASES = {
    "block0": "down_blocks.0.attentions.0.transformer_blocks.0",
    "mid": "mid_block.attentions.0.transformer_blocks.0",
}
"""Short names of transformer blocks in records."""
NEAR, FAR = 0.01, 100.0
"""Clipping planes of the reference's renderer (FaceLift specification, section 13)."""


class UNetWatch:
    """Keeps what goes in, through and out of the UNet at one timestep.

    Args:
        unet: The UNet.
        record: Names the inner tensors, and the timestep.
    """

    def __init__(self, unet: torch.nn.Module, record: Record) -> None:
        self.seen: Tensors = {}
        self._timestep = int(record["unet_call/timestep"].flatten()[0]) if "unet_call/timestep" in record else None
        self._watching = False
        self._handles = [unet.register_forward_pre_hook(self._before, with_kwargs=True)]
        modules = dict(unet.named_modules())
        for name in record.tensors:
            if name.startswith(INNER):
                path, side = self._module_path(name.removeprefix(INNER))
                if path in modules:
                    self._handles.append(
                        modules[path].register_forward_hook(self._keeper(name, side), with_kwargs=True)
                    )
        self._handles.append(unet.register_forward_hook(self._keeper("unet_call/output", "out"), with_kwargs=True))
        self._handles.append(unet.register_forward_hook(self._after))

    @staticmethod
    def _module_path(name: str) -> tuple[str, str]:
        """Return a recorded name's module and whether its input or output is meant."""
        side = "in" if name.endswith(".in") else "out"
        name = name.removesuffix(".in").removesuffix(".out")
        first, _, rest = name.partition(".")
        path = ALIASES.get(first, first)
        return (f"{path}.{rest}" if rest else path), side

    def _before(self, _: torch.nn.Module, positional: tuple, named: dict) -> None:
        sample, timestep, text = positional
        self._watching = not self.seen and int(timestep) == (
            self._timestep if self._timestep is not None else int(timestep)
        )
        if self._watching:
            self.seen["unet_call/sample"] = sample.clone()
            self.seen["unet_call/timestep"] = timestep.reshape(1)
            self.seen["unet_call/encoder_hidden_states"] = text
            self.seen["unet_call/class_labels"] = named["class_labels"]

    def _keeper(self, name: str, side: str) -> Callable:
        def keep(_: torch.nn.Module, positional: tuple, named: dict, output: object) -> None:
            if self._watching:
                value = (positional or (named["hidden_states"],)) if side == "in" else output
                # Blocks return (hidden state, skips), sometimes hidden states alone.
                self.seen[name] = (value[0] if isinstance(value, tuple) else value).clone()

        return keep

    def _after(self, *_: object) -> None:
        self._watching = False

    def close(self) -> None:
        """Stop watching."""
        for handle in self._handles:
            handle.remove()


def run_end_to_end(pipeline: Pipeline, record: Record) -> tuple[Tensors, RawGaussians]:
    """Run everything from the recorded photo, with the recorded prompts.

    GS-LRM gets the recorded uint8 pictures where there are some: single pixels on the edge between
    two levels would otherwise dominate its error.
    """
    own: Tensors = {}

    def keep(name: str, tensor: torch.Tensor) -> None:
        own[name] = tensor.cpu()

    checkpoint = pipeline.checkpoint
    if checkpoint.prompt_path() is None:
        own["text/input_ids"] = prompts.tokenize(checkpoint)
        own["text/last_hidden_state"] = prompts.encode(checkpoint, own["text/input_ids"])
        own["cond/prompt_embeds_file"] = own["text/last_hidden_state"].half()
    if record.prompts() is not None:
        pipeline.use_prompts(record.prompts())
    with pipeline.resident("unet") as unet:
        watch = UNetWatch(unet, record)
    views = pipeline.generate_views(record["input/image"].numpy(), record.sampling(), observe=keep)
    watch.close()
    own.update({name: tensor.cpu() for name, tensor in watch.seen.items()})
    if watch.seen:
        own["cond/class_labels"] = own["unet_call/class_labels"]
    own["images/uint8"] = torch.from_numpy(views)
    given = record["images/uint8"].numpy() if "images/uint8" in record else views
    raw = pipeline.reconstruct(given, observe=lambda name, tensor: keep(f"gslrm/{name}", tensor))
    own.update(schedules(pipeline, record))
    own.update(cameras(record, views.shape[1]))
    return own, RawGaussians(**{name: getattr(raw, name).cpu() for name in FIELDS})


def schedules(pipeline: Pipeline, record: Record) -> Tensors:
    """Return the noise schedules, the timesteps, and the noise augmentation in half precision."""
    checkpoint, sampling = pipeline.checkpoint, record.sampling()
    solver = pipeline.solver(sampling, Draws(sampling.seed))
    noising = checkpoint.config("image_noising_scheduler")
    own = {
        "ddim/alphas_cumprod": DDIMScheduler.from_config(checkpoint.config("scheduler")).alphas_cumprod,
        "ddim/timesteps": torch.tensor(solver.timesteps),
        "noising/alphas_cumprod": DDPMScheduler.from_config(noising).alphas_cumprod,
    }
    if record.has("clip/image_embeds", "rng/draw0_image_embeds_noise"):
        augmentation = NoiseAugmentation.of_files(checkpoint.weights("image_normalizer"), noising)
        embeddings = record["clip/image_embeds"].half()
        own["clip/image_embeds_noised_half"] = augmentation(embeddings, record["rng/draw0_image_embeds_noise"])
    return own


def cameras(record: Record, size: int) -> Tensors:
    """Return the renderer's matrices of the six cameras, and recorded turntables."""
    rig = six_view_rig(size)
    projections = np.stack([projection(camera) for camera in rig])
    views = np.stack([camera.w2c.T for camera in rig])
    fields = [(camera.width / (2 * camera.fx), camera.height / (2 * camera.fy)) for camera in rig]
    own = {
        "camera/world_view_transform": torch.from_numpy(views).float(),
        "camera/full_proj_transform": torch.from_numpy(views @ projections.transpose(0, 2, 1)).float(),
        "camera/tanfov": torch.tensor(fields, dtype=torch.float32),
    }
    for name in record.tensors:
        match = re.fullmatch(r"camera/turntable(\d+)_c2w", name)
        if match:
            ring = turntable(int(match[1]), size)
            own[name] = torch.from_numpy(np.stack([camera.c2w for camera in ring]))
            intrinsics = [(camera.fx, camera.fy, camera.cx, camera.cy) for camera in ring]
            own[name.replace("c2w", "fxfycxcy")] = torch.tensor(intrinsics, dtype=torch.float64)
    return own


def projection(camera: Camera) -> np.ndarray:
    """Return the reference renderer's projection [4, 4], before transposition."""
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[0, 2] = 2 * camera.fx / camera.width, 2 * camera.cx / camera.width - 1
    matrix[1, 1], matrix[1, 2] = 2 * camera.fy / camera.height, 2 * camera.cy / camera.height - 1
    matrix[2, 2], matrix[2, 3] = -(FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    matrix[3, 2] = 1
    return matrix


@torch.inference_mode()
def run_stages_alone(pipeline: Pipeline, record: Record) -> Tensors:
    """Run each denoising step and the decoder on their recorded inputs, where those were recorded."""
    alone: Tensors = {}

    def here(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(pipeline.device)

    def keep(name: str, tensor: torch.Tensor) -> None:
        alone[name] = tensor.cpu()

    sampling = record.sampling()
    needed = ("rng/draw1_initial_latents", "clip/image_embeds_noised", "vae/image_latents")
    if record.has(*needed) and record.prompts() is not None:
        condition = Conditioning(
            here(record["clip/image_embeds_noised"]),
            here(record["vae/image_latents"]),
            here(record.prompts()).to(pipeline.dtype),
        )
        solver = pipeline.solver(sampling, Draws(sampling.seed))
        latents = here(record["rng/draw1_initial_latents"])
        with pipeline.resident("unet") as unet:
            for index, timestep in enumerate(solver.timesteps):
                guided = sampling.guidance.active(index, sampling.steps)
                time = here(torch.tensor(timestep))
                prediction = diffusion.predict(unet, latents, time, condition, guided, False)
                alone[f"unet_out/step{index}"] = prediction.cpu()
                recorded = here(record.tensors.get(f"unet_out/step{index}", prediction))
                noise = record.tensors.get(f"rng/draw{index + 2}_variance_noise_step{index}")
                if sampling.eta > 0 and noise is None:
                    break
                guided_prediction = diffusion.guide(recorded, sampling.guidance) if guided else recorded
                alone[f"latents/step{index}"] = solver.scheduler.step(
                    guided_prediction,
                    timestep,
                    latents,
                    eta=sampling.eta,
                    variance_noise=None if noise is None else here(noise),
                ).prev_sample.cpu()
                if f"latents/step{index}" not in record:
                    break
                latents = here(record[f"latents/step{index}"])
    if "latents/final" in record:
        with pipeline.resident("vae") as vae:
            views = diffusion.decode(
                vae, record["latents/final"], observe=lambda name, tensor: alone.__setitem__(name, tensor.cpu())
            )
            alone["images/uint8"] = torch.from_numpy(views)
    return alone
