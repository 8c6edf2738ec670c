"""Splats as optical depth in a grid of voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import spence

from ..gaussians import Gaussians
from ..geometry import quaternions

RESOLUTION = 136
"""Voxels along the longest side of what the grid is about."""
MARGIN = 4
"""Empty voxels around it, so that every surface is closed inside of the grid."""
STRAY_SHARE = 1e-3
"""Share of Gaussians at each end of an axis that may lie outside: floaters must not stretch the grid."""
ROOM = 0.05
"""Share of the size that is added on each side up to the outermost Gaussian: the tip of a shoulder is no floater."""
NODES = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)])
WEIGHTS = np.array([1.0, 4.0, 1.0]) / 6.0
"""Three-point Gauss-Hermite rule: a Gaussian as three points, in standard deviations."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Where voxels are.

    Attributes:
        origin: [3], the centre of voxel (0, 0, 0).
        size: Length of a voxel's side.
        shape: Voxels along x, y and z.
    """

    origin: np.ndarray
    size: float
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, means: np.ndarray, resolution: int = RESOLUTION) -> Grid:
        """Return the grid that holds centres [N, 3] but for stray ones; N is at least one."""
        low, high = np.quantile(means.astype(np.float64), (STRAY_SHARE, 1 - STRAY_SHARE), axis=0)
        room = ROOM * (high - low)
        low, high = np.maximum(low - room, means.min(axis=0)), np.minimum(high + room, means.max(axis=0))
        size = max(float((high - low).max()) / resolution, 1e-9)
        counts = np.ceil((high - low) / size).astype(int) + 1 + 2 * MARGIN
        return cls(low - MARGIN * size, size, tuple(counts.tolist()))

    def coordinates(self, points: np.ndarray) -> np.ndarray:
        """Return points [N, 3] in voxels, float32; whole numbers are centres."""
        return ((points - self.origin) / self.size).astype(np.float32)

    def points(self, coordinates: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`coordinates`."""
        return coordinates * self.size + self.origin

    def collect(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the sums of weights [N] per voxel, float32; points outside are left out."""
        places = np.rint(self.coordinates(points)).astype(np.int64)
        inside = ((places >= 0) & (places < self.shape)).all(axis=1)
        flat = np.ravel_multi_index(places[inside].T, self.shape)
        sums = np.bincount(flat, weights[inside], minlength=int(np.prod(self.shape)))
        return sums.reshape(self.shape).astype(np.float32)

    def sample(self, field: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return a field's values [N] at points [N, 3], trilinear; the border's values outside."""
        return ndimage.map_coordinates(field, self.coordinates(points).T, order=1, mode="nearest")


def optical_depth(gaussians: Gaussians, grid: Grid) -> np.ndarray:
    """Return how much a ray that crosses a voxel is attenuated there: exp(-value) is what gets through.

    A splat of opacity o weakens light on an area of 2 pi s1 s2 (its two longer axes) as
    -log(1 - o exp(-r^2 / 2)), which integrates to the dilogarithm of o times that area.
    """
    order = np.argsort(-gaussians.scales, axis=1)
    lengths = np.take_along_axis(gaussians.scales, order, axis=1)
    areas = 2 * np.pi * lengths[:, 0] * lengths[:, 1] * spence(1 - gaussians.opacities.astype(np.float64))
    axes = quaternions.to_matrices(gaussians.rotations)
    major, minor = (
        np.take_along_axis(axes, order[:, None, index : index + 1], axis=2)[..., 0] * lengths[:, index : index + 1]
        for index in (0, 1)
    )
    total = np.zeros(grid.shape, np.float32)
    for first, first_weight in zip(NODES, WEIGHTS, strict=True):
        for second, second_weight in zip(NODES, WEIGHTS, strict=True):
            points = gaussians.means + major * np.float32(first) + minor * np.float32(second)
            total += grid.collect(points, areas * (first_weight * second_weight))
    return total / np.float32(grid.size**2)
