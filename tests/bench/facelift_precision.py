"""How far lower precision is from float32, stage by stage."""

from __future__ import annotations

import numpy as np
import torch

from core.engines.facelift import attention, diffusion
from core.engines.facelift.acceleration import full_float32
from core.engines.facelift.conditioning import Conditioning
from core.engines.facelift.draws import Draws
from core.engines.facelift.pipeline import Pipeline, Sampling

from .report import Measurement


@torch.inference_mode()
def deviations(name: str, exact: Pipeline, other: Pipeline, picture: np.ndarray, steps: int) -> list[Measurement]:
    """Return how far each stage in lower precision is from float32 on the same inputs (relative L2)."""
    seen: dict[str, torch.Tensor] = {}
    with full_float32():
        views = exact.generate_views(picture, Sampling(steps=steps), observe=seen.__setitem__)
    dtype, device = other.dtype, other.device

    def low(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(device, dtype)

    found: dict[str, torch.Tensor] = {}
    other.condition(picture, Draws(4), found.__setitem__)
    pairs = {stage: (found[stage], seen[stage]) for stage in ("clip/image_embeds", "vae/image_latents")}
    condition = Conditioning(
        low(seen["clip/image_embeds_noised"]), low(seen["vae/image_latents"]), low(seen["cond/prompt_embeds"])
    )
    timestep = torch.tensor(exact.solver(Sampling(steps=steps), Draws(4)).timesteps[0], device=device)
    with other.resident("unet") as unet:
        attention.remember_prompts(unet, condition.prompts)
        latents = low(seen["rng/draw1_initial_latents"])
        pairs["unet, one step"] = (
            diffusion.predict(unet, latents, timestep, condition, True, False),
            seen["unet_out/step0"],
        )
    with other.resident("vae") as vae:
        diffusion.decode(vae, low(seen["latents/final"]), observe=found.__setitem__)
    pairs["vae/decoded"] = (found["vae/decoded"], seen["vae/decoded"])
    exact_raw, other_raw = exact.reconstruct(views), other.reconstruct(views)
    for part in ("xyz", "features", "scaling", "rotation", "opacity"):
        pairs[f"gslrm/{part}"] = (getattr(other_raw, part), getattr(exact_raw, part))
    whole: dict[str, torch.Tensor] = {}
    other.generate_views(picture, Sampling(steps=steps), observe=whole.__setitem__)
    pairs[f"latents after {steps} steps"] = (whole["latents/final"], seen["latents/final"])
    label = str(dtype).removeprefix("torch.")
    return [
        Measurement(f"{name}: {stage}, {label} against float32", 100 * relative(own, wanted), "%")
        for stage, (own, wanted) in pairs.items()
    ]


def relative(own: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return the relative L2 error."""
    wanted = wanted.double().cpu()
    return ((own.double().cpu() - wanted).norm() / wanted.norm()).item()
