"""The unrefined look from sides that no photo shows: how much of it hangs on each splat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from ..rasterize.projection import Splats, project
from ..rasterize.tiles import blending_weights
from .views import Seen, in_reference_unit

TURNS = ((-60.0, 0.0), (60.0, 0.0), (0.0, -50.0), (0.0, 50.0), (180.0, 0.0))
"""Degrees around the head, to the right and upwards, by which anchors stand beside the photo's camera."""
SIZE = 256
"""Pixels of the anchors' width."""
APART = 25.0
"""Degrees by which a side is away from all photos that no photo shows."""


def seen_elsewhere(gaussians: Gaussians, camera: Camera, step: Callable[[], None] = lambda: None) -> np.ndarray:
    """Return how many pixels of a photo's size each splat fills in the picture beside it that shows most of it, [N].

    Args:
        gaussians: The splats.
        camera: The photo's.
        step: Called after every picture; may raise to cancel.
    """
    splats, near = in_reference_unit(gaussians, camera.resized(SIZE))
    middle = np.median(splats.means, axis=0).astype(np.float64)
    most = np.zeros(len(gaussians))
    for turn in TURNS:
        beside = _turned(near, middle, *turn)
        visible = project(splats, beside)
        most[visible.indices] = np.maximum(most[visible.indices], _filled(visible, beside))
        step()
    return most * (camera.width / SIZE) ** 2


def cameras_beside(means: np.ndarray, cameras: Sequence[Camera], size: int) -> list[Camera]:
    """Return cameras that look at splats from sides which no photo shows.

    Args:
        means: [N, 3] the splats' centres.
        cameras: The photos'.
        size: Pixels of the pictures' width.
    """
    middle = np.median(means, axis=0).astype(np.float64)
    taken, found = [_side(camera, middle) for camera in cameras], []
    for camera in cameras:
        for turn in TURNS:
            beside = _turned(camera.resized(size), middle, *turn)
            side = _side(beside, middle)
            if max(float(side @ other) for other in taken) < np.cos(np.radians(APART)):
                taken.append(side)
                found.append(beside)
    return found


def _side(camera: Camera, middle: np.ndarray) -> np.ndarray:
    """Return the direction [3] from a point to a camera, of length 1."""
    offset = camera.position - middle
    return offset / np.linalg.norm(offset)


def seen_in(seen: Sequence[Seen], count: int) -> np.ndarray:
    """Return how many pixels each of some splats fills in photos, [count]."""
    pixels = np.zeros(count)
    for each in seen:
        pixels[each.splats.indices] += each.weights.sum(axis=0)
    return pixels


def _filled(visible: Splats, camera: Camera) -> np.ndarray:
    """Return how many pixels visible splats fill, [M]: the sum of their weights."""
    _, owners, weights = blending_weights(visible, camera.width, camera.height)
    return np.bincount(owners, weights, len(visible))


def _turned(camera: Camera, middle: np.ndarray, right: float, up: float) -> Camera:
    """Return a camera moved around a point [3], by degrees to its right and upwards, looking as before."""
    a, b = np.radians(right), np.radians(up)
    around = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    over = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    axes = camera.c2w[:3, :3]
    turn = axes @ around @ over @ axes.T
    c2w = camera.c2w.copy()
    c2w[:3, :3] = turn @ axes
    c2w[:3, 3] = middle + turn @ (camera.position - middle)
    return replace(camera, c2w=c2w)
