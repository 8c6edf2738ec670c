"""Settings of the FaceLift engine. Importing this loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import Option, choice, flag, folder, number

FAST_STEP_SHARE = 0.5
"""Steps of the fast preset's second-order solver, of the steps asked for."""


@dataclass(frozen=True)
class FaceLiftSettings:
    """How a head is made; the defaults are the reference's."""

    preset: str = choice(
        (
            Option("quality", "Quality", "As the model was published"),
            Option("fast", "Fast", "Half as many steps with another solver; details may differ"),
        ),
        "quality",
        "How the unseen sides are drawn",
    )
    steps: int = number(1, 1000, 50, "Fewer are faster, more than the usual 50 bring little")
    seed: int = number(0, 2**31 - 1, 4, "Another seed gives another variant of what the photo hides")
    guidance: float = number(
        0.0, 20.0, 3.0, "How strictly the views follow the photo; 1 switches guidance off", expert=True
    )
    guidance_begin: float = number(0.0, 1.0, 0.0, "Share of the steps before which guidance stays off", expert=True)
    guidance_end: float = number(
        0.0, 1.0, 1.0, "Share of the steps from which on guidance is off: steps without it cost half", expert=True
    )
    eta: float = number(0.0, 1.0, 1.0, "Share of fresh noise in every step of the quality preset", expert=True)
    filter: str = choice(
        ("commandline", "gradio"),
        "commandline",
        "Thresholds for dropping stray Gaussians, of the reference's two programs",
        expert=True,
    )
    checkpoint: str | None = folder(
        "Folder of the FaceLift weights; empty for the usual places", expert=True, place=True
    )
    low_memory: bool = flag(
        False, "Keep only the model at work on the device: slower, for small graphics cards", expert=True, place=True
    )
    device: str = choice(("auto", "cpu", "cuda", "mps"), "auto", "Where the models run", expert=True, place=True)
    dtype: str = choice(
        ("auto", "float32", "float16", "bfloat16"),
        "auto",
        "Precision: auto is float16 on CUDA and float32 elsewhere",
        expert=True,
    )
    acceleration: str = choice(
        ("off", "graph", "compile"),
        "graph",
        "How steps run on CUDA: kernels replayed as a graph, or also compiled (a minute at first: for many photos)",
        expert=True,
        place=True,
    )
    vae_float32: bool = flag(
        False, "Pictures to latents and back in float32: slower, where float16 gives no numbers", expert=True
    )

    @property
    def solver_steps(self) -> int:
        """Denoising steps that the preset really takes."""
        return self.steps if self.preset == "quality" else max(1, round(self.steps * FAST_STEP_SHARE))
