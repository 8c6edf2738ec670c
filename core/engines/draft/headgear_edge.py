"""How far down headgear reaches where the photo does not show it."""

from __future__ import annotations

import numpy as np

from ...splats.parts import Part
from .fields import nearest_fill
from .portrait import FittedPortrait
from .segmentation import Segmentation

LEVEL = 20.0
"""Weight of a level lower edge from front to back against the photo's edge; in columns of the photo."""
STEEPEST = 0.5
"""Slope of that edge at most."""
FEWEST_HAIRS = 300
"""Pixels of hair beside headgear from which hair shows below it at the back, too."""


def under_headgear(portrait: FittedPortrait, segmentation: Segmentation, points: np.ndarray) -> np.ndarray:
    """Return which points [N, 3] of the head headgear covers: those over the plane along its lower edge.

    Where headgear falls below the chin, it covers all of the head.
    """
    headgear = segmentation.headgear
    if not headgear.any():
        return np.zeros(len(points), bool)
    columns = np.flatnonzero(headgear.any(0))
    rows = headgear.shape[0] - 1 - headgear[::-1, columns].argmax(0)
    if (rows >= portrait.chin_row - 1).any():
        return np.ones(len(points), bool)
    depth = portrait.mesh_maps.depth
    depth = nearest_fill(depth, np.isfinite(depth))
    pixels = np.stack([columns, rows], axis=1) + 0.5
    edge = portrait.camera.unproject(pixels, depth[rows, columns].astype(np.float64))
    middle = edge.mean(0)
    axes = portrait.fit.pose.rotation[:, :2]
    across = (edge - middle) @ axes
    level = np.diag([1e-6, 1e-6 + LEVEL * float((across[:, 1] ** 2).mean())])
    slopes = np.linalg.solve(across.T @ across + level, across.T @ (edge - middle)[:, 2])
    away = points - middle
    return away[:, 2] > away @ axes @ np.clip(slopes, -STEEPEST, STEEPEST)


def has_hair_below(segmentation: Segmentation) -> bool:
    """Return whether the photo shows hair beside headgear: otherwise what stands off the head is headgear."""
    return bool(segmentation.is_part(Part.HAIR).sum() >= FEWEST_HAIRS)
