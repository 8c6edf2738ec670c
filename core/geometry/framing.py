"""How far a camera has to stand to see all of something from all around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STRAYS = 0.2
"""Percent of points that don't count for a size: floaters would make the rest tiny."""
AIR = 1.06
"""Factor by which a picture is larger than what it shows."""
SMALLEST = 1e-6
"""Of sizes: a single point has none, and a camera must not stand in it."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """An upright cylinder around points.

    Attributes:
        center: [3] float64.
        radius: Around the vertical axis, positive.
        height: Half of it, positive.
    """

    center: np.ndarray
    radius: float
    height: float

    def distance(self, slope: float, elevation: float = 0.0) -> float:
        """Return how far from the centre a camera sees the cylinder whole in its square picture.

        Args:
            slope: Tangent of half its field of view.
            elevation: Degrees of the camera above the horizon, -90 < elevation < 90.
        """
        radius, height = self.radius * AIR, self.height * AIR
        beside = radius / np.sin(np.arctan(slope))
        tilt = np.radians(abs(elevation))
        nearest = radius * np.cos(tilt) + height * np.sin(tilt)
        highest = height * np.cos(tilt) + radius * np.sin(tilt)
        return float(max(beside, nearest + highest / slope))


def upright_bounds(clouds: Sequence[np.ndarray]) -> Bounds:
    """Return the bounds of points [N, 3], one array of them a thing, none empty."""
    inner = [np.percentile(points.astype(np.float64), (STRAYS, 100 - STRAYS), axis=0) for points in clouds]
    low = np.min([limits[0] for limits in inner], axis=0)
    high = np.max([limits[1] for limits in inner], axis=0)
    center = (low + high) / 2
    radii = [np.percentile(np.hypot(*(points[:, :2] - center[:2]).T), 100 - STRAYS) for points in clouds]
    return Bounds(center, max(float(max(radii)), SMALLEST), max(float(high[2] - low[2]) / 2, SMALLEST))
