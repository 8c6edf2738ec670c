"""Evenly spread places on a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, eq=False)
class Seeds:
    """Places on the quads of a surface.

    Attributes:
        quads: [N] which quad each lies on.
        shares: [N, 4] of the quad's corners.
        spacing: [N] distance to the neighbours: the root of the area that each stands for.
    """

    quads: np.ndarray
    shares: np.ndarray
    spacing: np.ndarray

    def interpolate(self, corners: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return values [N, C] of vertices [V, C] at the seeds; ``corners`` [Q, 4] are the quads' vertices."""
        return (values[corners[self.quads]] * self.shares[..., None]).sum(1)


def spread(vertices: np.ndarray, quads: np.ndarray, density: np.ndarray, count: int, rng: np.random.Generator) -> Seeds:
    """Spread seeds over quads: systematic sampling along a space-filling curve, which leaves no gaps.

    Args:
        vertices: [V, 3].
        quads: [Q, 4] vertex indices.
        density: [Q] relative number per area, >= 0, some of it > 0.
        count: Number of seeds, at least one.
        rng: Source of the jitter.
    """
    corners = vertices[quads]
    order = np.argsort(_z_order(corners.mean(1)))
    a, b, c, d = np.moveaxis(corners, 1, 0)
    shares = (np.linalg.norm(np.cross(c - a, d - b), axis=1) / 2 * density)[order]
    ends = np.cumsum(shares)
    marks = (np.arange(count) + rng.random(count)) * (ends[-1] / count)
    chosen = np.minimum(np.searchsorted(ends, marks), len(order) - 1)
    # Within a quad, one coordinate follows from the mark, the other from a low-discrepancy sequence.
    u = np.clip((ends[chosen] - marks) / np.maximum(shares[chosen], 1e-12), 0, 1)
    v = (np.arange(count) * GOLDEN + rng.random()) % 1
    corner_shares = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    place = order[chosen]
    return Seeds(place, corner_shares, np.sqrt(ends[-1] / count / np.maximum(density[place], 1e-12)))


def _z_order(points: np.ndarray) -> np.ndarray:
    """Return the place [N] of points [N, 3] along a Z-order curve (Morton 1966) of 1024 steps an axis."""
    low, high = points.min(0), points.max(0)
    cells = ((points - low) / max(float((high - low).max()), 1e-12) * 1023).astype(np.int64)
    codes = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            codes |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return codes
