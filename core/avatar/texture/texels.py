"""The texels of a UV map: on which triangle of the mesh each of them lies, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from ...cameras import Camera
from ...head.mesh_raster import rasterize_mesh
from ...head.model import HeadModel, triangulate

FINE = 512
"""Width from which a level of the filled gaps is doubled without interpolating it."""


@dataclass(frozen=True, eq=False)
class Texels:
    """The N texels that the UV map covers, row by row from the picture's upper left corner.

    Attributes:
        size: Width and height of the texture.
        places: [N] int64 indices into the flattened texture.
        corners: [N, 3] int32 vertices of the triangle on which each texel's centre lies.
        weights: [N, 3] float32 barycentric coordinates on it.
    """

    size: int
    places: np.ndarray
    corners: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def interpolate(self, values: np.ndarray, index: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return per-vertex values [V] or [V, C] at the texels of an index, float32."""
        values = np.asarray(values, np.float32)
        corners, weights = self.corners[index], self.weights[index]
        if values.ndim > 1:
            return np.stack([self._sum(column, corners, weights) for column in values.T], axis=1)
        return self._sum(values, corners, weights)

    @staticmethod
    def _sum(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
        total = values[corners[:, 0]] * weights[:, 0]
        total += values[corners[:, 1]] * weights[:, 1]
        total += values[corners[:, 2]] * weights[:, 2]
        return total

    def gather(self, values: np.ndarray, amounts: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the means [V, C] of texels' values at the vertices around them, and the means [V] of the weights.

        Args:
            values: [N, C] float32.
            amounts: [N] float32 weights, >= 0.
            count: V.
        """
        corners, shares = self.corners.ravel(), self.weights.ravel()
        weights = shares * np.repeat(amounts, 3)
        total = np.bincount(corners, weights, count)
        sums = np.stack([np.bincount(corners, weights * np.repeat(column, 3), count) for column in values.T], axis=1)
        area = np.bincount(corners, shares, count)
        return sums / np.maximum(total, 1e-9)[:, None], total / np.maximum(area, 1e-9)

    def picture(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return values [N, C] as a picture [size, size, C], zeros elsewhere, and a mask [size, size] of the texels."""
        mask = np.zeros(self.size * self.size, bool)
        mask[self.places] = True
        picture = np.zeros((self.size * self.size, values.shape[1]), np.float32)
        picture[self.places] = values
        return picture.reshape(self.size, self.size, -1), mask.reshape(self.size, self.size)

    def drawn_in(self, values: np.ndarray, sigma: float) -> np.ndarray:
        """Return values [N], 0..1, that fall to 0 already near those that are 0.

        Args:
            values: [N] float32.
            sigma: Standard deviation in texels of the blur that draws them in.
        """
        picture, mask = self.picture(values[:, None])
        blurred = ndimage.gaussian_filter(picture[..., 0], sigma, truncate=2.5)
        share = ndimage.gaussian_filter(mask.astype(np.float32), sigma, truncate=2.5)
        mean = (blurred / np.maximum(share, 1e-3)).ravel()[self.places]
        return np.clip(2 * mean - 1, 0, 1)


@lru_cache(maxsize=1)
def texels_of(model: HeadModel, size: int) -> Texels:
    """Return the texels of a head model's UV map; the last one is kept for the next bake."""
    return uv_texels(model.uvs, triangulate(model.face_uvs), model.triangles, size)


def uv_texels(uvs: np.ndarray, uv_triangles: np.ndarray, triangles: np.ndarray, size: int) -> Texels:
    """Return the texels whose centres a UV map covers.

    Args:
        uvs: [U, 2] texture coordinates, origin at the lower left.
        uv_triangles: [T, 3] rows of ``uvs`` for the corners of ``triangles``.
        triangles: [T, 3] vertices.
        size: Width and height of the texture.
    """
    u, v = uvs.T
    # Looking straight at the UV square from one unit away, its upper left corner at the picture's.
    camera = Camera(size, size, size, size, 0, 0, np.eye(4))
    maps = rasterize_mesh(camera, np.stack([u, 1 - v, np.ones_like(u)], axis=1), uv_triangles)
    places = np.flatnonzero(maps.mask)
    return Texels(
        size,
        places,
        triangles[maps.triangles.ravel()[places]],
        np.ascontiguousarray(maps.barycentrics.reshape(-1, 3)[places]),
    )


def fill_gaps(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a picture [S, S, C] with what a mask [S, S] leaves out filled smoothly from its border.

    Pull and push over a pyramid (Gortler et al., "The Lumigraph", 1996): near the border the
    nearest texels' colours, further out ever wider means, so that no mipmap shows a foreign colour.
    """
    if mask.all() or not mask.any() or len(picture) % 2:
        return picture
    size = len(picture) // 2
    blocks = mask.reshape(size, 2, size, 2)
    counts = blocks.sum((1, 3), dtype=np.float32)
    sums = (picture * mask[..., None]).reshape(size, 2, size, 2, -1).sum((1, 3))
    coarse = fill_gaps(sums / np.maximum(counts, 1)[..., None], counts > 0)
    # In the two finest levels nobody sees the difference, and there it takes the time.
    fine = size >= FINE
    filled = coarse.repeat(2, 0).repeat(2, 1) if fine else _doubled(_doubled(coarse, 0), 1)
    filled[mask] = picture[mask]
    return filled


def _doubled(picture: np.ndarray, axis: int) -> np.ndarray:
    """Return a picture twice as large along an axis, linearly interpolated."""
    values = np.moveaxis(picture, axis, 0)
    result = np.empty((2 * len(values), *values.shape[1:]), values.dtype)
    result[0::2], result[1::2] = 0.75 * values, 0.75 * values
    result[2::2] += 0.25 * values[:-1]
    result[0] += 0.25 * values[0]
    result[1:-1:2] += 0.25 * values[1:]
    result[-1] += 0.25 * values[-1]
    return np.moveaxis(result, 0, axis)
