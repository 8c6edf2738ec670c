"""What guides look like: the colours of the splats around them, and how thick hairs are."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..gaussians import Gaussians
from ..hair.grid import FlowGrid

SHALLOW = 0.02
"""World units under the hair's surface down to which splats have the colour that is seen."""
NEIGHBORS = 4
"""Splats whose mean colours a point."""
RADIUS = 0.00010
"""Metres: a real hair has 0.04 mm, but each stands for several."""
FULL, TIP = 0.6, 0.35
"""Share of a hair's length up to which it is as thick as at its root, and thickness of the tip over that."""


def colors_at(points: np.ndarray, splats: Gaussians, grid: FlowGrid) -> np.ndarray:
    """Return sRGB-encoded colours [P, 3] float32 of hair at points [P, 3]: as the splats over them show it.

    Args:
        points: In the engines' frame.
        splats: The hair's, at least one.
        grid: Knows where the hair's surface is.
    """
    shown = np.flatnonzero(grid.look_up(splats.means.astype(np.float64)).height > -SHALLOW)
    if len(shown):
        splats = splats.select(shown)
    place = grid.look_up(points)
    up = points - np.minimum(place.height, 0)[:, None] * place.normal
    count = min(NEIGHBORS, len(splats))
    distance, nearest = cKDTree(splats.means).query(up, k=range(1, count + 1))
    weights = splats.opacities[nearest] / (distance + 0.01)
    colors = (splats.colors[nearest] * weights[..., None]).sum(1) / np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return np.clip(colors, 0, 1).astype(np.float32)


def radii_at(places: np.ndarray, metre: float) -> np.ndarray:
    """Return hairs' radii [P] float32 at places [P] on them, 0 at the root and 1 at the tip.

    Args:
        places: 0..1.
        metre: Length of a metre in the wanted unit.
    """
    return (RADIUS * metre * np.interp(places, (0, FULL, 1), (1, 1, TIP))).astype(np.float32)
