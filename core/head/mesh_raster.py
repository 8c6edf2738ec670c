"""A z-buffer rasterizer for triangle meshes in numpy: which triangle does each pixel see, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..cameras import Camera

NEAR = 0.05
"""Triangles with a vertex closer than this (world units) are left out, not clipped."""
_CANDIDATES = 1 << 21
"""Pixel-triangle pairs handled at a time; bounds the memory at about 200 MB."""
_EDGE = 1e-6
"""Slack of the inside test, so that no crack opens along shared edges."""


@dataclass(frozen=True, eq=False)
class MeshMaps:
    """What a camera sees of a mesh.

    Attributes:
        triangles: [H, W] int32 index of the front-most triangle at the pixel's centre, -1 for none.
        barycentrics: [H, W, 3] float32 perspective-correct weights of its corners; zeros for none.
        depth: [H, W] float32 depth along the camera's z axis; infinity for none.
    """

    triangles: np.ndarray
    barycentrics: np.ndarray
    depth: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """[H, W] bool: pixels that see the mesh."""
        return self.triangles >= 0

    def interpolate(self, triangles: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return per-vertex values at the pixels.

        Args:
            triangles: [T, 3] the mesh's triangles.
            values: [V] or [V, C] floats.

        Returns:
            [H, W] or [H, W, C]; zeros where no triangle is seen.
        """
        mask = self.mask
        corners = values[triangles[self.triangles[mask]]]
        weights = self.barycentrics[mask]
        result = np.zeros(mask.shape + values.shape[1:], np.result_type(values.dtype, np.float32))
        result[mask] = np.einsum("pk,pk...->p...", weights, corners)
        return result


def rasterize_mesh(
    camera: Camera, vertices: np.ndarray, triangles: np.ndarray, cull_back_faces: bool = False
) -> MeshMaps:
    """Rasterize a mesh.

    Args:
        camera: The camera; its size is the maps' size.
        vertices: [V, 3] world positions.
        triangles: [T, 3] vertex indices, counter-clockwise from outside.
        cull_back_faces: Leave out triangles seen from inside.
    """
    pixels, depths = camera.project(vertices)
    # Perspective-correct interpolation is linear in 1/z (Heckbert 1989), so rows carry 1/z.
    with np.errstate(divide="ignore"):
        corners = np.concatenate([pixels, 1 / depths[:, None]], axis=1)[triangles]
    usable = np.flatnonzero((depths[triangles] > NEAR).all(1))
    corners = corners[usable]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    # Image rows run down, so what is counter-clockwise from outside has negative area when seen.
    facing = area < 0 if cull_back_faces else area != 0
    low, counts = _pixel_boxes(corners, camera, facing)

    size = camera.width * camera.height
    depth = np.full(size, np.inf)
    owner = np.full(size, -1, np.int32)
    weights = np.zeros((size, 3), np.float32)
    total = counts.prod(1)
    chunks = np.cumsum(total) // _CANDIDATES
    for chunk in np.unique(chunks[total > 0]):
        members = np.flatnonzero((chunks == chunk) & (total > 0))
        pixel, z, index, bary = _covered(corners, area, members, low, counts, total, camera.width)
        np.minimum.at(depth, pixel, z)
        won = z == depth[pixel]
        owner[pixel[won]] = usable[index[won]]
        weights[pixel[won]] = bary[won]
    shape = (camera.height, camera.width)
    return MeshMaps(owner.reshape(shape), weights.reshape(*shape, 3), depth.reshape(shape).astype(np.float32))


def _pixel_boxes(corners: np.ndarray, camera: Camera, facing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first pixel [T, 2] and size [T, 2] of the box of pixel centres inside each triangle's bounds."""
    limits = np.array([camera.width, camera.height])
    low = np.ceil(np.clip(corners[..., :2].min(1) - 0.5, 0, limits)).astype(np.int64)
    high = np.floor(np.clip(corners[..., :2].max(1) - 0.5, -1, limits - 1)).astype(np.int64)
    counts = np.maximum(high - low + 1, 0)
    counts[~facing] = 0
    return low, counts


def _covered(
    corners: np.ndarray,
    area: np.ndarray,
    members: np.ndarray,
    low: np.ndarray,
    counts: np.ndarray,
    total: np.ndarray,
    width: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (pixel, depth, triangle, barycentrics) of every pixel centre inside one of ``members``."""
    index = np.repeat(members, total[members])
    place = np.arange(len(index)) - np.repeat(np.cumsum(total[members]) - total[members], total[members])
    column = low[index, 0] + place % counts[index, 0]
    row = low[index, 1] + place // counts[index, 0]
    x, y = column + 0.5, row + 0.5
    a, b, c = corners[index, 0], corners[index, 1], corners[index, 2]
    wa = ((b[:, 0] - x) * (c[:, 1] - y) - (b[:, 1] - y) * (c[:, 0] - x)) / area[index]
    wb = ((c[:, 0] - x) * (a[:, 1] - y) - (c[:, 1] - y) * (a[:, 0] - x)) / area[index]
    wc = 1 - wa - wb
    inside = (wa > -_EDGE) & (wb > -_EDGE) & (wc > -_EDGE)
    index, pixel = index[inside], (row * width + column)[inside]
    bary = np.stack([wa[inside], wb[inside], wc[inside]], axis=1) * corners[index, :, 2]
    inverse_depth = bary.sum(1)
    return pixel, 1 / inverse_depth, index, bary / inverse_depth[:, None]
