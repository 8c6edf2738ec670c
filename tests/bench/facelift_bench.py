"""Speed, memory and precision of the FaceLift engine.

On CUDA the released sizes with random weights, float16; elsewhere the tiny recorded checkpoint, whose
times say nothing of the released models and are printed as what they are.
"""

from __future__ import annotations

import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from core.engines.facelift import attention, convert, diffusion, filters
from core.engines.facelift.acceleration import BASELINE, DEFAULT, Acceleration
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.conditioning import Conditioning
from core.engines.facelift.diffusion import Guidance
from core.engines.facelift.draws import Draws
from core.engines.facelift.pipeline import Pipeline, Sampling

from .facelift_operations import counted_operations, full_size_operations, matrix_rate, wait_for
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
        start = time.perf_counter()
        yield
        wait_for(self.device)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


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
    device, dtype = baseline_pipeline.device, baseline_pipeline.dtype
    rows = []
    for label, change in SINGLE_CHOICES.items():
        seconds = measured_seconds(make(replace(BASELINE, **change)), picture, sampling)["denoising"]
        rows.append(Measurement(f"{name}: denoising, {label}", seconds, "s", "", "plain", baseline["denoising"]))
    variants = {"": DEFAULT}
    if device.type == "cuda":
        variants |= {", CUDA graph": replace(DEFAULT, cuda_graph=True), ", compiled": replace(DEFAULT, compiled=True)}
    for label, choices in variants.items():
        pipeline = make(choices)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        seconds = measured_seconds(pipeline, picture, sampling)
        for stage in STAGES:
            rows.append(Measurement(f"{name}{label}: {stage}", seconds[stage], "s", "", "plain", baseline[stage]))
        total, plain = sum(seconds.values()), sum(baseline.values())
        rows.append(Measurement(f"{name}{label}: whole photo, {steps} steps", total, "s", "", "plain", plain))
        rate = matrix_rate(device, dtype)
        for stage, operations in operations_of(pipeline, picture, steps).items():
            share = 100 * operations / seconds[stage] / rate
            rows.append(Measurement(f"{name}{label}: {stage}, share of the product rate", share, "%"))
        if device.type == "cuda":
            rows.append(
                Measurement(f"{name}{label}: peak memory", torch.cuda.max_memory_allocated() / 1e9, "GB", "<= 10")
            )
        pipeline.unload()
    rows += low_memory_speed(name, make, picture, sampling, total_of(rows, f"{name}: whole photo"))
    fast = Sampling(steps=steps // 2, fast=True)
    seconds = sum(measured_seconds(make(DEFAULT), picture, fast).values())
    rows.append(Measurement(f"{name}: whole photo, fast preset, {steps // 2} steps", seconds, "s"))
    return rows


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
    rows = [Measurement(f"{name}: whole photo, low memory", seconds, "s", "<= 2 x", "normal", normal)]
    if pipeline.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 1e9
        rows.append(Measurement(f"{name}: peak memory, low memory", peak, "GB", "<= 6"))
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


@torch.inference_mode()
def deviations(name: str, exact: Pipeline, other: Pipeline, picture: np.ndarray, steps: int) -> list[Measurement]:
    """Return how far each stage in lower precision is from float32 on the same inputs (relative L2)."""
    seen: dict[str, torch.Tensor] = {}
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


def conditioning_picture(size: int) -> np.ndarray:
    """Return a smooth synthetic picture [size, size, 3] uint8."""
    rows, columns = np.mgrid[:size, :size] / size
    waves = np.stack([np.sin(9 * rows), np.cos(7 * columns), np.sin(5 * (rows + columns))], axis=2)
    return (127.5 + 127.5 * waves).astype(np.uint8)


def run(device: str) -> None:
    """Print the measurements for a device."""
    print_table("FaceLift, released sizes, counted operations", full_size_operations())
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
            print_table(f"FaceLift, speed, tiny random checkpoint on {device}: no measure of the released models", rows)
            print("  Released sizes: not measured, this computer has no CUDA device.")
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
        f"FaceLift, released sizes, random weights, float16 on {device}", speed("full", make, picture, FULL_STEPS)
    )
    rows = []
    for dtype in (torch.float16, torch.bfloat16):
        # float16 weights in both: what is compared is the arithmetic.
        exact = Pipeline(RandomCheckpoint(device=device, dtype=torch.float16), device, torch.float32)
        exact.use_prompts(prompts)
        rows += deviations("full", exact, make(dtype=dtype), picture, 2)
    print_table(f"FaceLift, precision, released sizes, random weights on {device}", rows)


if __name__ == "__main__":
    run("cuda" if torch.cuda.is_available() else "cpu")
