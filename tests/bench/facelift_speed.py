"""Seconds by stage and memory of the FaceLift pipeline, against the same models run plainly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch

from core.engines.facelift import attention, convert, diffusion, filters
from core.engines.facelift.acceleration import BASELINE, MODES
from core.engines.facelift.conditioning import Conditioning
from core.engines.facelift.draws import Draws
from core.engines.facelift.pipeline import Pipeline, Sampling

from .facelift_operations import counted_operations, matrix_rate, seconds_on, wait_for
from .report import Measurement

REPEATS, STEP_REPEATS = 3, 10
ALONE = {
    "nothing else": {},
    "text keys cached": {"cached_text": True},
    "front view plain": {"plain_first_view": True},
    "fused projections": {"fused_projections": True},
    "split gates": {"split_gates": True},
    "channels last": {"channels_last": True},
}
"""Optimisations of the denoising loop, each alone on top of the baseline."""
DEFAULT_MODE = "graph"
STAGES = ("conditioning", "denoising", "decoding", "GS-LRM", "filters and conversion")
FULL, FULL_STEPS = "full", 50
WHOLE = f"models, {FULL_STEPS} steps"
AIMS = {
    WHOLE: ("s", "2x plain"),
    "GS-LRM": ("s", "<= 0.4"),
    "peak memory": ("GB", "<= 10"),
    f"{WHOLE}, low memory": ("s", "<= 2x normal"),
    "peak memory, low memory": ("GB", "<= 6"),
}
"""Units and aims of the released sizes on one large graphics card."""

Make = Callable[..., Pipeline]
"""Returns a pipeline for ``choices`` and ``low_memory``."""


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


def step_inputs(pipeline: Pipeline, picture: np.ndarray) -> tuple[Conditioning, torch.Tensor, torch.Tensor]:
    """Return the condition, latents and timestep of a step in the middle of denoising."""
    draws = Draws(0)
    condition = pipeline.condition(picture, draws)
    latents = draws.normal(*condition.image_latents.shape).to(condition.image_latents)
    return condition, latents, torch.tensor(501, device=pipeline.device)


@torch.inference_mode()
def step_milliseconds(pipeline: Pipeline, picture: np.ndarray, repeats: int = STEP_REPEATS) -> tuple[float, float]:
    """Return the milliseconds of one guided UNet step: the first, which compiles and captures, and the median."""
    condition, latents, timestep = step_inputs(pipeline, picture)
    with pipeline.resident("unet") as unet:
        attention.remember_prompts(unet, condition.prompts)
        forward = pipeline.forward(unet)
        times = []
        for _ in range(repeats + 3):
            wait_for(pipeline.device)
            start = time.perf_counter()
            diffusion.predict(forward, latents, timestep, condition, True, False)
            wait_for(pipeline.device)
            times.append(1000 * (time.perf_counter() - start))
    return times[0], sorted(times[3:])[repeats // 2]


def steps_alone(name: str, make: Make, picture: np.ndarray) -> list[Measurement]:
    """Measure single optimisations of a step, all replayed as a graph where the device can."""
    plain = step_milliseconds(make(BASELINE), picture)[1]
    rows = []
    for label, change in ALONE.items():
        pipeline = make(replace(BASELINE, cuda_graph=True, **change))
        milliseconds = step_milliseconds(pipeline, picture)[1]
        pipeline.unload()
        rows.append(Measurement(f"{name}: step as a graph, {label}", milliseconds, "ms", "", "plain", plain))
    return rows


def speed(name: str, make: Make, picture: np.ndarray, steps: int) -> list[Measurement]:
    """Measure the pipeline in each mode against its baseline, in low-memory mode and with the fast preset.

    Args:
        name: What is measured, for the lines of the table.
        make: Makes pipelines.
        picture: The conditioning picture.
        steps: Denoising steps.
    """
    sampling = Sampling(steps=steps)
    pipeline = make(BASELINE)
    baseline = measured_seconds(pipeline, picture, sampling)
    device, rows = pipeline.device, []
    pipeline.unload()
    whole = f"models, {steps} steps"
    rows += [Measurement(f"{name}, plain: {stage}", baseline[stage], "s") for stage in STAGES]
    rows.append(Measurement(f"{name}, plain: {whole}", sum(baseline.values()), "s"))
    for mode, choices in MODES.items():
        if mode != "off" and device.type != "cuda":
            continue
        try:
            rows += mode_speed(name, mode, partial(make, choices), picture, sampling, baseline)
        except Exception as error:  # Compilers and drivers fail in ways of their own; the other figures stand.
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            rows.append(Measurement(f"{name}, {mode}", None, "s", reason=reason))
    usual = DEFAULT_MODE if device.type == "cuda" else "off"
    normal = next(row.value for row in rows if row.name == f"{name}, {usual}: {whole}")
    rows += low_memory_speed(name, make, picture, sampling, normal)
    pipeline = make(MODES[usual])
    seconds = sum(measured_seconds(pipeline, picture, Sampling(steps=steps // 2, fast=True)).values())
    pipeline.unload()
    rows.append(Measurement(f"{name}, {usual}: models, fast preset, {steps // 2} steps", seconds, "s"))
    return rows


def mode_speed(
    name: str, mode: str, make: Make, picture: np.ndarray, sampling: Sampling, baseline: dict[str, float]
) -> list[Measurement]:
    """Measure one mode by stage against the baseline's seconds."""
    rows = []
    for label in ("compiled anew", "compiled once before") if mode == "compile" else ():
        torch._dynamo.reset()
        pipeline = make()
        first = step_milliseconds(pipeline, picture, 1)[0] / 1000
        pipeline.unload()
        rows.append(Measurement(f"{name}, {mode}: first step, {label}", first, "s"))
    pipeline = make()
    cuda = pipeline.device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    seconds = measured_seconds(pipeline, picture, sampling)
    for stage in STAGES:
        rows.append(timed(name, mode, stage, seconds[stage], baseline[stage]))
    whole = f"models, {sampling.steps} steps"
    rows.append(timed(name, mode, whole, sum(seconds.values()), sum(baseline.values())))
    if cuda:
        peak = torch.cuda.max_memory_allocated() / 1e9
        rows.append(Measurement(f"{name}, {mode}: peak memory", peak, "GB", aim_of(name, "peak memory")))
    rate = matrix_rate(pipeline.device, pipeline.dtype)
    pipeline.choices = MODES["off"]  # What is compiled or replayed cannot be counted.
    for stage, operations in operations_of(pipeline, picture, sampling.steps).items():
        share = 100 * operations / seconds[stage] / rate
        rows.append(Measurement(f"{name}, {mode}: {stage}, share of the product rate", share, "%"))
    pipeline.unload()
    return rows


def timed(name: str, mode: str, stage: str, seconds: float, plain: float) -> Measurement:
    """Return the line of a stage's seconds beside the baseline's."""
    return Measurement(f"{name}, {mode}: {stage}", seconds, "s", aim_of(name, stage), "plain", plain)


def aim_of(name: str, stage: str) -> str:
    """Return the aim of a stage; only the released sizes have one."""
    return AIMS.get(stage, ("", ""))[1] if name == FULL else ""


def low_memory_speed(
    name: str, make: Make, picture: np.ndarray, sampling: Sampling, normal: float
) -> list[Measurement]:
    """Measure the low-memory mode against the normal one."""
    pipeline = make(MODES["off"], low_memory=True)
    cuda = pipeline.device.type == "cuda"
    photo_seconds(pipeline, picture, replace(sampling, steps=2))
    if cuda:
        # Only now: making the random weights needs memory too.
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    seconds = min(sum(photo_seconds(pipeline, picture, sampling).values()) for _ in range(REPEATS))
    stage = f"models, {sampling.steps} steps, low memory"
    rows = [Measurement(f"{name}: {stage}", seconds, "s", aim_of(name, stage), "normal", normal)]
    if cuda:
        stage, peak = "peak memory, low memory", torch.cuda.max_memory_allocated() / 1e9
        rows.append(Measurement(f"{name}: {stage}", peak, "GB", aim_of(name, stage)))
    return rows


@torch.inference_mode()
def operations_of(pipeline: Pipeline, picture: np.ndarray, steps: int) -> dict[str, int]:
    """Return the operations of the denoising loop and of GS-LRM, as this pipeline computes them."""
    condition, latents, timestep = step_inputs(pipeline, picture)
    with pipeline.resident("unet") as unet:
        step = counted_operations(lambda: diffusion.predict(unet, latents, timestep, condition, True, False))
    views = np.repeat(picture[None], pipeline.views, axis=0)
    return {"denoising": step * steps, "GS-LRM": counted_operations(lambda: pipeline.reconstruct(views))}
