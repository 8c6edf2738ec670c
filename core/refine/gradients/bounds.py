"""How far splats may go from where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...gaussians import Gaussians
from ...splats import spherical_harmonics as harmonics

TRAVEL, TRAVEL_OF_SIZE = 1.5, 0.02
"""Radius of trust around a mean: in largest standard deviations of its splat, and at most in head sizes."""
FACTOR = 2.0
"""By which a scale may grow or shrink."""
LARGEST = 0.05
"""Scale in head sizes above which none grows."""
TURN = np.radians(30.0)
COLOR, OPACITY = 0.1, 0.1
"""Colours and opacities follow by so much, where they stay within 0..1, or as far outside as they were."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """How far N splats may go, both ways.

    Attributes:
        travel: [N] float32 lengths, of means in any direction.
        scales: [2, N, 3] float32, natural logarithms of the largest factors by which scales shrink and grow.
        turn: Radians, of rotations around any axis.
        colors: [2, N, 3] float32, of the constant harmonic, down and up.
        opacities: [2, N] float32, down and up.
    """

    travel: np.ndarray
    scales: np.ndarray
    turn: float
    colors: np.ndarray
    opacities: np.ndarray


def bounds_of(gaussians: Gaussians, opacities: bool) -> Bounds:
    """Return the bounds of splats.

    Args:
        gaussians: The splats.
        opacities: Whether opacities may change.
    """
    size = head_size(gaussians.means)
    scales = gaussians.scales
    most = np.log(FACTOR)
    grow = np.clip(np.log(LARGEST * size / scales), 0, most)
    colors, seen = gaussians.colors, np.float32(COLOR / harmonics.C0)
    room = np.stack([colors, 1 - colors]) / np.float32(harmonics.C0)
    fade = np.stack([gaussians.opacities, 1 - gaussians.opacities])
    return Bounds(
        np.minimum(TRAVEL * scales.max(axis=1), np.float32(TRAVEL_OF_SIZE * size)),
        np.stack([np.full_like(scales, most), grow.astype(np.float32)]),
        float(TURN),
        np.clip(room, 0, seen),
        np.clip(fade, 0, OPACITY if opacities else 0).astype(np.float32),
    )


def head_size(means: np.ndarray) -> float:
    """Return a length for the size of splats with these means [N, 3]: from their middle to nine in ten of them."""
    return float(np.percentile(np.linalg.norm(means - np.median(means, axis=0), axis=1), 90))
