"""Settings of the FaceLift engine. Importing this loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import choice, flag, folder, number

FAST_STEP_SHARE = 0.5
"""Steps of the fast preset's second-order solver, of the steps asked for."""


@dataclass(frozen=True)
class FaceLiftSettings:
    """How a head is made; the defaults are the reference's."""

    checkpoint: str | None = folder("Folder of the FaceLift weights; empty for the usual places")
    seed: int = number(0, 2**31 - 1, 4, "Seed of the random numbers: another seed, another head")
    steps: int = number(1, 1000, 50, "Denoising steps; the fast preset takes half as many")
    guidance: float = number(0.0, 20.0, 3.0, "How strictly the views follow the photo; 1 switches guidance off")
    guidance_begin: float = number(0.0, 1.0, 0.0, "Share of the steps before which guidance stays off")
    guidance_end: float = number(
        0.0, 1.0, 1.0, "Share of the steps from which on guidance is off: steps without it cost half"
    )
    eta: float = number(0.0, 1.0, 1.0, "Share of fresh noise in every step of the quality preset")
    preset: str = choice(
        ("quality", "fast"), "quality", "The reference's solver, or a second-order one in half the steps"
    )
    filter: str = choice(
        ("commandline", "gradio"),
        "commandline",
        "Thresholds for dropping stray Gaussians, of the reference's two programs",
    )
    auto_crop: bool = flag(True, "Find the face and align the photo to it; off takes the whole photo")
    face: int = number(0, 99, 0, "Which face to use, counted from the largest")
    low_memory: bool = flag(False, "Keep only the model at work on the device: slower, for small graphics cards")
    device: str = choice(("auto", "cpu", "cuda", "mps"), "auto", "Where the models run")
    dtype: str = choice(
        ("auto", "float32", "float16", "bfloat16"), "auto", "Precision: auto is float16 on CUDA and float32 elsewhere"
    )
    acceleration: str = choice(
        ("off", "graph", "compile"),
        "graph",
        "How steps run on CUDA: kernels replayed as a graph, or also compiled (a minute at first: for many photos)",
    )
    vae_float32: bool = flag(False, "Pictures to latents and back in float32: slower, where float16 gives no numbers")

    @property
    def solver_steps(self) -> int:
        """Denoising steps that the preset really takes."""
        return self.steps if self.preset == "quality" else max(1, round(self.steps * FAST_STEP_SHARE))
