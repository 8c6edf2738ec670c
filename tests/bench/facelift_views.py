"""GS-LRM with the rig's six views, and with photos beside them: time and memory, counted and measured."""

from __future__ import annotations

import numpy as np
import torch

from core.cameras import Camera, six_view_rig
from core.engines.facelift.pipeline import Pipeline

from .facelift_operations import GIGA, PICTURE, TERA, gslrm_bytes, gslrm_operations
from .facelift_random import GSLRM_SIZE
from .facelift_speed import REPEATS, Clock
from .report import Measurement

VIEWS = (6, 8, 10)
BESIDE = (315.0 + 22.5, 45.0, 135.0, 247.5)
"""Azimuths of the photos beside the rig's views: between them."""


def counted_views() -> list[Measurement]:
    """Count the operations and the memory of the released GS-LRM in float16, beside its weights."""
    rows = []
    for views in VIEWS:
        rows.append(Measurement(f"GS-LRM, {views} views: operations", gslrm_operations(views) / TERA, "TFLOP"))
        counted = gslrm_bytes(GSLRM_SIZE, views, PICTURE, torch.float16) / GIGA
        rows.append(Measurement(f"GS-LRM, {views} views: memory beside the weights", counted, "GB"))
    return rows


def measured_views(pipeline: Pipeline, picture: np.ndarray) -> list[Measurement]:
    """Measure GS-LRM on CUDA, all models loaded: seconds, and what it takes beside them.

    Args:
        pipeline: Of the released sizes.
        picture: [512, 512, 3] uint8.
    """
    rows, size = [], picture.shape[0]
    pipeline.load()
    for count in VIEWS:
        cameras = (*six_view_rig(size), *(Camera.orbit(azimuth, size=size) for azimuth in BESIDE[: count - 6]))
        views, clock = np.repeat(picture[None], count, axis=0), Clock(pipeline.device)
        pipeline.reconstruct(views, cameras=cameras)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        times = []
        for _ in range(REPEATS):
            clock.seconds.clear()
            with clock.stage("GS-LRM"):
                pipeline.reconstruct(views, cameras=cameras)
            times.append(clock.seconds["GS-LRM"])
        peak = (torch.cuda.max_memory_allocated() - before) / GIGA
        counted = GSLRM_SIZE.working_bytes(count, size, pipeline.dtype.itemsize) / GIGA
        rows.append(Measurement(f"GS-LRM, {count} views", min(times), "s"))
        rows.append(
            Measurement(f"GS-LRM, {count} views: memory beside the weights", peak, "GB", "", "counted", counted)
        )
    return rows
