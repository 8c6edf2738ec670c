"""Speed, memory and precision of the FaceLift engine.

On CUDA the released sizes with random weights, float16; elsewhere the tiny recorded checkpoint, whose
times say nothing of the released models and are printed as what they are.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch

from core.engines.facelift.acceleration import DEFAULT, MODES, Acceleration
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.pipeline import Pipeline

from .facelift_cpu_bench import parts_seconds, prepare_seconds
from .facelift_operations import full_size_operations, full_size_weights, matrix_rate
from .facelift_precision import deviations
from .facelift_random import RandomCheckpoint
from .facelift_speed import AIMS, DEFAULT_MODE, FULL, FULL_STEPS, WHOLE, speed, steps_alone
from .facelift_views import VIEWS, counted_views, measured_views
from .report import Measurement, print_table

SUBSET = Path(__file__).parents[1] / "data" / "facelift-parity" / "subset.tar.xz"
TINY_HEAD_WIDTH = 16
TINY_STEPS = 10
PHOTO_AIM = "<= 5"
"""Seconds from a photo to its Gaussians on one large graphics card."""


def conditioning_picture(size: int) -> np.ndarray:
    """Return a smooth synthetic picture [size, size, 3] uint8."""
    rows, columns = np.mgrid[:size, :size] / size
    waves = np.stack([np.sin(9 * rows), np.cos(7 * columns), np.sin(5 * (rows + columns))], axis=2)
    return (127.5 + 127.5 * waves).astype(np.uint8)


def run(device: str) -> None:
    """Print the measurements for a device."""
    print_table("FaceLift, released sizes, counted operations", full_size_operations())
    print_table("FaceLift, released sizes, counted bytes of float16 weights", full_size_weights())
    print_table("FaceLift, released sizes, heads of several photos, counted", counted_views())
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
                for stage, (unit, aim) in {**AIMS, "photo to Gaussians": ("s", PHOTO_AIM)}.items()
            ]
            open_figures += [
                Measurement(f"GS-LRM, {views} views", None, "s", reason="no CUDA device") for views in VIEWS
            ]
            print_table("FaceLift, speed and memory of the released sizes", open_figures)
            return
    run_full(device)


def run_full(device: str) -> None:
    """Print the measurements of the released sizes with random weights."""
    prompts = torch.randn(6, 77, 1024, generator=torch.Generator().manual_seed(0))

    def make(choices: Acceleration = DEFAULT, dtype: torch.dtype = torch.float16, low_memory: bool = False) -> Pipeline:
        home = "cpu" if low_memory else device
        checkpoint = RandomCheckpoint(device=device, dtype=dtype, home=home)
        pipeline = Pipeline(checkpoint, device, dtype, choices, low_memory)
        pipeline.use_prompts(prompts)
        return pipeline

    picture, kind = conditioning_picture(512), torch.device(device)
    rate = Measurement("matrix products, float16", matrix_rate(kind, torch.float16) / 1e12, "TFLOP/s")
    print_table(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", [rate])
    print_table("FaceLift, released sizes, one UNet step of both halves", steps_alone(FULL, make, picture))
    rows = speed(FULL, make, picture, FULL_STEPS)
    print_table(f"FaceLift, released sizes, random weights, float16 on {device}", rows)
    print_table(f"FaceLift, photo to Gaussians on {device}", whole_photo(rows))
    pipeline = make(MODES[DEFAULT_MODE])
    print_table(f"FaceLift, heads of several photos on {device}", measured_views(pipeline, picture))
    pipeline.unload()
    rows = []
    for dtype in (torch.float16, torch.bfloat16):
        # float16 weights in both: what is compared is the arithmetic.
        exact = Pipeline(RandomCheckpoint(device=device, dtype=torch.float16), device, torch.float32)
        exact.use_prompts(prompts)
        rows += deviations(FULL, exact, make(dtype=dtype), picture, 2)
    print_table(f"FaceLift, precision, released sizes, random weights on {device}", rows)


def whole_photo(rows: list[Measurement]) -> list[Measurement]:
    """Return the seconds of everything between a photo and its Gaussians, loaded models assumed."""
    models = next(row.value for row in rows if row.name == f"{FULL}, {DEFAULT_MODE}: {WHOLE}")
    prepare, parts = prepare_seconds(), parts_seconds()
    return [
        Measurement("face, matte and alignment, on the CPU", prepare, "s"),
        Measurement(f"models, mode {DEFAULT_MODE}", models, "s"),
        Measurement("parts of 800,000 Gaussians, on the CPU", parts, "s"),
        Measurement("photo to Gaussians", prepare + models + parts, "s", PHOTO_AIM),
    ]


if __name__ == "__main__":
    run("cuda" if torch.cuda.is_available() else "cpu")
