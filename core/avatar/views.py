"""Pictures of splats that also tell where the surface is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..cameras import Camera
from ..gaussians import Gaussians
from ..rasterize.projection import project
from ..rasterize.rendering import to_uint8
from ..rasterize.tiles import blend

HEAD_BOX = 1.3
"""Units of the engines' frame from its middle up to which splats belong to a head and its shoulders."""


@dataclass(frozen=True, eq=False)
class View:
    """What a camera sees of splats.

    Attributes:
        camera: The camera.
        image: [H, W, 3] uint8 over white.
        alpha: [H, W] float32 coverage, 0..1.
        depth: [H, W] float32 mean depth along the camera's z, weighted as the colours are; 0 where
            nothing was hit.
        spread: [H, W] float32 standard deviation of that depth: large across edges and in fog.
        share: [H, W] float32 weighted mean of the values asked for, 0..1.
    """

    camera: Camera
    image: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    spread: np.ndarray
    share: np.ndarray

    def at(self, values: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Return a map's values [P] float32 at pixel coordinates [P, 2], linearly interpolated; 0 outside."""
        rows, columns = pixels[:, 1] - 0.5, pixels[:, 0] - 0.5
        return ndimage.map_coordinates(values, (rows, columns), order=1, mode="constant", prefilter=False)

    def surface(self, pixels: np.ndarray) -> np.ndarray:
        """Return the places [P, 3] of the surface at pixel coordinates [P, 2]."""
        return self.camera.unproject(pixels, self.at(self.depth, pixels))


def look(gaussians: Gaussians, camera: Camera, values: np.ndarray | None = None, reach: float | None = None) -> View:
    """Look at splats.

    Args:
        gaussians: The splats.
        camera: Where from.
        values: [N] 0..1, of which :attr:`View.share` tells the mean; ones if None.
        reach: Depth beyond which splats are left out: what shines through the finest gaps of a
            surface from the far side of a head would count in its mean depth. None for no limit.
    """
    if reach is not None:
        near = np.flatnonzero(camera.to_camera(gaussians.means)[:, 2] < reach)
        gaussians, values = gaussians.select(near), None if values is None else values[near]
    splats = project(gaussians, camera)
    rows = np.empty((len(splats), 7), np.float32)
    rows[:, :3], rows[:, 3] = splats.colors, 1
    # Squares of the depth itself would lose the spread to rounding.
    middle = np.float32(np.median(splats.depths)) if len(splats) else np.float32(0)
    rows[:, 4] = splats.depths - middle
    rows[:, 5] = rows[:, 4] ** 2
    rows[:, 6] = 1 if values is None else values[splats.indices]
    blended = blend(splats, rows, camera.width, camera.height)
    alpha = np.ascontiguousarray(blended[..., 3])
    seen = alpha > 0
    offset, square, share = (_divided(blended[..., channel], alpha) for channel in (4, 5, 6))
    image = blended[..., :3] + (1 - alpha[..., None])
    return View(
        camera,
        to_uint8(image),
        alpha,
        np.where(seen, offset + middle, 0),
        np.sqrt(np.maximum(square - offset * offset, 0)),
        share,
    )


def _divided(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.divide(values, alpha, out=np.zeros_like(alpha), where=alpha > 0)


def thinned(gaussians: Gaussians, limit: int) -> Gaussians:
    """Return at most ``limit`` of the splats, grown so that they cover as much: for a look at very many."""
    if len(gaussians) <= limit:
        return gaussians
    chosen = np.random.default_rng(0).choice(len(gaussians), limit, replace=False)
    few = gaussians.select(np.sort(chosen))
    return few.replace(scales=few.scales * np.float32(np.sqrt(len(gaussians) / limit)))


def cropped(gaussians: Gaussians, matrix: np.ndarray, limit: int) -> Gaussians:
    """Return the splats near a head, in the engines' frame, thinned to ``limit``.

    Args:
        gaussians: The head and whatever is around it.
        matrix: [4, 4] similarity from their space to the engines' frame.
        limit: Largest number of splats.
    """
    matrix = np.asarray(matrix, np.float64)
    near = (np.abs(gaussians.means @ matrix[:3, :3].T + matrix[:3, 3]) < HEAD_BOX).all(axis=1)
    return thinned(gaussians if near.all() else gaussians.select(np.flatnonzero(near)), limit).transform(matrix)
