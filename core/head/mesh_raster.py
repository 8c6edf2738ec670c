"""A z-buffer rasterizer for triangle meshes in numpy: which triangle does each pixel see, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..cameras import Camera
from ..system import blocks

NEAR = 0.05
"""Triangles with a vertex closer than this (world units) are left out, not clipped."""
_CANDIDATES = 1 << 15
"""Pixel-triangle pairs handled at a time, about: their arrays stay in a processor's cache."""
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
    hit = np.flatnonzero(total)
    chunks = np.cumsum(total[hit]) // _CANDIDATES
    members = np.split(hit, np.flatnonzero(np.diff(chunks)) + 1) if len(hit) else []

    def cover(members: np.ndarray) -> tuple[np.ndarray, ...]:
        return _covered(corners[members], area[members], low[members], counts[members], camera.width)

    for chosen, (pixel, z, index, bary) in zip(members, blocks.each(cover, members), strict=True):
        np.minimum.at(depth, pixel, z)
        won = z == depth[pixel]
        owner[pixel[won]] = usable[chosen[index[won]]]
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
    corners: np.ndarray, area: np.ndarray, low: np.ndarray, counts: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (pixel, depth, triangle, barycentrics) of every pixel centre inside one of the triangles.

    Args:
        corners: [T, 3, 3] pixels and 1/z.
        area: [T] twice their signed areas.
        low: [T, 2] column and row of the first pixel of their boxes.
        counts: [T, 2] the boxes' sizes, none empty.
        width: Of the picture.
    """
    # First the rows of all boxes, then the pixels of all rows.
    owner, line = _spread(counts[:, 1])
    row = low[owner, 1] + line
    (ax, ay, _), (bx, by, _), (cx, cy, _) = (corner[owner].T for corner in np.moveaxis(corners, 1, 0))
    y = row + 0.5
    down_a, down_b, down_c = ay - y, by - y, cy - y
    strip, step = _spread(counts[owner, 0])
    column = low[owner, 0][strip] + step
    x = column + 0.5
    across_a, across_b, across_c = ax[strip] - x, bx[strip] - x, cx[strip] - x
    down_a, down_b, down_c, twice = down_a[strip], down_b[strip], down_c[strip], area[owner][strip]
    wa = (across_b * down_c - down_b * across_c) / twice
    wb = (across_c * down_a - down_c * across_a) / twice
    wc = 1 - wa - wb
    inside = np.flatnonzero((wa > -_EDGE) & (wb > -_EDGE) & (wc > -_EDGE))
    strip = strip[inside]
    index = owner[strip]
    bary = np.stack([wa[inside], wb[inside], wc[inside]], axis=1) * corners[index, :, 2]
    inverse_depth = bary.sum(1)
    return row[strip] * width + column[inside], 1 / inverse_depth, index, bary / inverse_depth[:, None]


def _spread(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for every one of ``counts`` [N] things of N owners its owner and its number among that owner's."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
