"""A head's surface from its splats: a closed mesh just below it, and the splats' outward normals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..gaussians import Gaussians
from ..geometry import quaternions
from .manifold import well_composed
from .mesh import Mesh, surface_net
from .openness import openness
from .voxels import RESOLUTION, Grid, optical_depth

BLUR = 0.7
"""Voxels; standard deviation that joins neighbouring splats to a wall."""
SOLIDITY = 3.0
"""Factor on optical depth: walls that let a tenth of the light through are walls all the same."""
OPEN = 0.1
"""Voxels that less light reaches are inside: light through two or three chance gaps is not enough."""
SMALLEST_ISLAND = 0.02
"""Of the largest body's voxels; smaller ones are floaters and have no surface."""
ROUNDS = 6
"""Of smoothing the mesh."""
INSET = 2.2
"""Voxels from the outer side of the splats' wall to the mesh, so that it neither shades nor hides the splats."""
NORMAL_BLUR = 0.02
"""Standard deviation of the window in which normals are averaged, by the longest side."""
TREND = 0.15
"""Weight of the way out of the body against the splats' own normals: it decides where these disagree."""


@dataclass(frozen=True, eq=False)
class Relief:
    """What is inside and what is outside of splats.

    Attributes:
        gaussians: N splats that it was made of, at least one.
        grid: Its voxels.
        depth: Optical depth of each voxel, exaggerated.
        light: Share of the surroundings' light that reaches each voxel, smoothed.
    """

    gaussians: Gaussians
    grid: Grid
    depth: np.ndarray
    light: np.ndarray

    @cached_property
    def _outwards(self) -> list[np.ndarray]:
        return np.gradient(ndimage.gaussian_filter(self.light, 1.0))

    def mesh(self, inset: float = INSET) -> Mesh:
        """Return the closed surface; empty when nothing is inside. What is too thin for it is left out.

        Args:
            inset: Voxels by which it lies under the outer side of the splats' wall.
        """
        net = surface_net(well_composed(ndimage.gaussian_filter(self.distances(), 1.0) + np.float32(inset)), 0)
        if len(net.vertices):
            net = net.smoothed(ROUNDS)
        return Mesh(self.grid.points(net.vertices).astype(np.float32), net.faces)

    def distances(self) -> np.ndarray:
        """Return each voxel's distance [X, Y, Z] float32 to the surface in voxels, negative inside."""
        inside = largest_bodies(self.light < OPEN)
        outer, inner = (ndimage.distance_transform_edt(mask).astype(np.float32) for mask in (~inside, inside))
        return np.where(inside, -inner, outer)

    def outward(self, points: np.ndarray) -> np.ndarray:
        """Return the unit directions [P, 3] in which it gets lighter; zero far from everything."""
        return _normalized(np.stack([self.grid.sample(part, points) for part in self._outwards], axis=1))

    def normals(self, gaussians: Gaussians) -> np.ndarray:
        """Return the splats' outward unit normals [N, 3] float32, averaged with their neighbours.

        Args:
            gaussians: Those that this is made of, or more of the same object.
        """
        own = _shortest_axes(gaussians)
        outward = self.outward(gaussians.means)
        own *= np.where((own * outward).sum(axis=1, keepdims=True) < 0, -1, 1)
        ordered = np.sort(gaussians.scales, axis=1)
        flatness = 1 - ordered[:, 0] / ordered[:, 1]
        weights = (gaussians.opacities * ordered[:, 1] * ordered[:, 2])[:, None]
        vectors = weights * (flatness[:, None] * own + TREND * outward)
        blur = NORMAL_BLUR * max(self.grid.shape)
        averaged = []
        for axis in range(3):
            collected = self.grid.collect(gaussians.means, vectors[:, axis])
            averaged.append(self.grid.sample(ndimage.gaussian_filter(collected, blur), gaussians.means))
        return _normalized(np.stack(averaged, axis=1))

    def colors(self, points: np.ndarray) -> np.ndarray:
        """Return the splats' mean display colours [P, 3] float32 around points, 0..1."""
        weights = self.gaussians.opacities * np.sort(self.gaussians.scales, axis=1)[:, 1:].prod(axis=1)
        # The wide window colours what no splat is near to.
        sums = []
        for values in (np.ones(len(weights)), *self.gaussians.colors.T):
            collected = self.grid.collect(self.gaussians.means, weights * values)
            near, far = (ndimage.gaussian_filter(collected, blur) for blur in (1.0, 4.0))
            sums.append(self.grid.sample(near + np.float32(1e-3) * far, points))
        total, *channels = sums
        safe = np.maximum(total, np.finfo(np.float32).tiny)
        return np.clip(np.stack([channel / safe for channel in channels], axis=1), 0, 1)


def relief_of(gaussians: Gaussians, resolution: int = RESOLUTION) -> Relief:
    """Find inside and outside of splats; takes about a second, whatever their number.

    Args:
        gaussians: At least one; up is +Z.
        resolution: Voxels along the longest side.

    Raises:
        ValueError: There are none.
    """
    if not len(gaussians):
        raise ValueError("no splats, no surface")
    grid = Grid.around(gaussians.means, resolution)
    depth = SOLIDITY * ndimage.gaussian_filter(optical_depth(gaussians, grid), BLUR)
    return Relief(gaussians, grid, depth, ndimage.gaussian_filter(openness(depth), BLUR))


def _shortest_axes(gaussians: Gaussians) -> np.ndarray:
    axes = quaternions.to_matrices(gaussians.rotations)
    shortest = np.argmin(gaussians.scales, axis=1)
    return np.take_along_axis(axes, shortest[:, None, None], axis=2)[..., 0].astype(np.float32)


def largest_bodies(inside: np.ndarray) -> np.ndarray:
    """Return the mask of what is inside without floaters."""
    labels, count = ndimage.label(inside)
    if not count:
        return inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= max(1, SMALLEST_ISLAND * sizes.max()))[labels]


def _normalized(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0).astype(np.float32)
