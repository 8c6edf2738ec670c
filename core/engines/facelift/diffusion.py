"""The denoising loop from a conditioned photo to latents of six views, and their decoding.

FaceLift specification, sections 4, 8, 9 and 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from . import features
from .acceleration import Forward
from .conditioning import Conditioning
from .errors import NotFiniteError
from .gslrm import Observer, observe_nothing
from .solvers import Solver

NAN_ADVICE = "Try the float32 VAE, a lower guidance, another seed, or float32 precision for everything."


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance.

    Attributes:
        scale: Guided prediction = unconditional + scale * (conditional - unconditional); exactly
            1 switches guidance off.
        begin, end: Share of the steps, 0..1, between which guidance is on; outside, the conditional
            prediction is taken as it is. The whole range is the reference's behaviour.
        sequential: Run the two halves one after the other: half the memory, the same result.
    """

    scale: float = 3.0
    begin: float = 0.0
    end: float = 1.0
    sequential: bool = False

    def active(self, step: int, steps: int) -> bool:
        """Return whether a step is guided."""
        return self.scale != 1.0 and self.begin <= step / steps < self.end


def predict(
    forward: Forward,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    condition: Conditioning,
    guided: bool,
    sequential: bool,
) -> torch.Tensor:
    """Return the UNet's prediction for one or both halves: [V or 2 V, 4, h, w], unconditional first."""
    image, labels, prompts = condition.image_latents, condition.class_labels, condition.prompts
    halves = [(image, labels)]
    if guided:
        halves.insert(0, (torch.zeros_like(image), torch.zeros_like(labels)))
    if guided and not sequential:
        halves = [tuple(torch.cat(pair) for pair in zip(*halves, strict=True))]
    predictions = []
    for half_image, half_labels in halves:
        groups = len(half_image) // condition.views
        sample = torch.cat([latents.repeat(groups, 1, 1, 1), half_image], dim=1)
        text = prompts.repeat(groups, 1, 1)
        predictions.append(forward(sample, timestep, text, class_labels=half_labels, return_dict=False)[0])
    return torch.cat(predictions)


def guide(prediction: torch.Tensor, guidance: Guidance) -> torch.Tensor:
    """Return the guided prediction [V, 4, h, w] of both halves [2 V, 4, h, w]."""
    unconditional, conditional = prediction.chunk(2)
    return unconditional + guidance.scale * (conditional - unconditional)


@torch.inference_mode()
def denoise(
    forward: Forward,
    solver: Solver,
    latents: torch.Tensor,
    condition: Conditioning,
    guidance: Guidance,
    on_step: Callable[[], None] = lambda: None,
    observe: Observer = observe_nothing,
) -> torch.Tensor:
    """Return the final latents [V, 4, h, w].

    Args:
        forward: Runs the multi-view UNet with FaceLift's attention.
        solver: Steps through time.
        latents: [V, 4, h, w] initial noise, on the UNet's device and in its dtype.
        condition: The photo and the prompts, likewise.
        guidance: Classifier-free guidance.
        on_step: Called after each step; may raise to cancel.
        observe: Looks at intermediate tensors.

    Raises:
        NotFiniteError: a step returned NaN or infinity.
    """
    timesteps = solver.timesteps
    for index, timestep in enumerate(timesteps):
        guided = guidance.active(index, len(timesteps))
        # On the device: a CUDA graph cannot copy a number from the host.
        time = torch.tensor(timestep, device=latents.device)
        prediction = predict(forward, latents, time, condition, guided, guidance.sequential)
        observe(f"unet_out/step{index}", prediction)
        if guided:
            prediction = guide(prediction, guidance)
        latents = solver.step(prediction, timestep, latents)
        observe(f"latents/step{index}", latents)
        if not torch.isfinite(latents).all():
            raise NotFiniteError(
                f"The diffusion returned values that are no numbers in step {index + 1} of {len(timesteps)}.",
                NAN_ADVICE,
                step=index,
            )
        on_step()
    observe("latents/final", latents)
    return latents


@torch.inference_mode()
def decode(
    vae: torch.nn.Module,
    latents: torch.Tensor,
    slice_views: int | None = None,
    on_slice: Callable[[], None] = lambda: None,
    observe: Observer = observe_nothing,
) -> np.ndarray:
    """Return the views [V, H, W, 3] uint8 of latents [V, 4, h, w].

    Args:
        vae: The autoencoder.
        latents: Final latents.
        slice_views: Views decoded at once; None takes all. The result does not depend on it.
        on_slice: Called after each slice; may raise to cancel.
        observe: Looks at intermediate tensors.

    Raises:
        NotFiniteError: the decoder returned NaN or infinity.
    """
    scaled = latents.to(vae.device, vae.dtype) / vae.config.scaling_factor
    slices = []
    for part in scaled.split(slice_views or len(scaled)):
        slices.append(vae.decode(part, return_dict=False)[0])
        on_slice()
    decoded = torch.cat(slices)
    observe("vae/decoded", decoded)
    if not torch.isfinite(decoded).all():
        raise NotFiniteError("The picture decoder returned values that are no numbers.", NAN_ADVICE)
    pictures = (decoded / 2 + 0.5).clamp(0, 1)
    observe("images/float", pictures)
    return features.to_uint8(pictures)
