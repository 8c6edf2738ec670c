"""Pictures of a finished head: once around it, from the six cameras, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .. import cameras
from ..gaussians import Gaussians
from ..progress import Reporter
from ..system import video
from .choice import Renderer, best_renderer

FRAMES, FRAMES_PER_SECOND, SIZE = 150, 30, 512
"""The reference's turntable: five seconds, beginning at the front, at the height of the eyes, on white."""


def turntable_frames(
    gaussians: Gaussians, count: int = FRAMES, size: int = SIZE, renderer: Renderer | None = None
) -> Iterator[np.ndarray]:
    """Yield the turntable's frames, [size, size, 3] uint8.

    Args:
        gaussians: The head.
        count: Number of frames in one turn.
        size: Width and height in pixels.
        renderer: The best one of this machine by default.
    """
    renderer = renderer or best_renderer()
    for camera in cameras.turntable(count, size):
        yield renderer(gaussians, camera).to_uint8()


def write_turntable(
    gaussians: Gaussians,
    path: Path,
    reporter: Reporter | None = None,
    count: int = FRAMES,
    size: int = SIZE,
    renderer: Renderer | None = None,
) -> None:
    """Write a turntable as an MP4 file of 30 frames a second.

    Args:
        gaussians: The head.
        path: Where to; an existing file stays until the new one is complete.
        reporter: Progress in frames, and cancelling.
        count: Number of frames in one turn.
        size: Width and height in pixels, even.
        renderer: The best one of this machine by default.

    Raises:
        FaceLiftError: the video library is missing, or the file can't be written.
        Cancelled: cancelled through the reporter.
    """
    reporter = reporter or Reporter()
    reporter.stage("Rendering the turntable", steps=count)

    def counted() -> Iterator[np.ndarray]:
        for frame in turntable_frames(gaussians, count, size, renderer):
            yield frame
            reporter.step()

    video.write_mp4(path, counted(), (size, size), FRAMES_PER_SECOND)


def rendered_views(gaussians: Gaussians, size: int = SIZE, renderer: Renderer | None = None) -> np.ndarray:
    """Return the head through FaceLift's six cameras, [6, size, size, 3] uint8, in the rig's order."""
    renderer = renderer or best_renderer()
    return np.stack([renderer(gaussians, camera).to_uint8() for camera in cameras.six_view_rig(size)])


def sheet(views: np.ndarray) -> np.ndarray:
    """Return views [V, H, W, C] side by side, [H, V * W, C]."""
    return np.concatenate(list(views), axis=1)
