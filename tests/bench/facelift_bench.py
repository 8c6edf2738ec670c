"""Speed, memory and precision of the FaceLift engine.

On CUDA the released sizes with random weights, float16; elsewhere the tiny recorded checkpoint, whose
times say nothing of the released models and are printed as what they are.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from core.engines.facelift import convert, diffusion, filters
from core.engines.facelift.acceleration import BASELINE, DEFAULT, MODES, Acceleration
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.diffusion import Guidance
from core.engines.facelift.draws import Draws
from core.engines.facelift.pipeline import Pipeline, Sampling

from .facelift_operations import (
    counted_operations,
    full_size_operations,
    full_size_weights,
    matrix_rate,
    seconds_on,
    wait_for,
)
from .facelift_precision import deviations
from .facelift_random import RandomCheckpoint
from .report import Measurement, print_table

SUBSET = Path(__file__).parents[1] / "data" / "facelift-parity" / "subset.tar.xz"
TINY_HEAD_WIDTH = 16
TINY_STEPS, FULL_STEPS = 10, 50
REPEATS = 3
SINGLE_CHOICES = {
    "text keys cached": {"cached_text": True},
    "front view plain": {"plain_first_view": True},
    "fused projections": {"fused_projections": True},
    "channels last": {"channels_last": True},
}
"""Optimisations of the denoising loop, each measured alone on top of the baseline."""
FULL = "full"
AIMS = {
    f"whole photo, {FULL_STEPS} steps": ("s", "<= 5, 2x plain"),
    "GS-LRM": ("s", "<= 0.4"),
    "peak memory": ("GB", "<= 10"),
    "whole photo, low memory": ("s", "<= 2x normal"),
    "peak memory, low memory": ("GB", "<= 6"),
}
"""Units and aims of the released sizes on one large graphics card."""
STAGES = ("conditioning", "denoising", "decoding", "GS-LRM", "filters and conversion")


@dataclass
class Clock:
    """Seconds by stage, with the device's queue emptied at every reading."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block."""
        wait_for(self.device)
        start = seconds_on(self.device)
        yield
        wait_for(self.device)
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds_on(self.device) - start


@torch.inference_mode()
def photo_seconds(pipeline: Pipeline, picture: np.ndarray, sampling: Sampling) -> dict[str, float]:
    """Return seconds by stage for one photo, models loaded."""
    clock = Clock(pipeline.device)
    draws = Draws(sampling.seed)
    with clock.stage("conditioning"):
        condition = pipeline.condition(picture, draws)
    latents = draws.normal(*condition.image_latents.shape).to(condition.image_latents)
    solver = pipeline.solver(sampling, draws)
    with clock.stage("denoising"):
        latents = pipeline.denoise(solver, latents, condition, sampling.guidance)
    with clock.stage("decoding"), pipeline.resident("vae") as vae:
        views = diffusion.decode(vae, latents, pipeline.choices.vae_slice)
    with clock.stage("GS-LRM"):
        raw = pipeline.reconstruct(views)
    with clock.stage("filters and conversion"):
        convert.to_gaussians(raw, filters.kept_indices(raw, filters.PRESETS["commandline"]))
    return clock.seconds


def measured_seconds(pipeline: Pipeline, picture: np.ndarray, sampling: Sampling) -> dict[str, float]:
    """Return the fastest of several runs by stage, after one that warms up."""
    photo_seconds(pipeline, picture, replace(sampling, steps=2))
    runs = [photo_seconds(pipeline, picture, sampling) for _ in range(REPEATS)]
    return {stage: min(run[stage] for run in runs) for stage in STAGES}


def speed(name: str, make: Callable[..., Pipeline], picture: np.ndarray, steps: int) -> list[Measurement]:
    """Measure the pipeline against its baseline, and single optimisations.

    Args:
        name: What is measured, for the lines of the table.
        make: Returns a pipeline for ``choices`` and ``low_memory``.
        picture: The conditioning picture.
        steps: Denoising steps.
    """
    sampling = Sampling(steps=steps)
    baseline_pipeline = make(BASELINE)
    baseline = measured_seconds(baseline_pipeline, picture, sampling)
    device = baseline_pipeline.device
    baseline_pipeline.unload()
    rows = []
    for label, change in SINGLE_CHOICES.items():
        seconds = measured_seconds(make(replace(BASELINE, **change)), picture, sampling)["denoising"]
        rows.append(Measurement(f"{name}: denoising, {label}", seconds, "s", "", "plain", baseline["denoising"]))
    rows += variant_speed(name, make, picture, sampling, DEFAULT, "", baseline)
    if device.type == "cuda":
        for label, choices in {", CUDA graph": MODES["graph"], ", compiled": MODES["compile"]}.items():
            try:
                rows += variant_speed(name, make, picture, sampling, choices, label, baseline)
            except Exception as error:  # Compilers and drivers fail in ways of their own; the other figures stand.
                rows.append(
                    Measurement(f"{name}{label}", None, "s", reason=f"{type(error).__name__}: {error}".splitlines()[0])
                )
    rows += low_memory_speed(name, make, picture, sampling, total_of(rows, f"{name}: whole photo"))
    fast = Sampling(steps=steps // 2, fast=True)
    seconds = sum(measured_seconds(make(DEFAULT), picture, fast).values())
    rows.append(Measurement(f"{name}: whole photo, fast preset, {steps // 2} steps", seconds, "s"))
    return rows


def variant_speed(
    name: str,
    make: Callable[..., Pipeline],
    picture: np.ndarray,
    sampling: Sampling,
    choices: Acceleration,
    label: str,
    baseline: dict[str, float],
) -> list[Measurement]:
    """Measure one choice of optimisations by stage against the baseline's seconds."""
    pipeline, rows = make(choices), []
    if pipeline.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = measured_seconds(pipeline, picture, sampling)
    for stage in STAGES:
        rows.append(timed(name, label, stage, seconds[stage], baseline[stage]))
    total, plain = sum(seconds.values()), sum(baseline.values())
    rows.append(timed(name, label, f"whole photo, {sampling.steps} steps", total, plain))
    if pipeline.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 1e9
        rows.append(Measurement(f"{name}{label}: peak memory", peak, "GB", aim_of(name, "peak memory")))
    rate = matrix_rate(pipeline.device, pipeline.dtype)
    for stage, operations in operations_of(pipeline, picture, sampling.steps).items():
        share = 100 * operations / seconds[stage] / rate
        rows.append(Measurement(f"{name}{label}: {stage}, share of the product rate", share, "%"))
    pipeline.unload()
    return rows


def timed(name: str, label: str, stage: str, seconds: float, plain: float) -> Measurement:
    """Return the line of a stage's seconds beside the baseline's."""
    return Measurement(f"{name}{label}: {stage}", seconds, "s", aim_of(name, stage), "plain", plain)


def aim_of(name: str, stage: str) -> str:
    """Return the aim of a stage; only the released sizes have one."""
    return AIMS.get(stage, ("", ""))[1] if name == FULL else ""


def total_of(rows: list[Measurement], name: str) -> float:
    """Return the figure whose name begins so."""
    return next(row.value for row in rows if row.name.startswith(name))


def low_memory_speed(
    name: str, make: Callable[..., Pipeline], picture: np.ndarray, sampling: Sampling, normal: float
) -> list[Measurement]:
    """Measure the low-memory mode against the normal one."""
    pipeline = make(DEFAULT, low_memory=True)
    if pipeline.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    sequential = replace(sampling, guidance=Guidance(sequential=True))
    seconds = sum(measured_seconds(pipeline, picture, sequential).values())
    stage = "whole photo, low memory"
    rows = [Measurement(f"{name}: {stage}", seconds, "s", aim_of(name, stage), "normal", normal)]
    if pipeline.device.type == "cuda":
        stage, peak = "peak memory, low memory", torch.cuda.max_memory_allocated() / 1e9
        rows.append(Measurement(f"{name}: {stage}", peak, "GB", aim_of(name, stage)))
    return rows


@torch.inference_mode()
def operations_of(pipeline: Pipeline, picture: np.ndarray, steps: int) -> dict[str, int]:
    """Return the operations of the denoising loop and of GS-LRM, as this pipeline computes them."""
    draws = Draws(0)
    condition = pipeline.condition(picture, draws)
    latents = draws.normal(*condition.image_latents.shape).to(condition.image_latents)
    timestep = torch.tensor(501, device=pipeline.device)
    with pipeline.resident("unet") as unet:
        step = counted_operations(lambda: diffusion.predict(unet, latents, timestep, condition, True, False))
    views = np.repeat(picture[None], pipeline.views, axis=0)
    return {"denoising": step * steps, "GS-LRM": counted_operations(lambda: pipeline.reconstruct(views))}


def conditioning_picture(size: int) -> np.ndarray:
    """Return a smooth synthetic picture [size, size, 3] uint8."""
    rows, columns = np.mgrid[:size, :size] / size
    waves = np.stack([np.sin(9 * rows), np.cos(7 * columns), np.sin(5 * (rows + columns))], axis=2)
    return (127.5 + 127.5 * waves).astype(np.uint8)


def run(device: str) -> None:
    """Print the measurements for a device."""
    print_table("FaceLift, released sizes, counted operations", full_size_operations())
    print_table("FaceLift, released sizes, counted bytes of float16 weights", full_size_weights())
    if device != "cuda":
        # More would cost more than they bring at the tiny sizes.
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(SUBSET) as archive:
        archive.extractall(folder, filter="data")
        tiny = Checkpoint.open(Path(folder) / "openfacelift-tiny")

        def make_tiny(choices: Acceleration = DEFAULT, dtype: torch.dtype = torch.float32, low_memory: bool = False):
            return Pipeline(tiny, device, dtype, choices, low_memory, TINY_HEAD_WIDTH, Path(folder) / "cache")

        picture = conditioning_picture(make_tiny().picture_size)
        rows = []
        for dtype in (torch.float16, torch.bfloat16):
            rows += deviations("tiny", make_tiny(), make_tiny(dtype=dtype), picture, TINY_STEPS)
        print_table(f"FaceLift, precision, tiny random checkpoint on {device}", rows)
        if device != "cuda":
            rows = speed("tiny", make_tiny, picture, TINY_STEPS)
            print_table(
                f"FaceLift, processor time, tiny random checkpoint on {device}: no measure of the released models", rows
            )
            open_figures = [
                Measurement(f"{FULL}: {stage}", None, unit, aim, reason="no CUDA device")
                for stage, (unit, aim) in AIMS.items()
            ]
            print_table("FaceLift, speed and memory of the released sizes", open_figures)
            return
    run_full(device)


def run_full(device: str) -> None:
    """Print the measurements of the released sizes with random weights."""
    prompts = torch.randn(6, 77, 1024, generator=torch.Generator().manual_seed(0))

    def make(choices: Acceleration = DEFAULT, dtype: torch.dtype = torch.float16, low_memory: bool = False) -> Pipeline:
        pipeline = Pipeline(RandomCheckpoint(device=device, dtype=dtype), device, dtype, choices, low_memory)
        pipeline.use_prompts(prompts)
        return pipeline

    picture = conditioning_picture(512)
    print_table(
        f"FaceLift, released sizes, random weights, float16 on {device}", speed(FULL, make, picture, FULL_STEPS)
    )
    rows = []
    for dtype in (torch.float16, torch.bfloat16):
        # float16 weights in both: what is compared is the arithmetic.
        exact = Pipeline(RandomCheckpoint(device=device, dtype=torch.float16), device, torch.float32)
        exact.use_prompts(prompts)
        rows += deviations(FULL, exact, make(dtype=dtype), picture, 2)
    print_table(f"FaceLift, precision, released sizes, random weights on {device}", rows)


if __name__ == "__main__":
    run("cuda" if torch.cuda.is_available() else "cpu")
