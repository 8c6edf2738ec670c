"""What one view says about the texels: colours where mesh and splats agree, and how far to believe them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...gaussians import Gaussians
from ...geometry.ramps import smooth_step
from ...head.mesh_raster import rasterize_mesh
from ...head.model import Region
from ...rasterize.cpu import render
from ...rasterize.rendering import Rendering
from ..base_mesh import BaseMesh
from .texels import Texels
from .views import UNITS, View

FAR_SIDE = 0.03 * UNITS
"""Splats further than this behind the head's centre are left out: through holes they would be seen from inside."""
TOLERANCE = 0.009 * UNITS
"""How far the splats' surface may lie from the mesh and still be its colour."""
LOOSE_TOLERANCE = 0.05 * UNITS
"""The same on neck and shoulders, which clothes cover, and in the mouth, whose splats lie on the lips' level."""
LOOSE = (Region.NECK, Region.TORSO, Region.MOUTH, Region.TEETH)
OCCLUDED = 0.004 * UNITS
"""A texel this far behind the mesh's front-most surface is hidden."""
LID = 0.0008 * UNITS
"""The same behind lids and lips, which are thin."""
OPAQUE = (0.75, 0.95)
"""Coverage from which a pixel begins to count, and counts in full."""
GRAZING = (0.2, 0.5)
"""Cosine of the view's angle from which a texel begins to count, and counts in full."""
WIDE = (Region.TORSO, Region.NECK)
"""What wide views serve."""
HEAD = (Region.FACE, Region.LIPS, Region.EARS, Region.SCALP, Region.NECK, Region.SOCKETS)
"""What views of the head serve."""
DEEP = (Region.EYES, Region.MOUTH, Region.TEETH)
"""What lies behind lids and lips."""
ONLY_FRONT = (*DEEP, Region.LIPS)
FRONT = (*HEAD, *ONLY_FRONT)
"""What the view from the front serves: what lies deep looks right from where the photo was taken."""
BORDER_PIXELS = 7
"""Width of the window within which a deeper place of the mesh's depth map excuses what is hidden."""
BORDER = 0.001 * UNITS
"""Standard deviation in world units of the blur that draws in the borders of what agrees."""
BAND = 0.005 * UNITS
"""Standard deviation, in world units, that parts the picture's low frequencies from the high ones, on the head."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a view shows of some texels.

    Attributes:
        index: [M] int64 texels.
        weights: [M] float32, >= 0.
        sharpness: [M] float32 cosine between surface and view, 0..1.
        low: [M, 3] float32 low frequencies of the colours, sRGB-encoded.
        high: [M, 3] float32 what is missing to the colours.
    """

    index: np.ndarray
    weights: np.ndarray
    sharpness: np.ndarray
    low: np.ndarray
    high: np.ndarray


def look(gaussians: Gaussians, base: BaseMesh, normals: np.ndarray, texels: Texels, view: View) -> Sight:
    """Look at splats and mesh from one view.

    Args:
        gaussians: The splats, without hair where it can be told, at :data:`~.views.UNITS` a metre.
        base: The mesh, likewise.
        normals: [V, 3] unit normals of ``base.shown``.
        texels: Where the mesh's texels are.
        view: Where from.
    """
    camera = view.camera(base)
    vertices = base.shown
    center = camera.to_camera(base.pose.translation[None])[0, 2]
    near = camera.to_camera(gaussians.means)[:, 2] < center + FAR_SIDE
    rendering = render(gaussians.select(near), camera, background=(0, 0, 0))

    small = camera.resized(view.mesh_size)
    maps = rasterize_mesh(small, vertices, base.triangles, cull_back_faces=True)
    tolerance = np.where(base.model.in_regions(*LOOSE), LOOSE_TOLERANCE, TOLERANCE).astype(np.float32)
    tolerance = maps.interpolate(base.triangles, tolerance)
    agreement = _agreement(rendering, maps.depth, tolerance, camera.fx / center)

    # Between the vertices of a triangle perspective hardly bends the way of texels in the picture.
    pixels, depths = camera.project(vertices)
    toward = camera.position - vertices
    facing = (normals * toward).sum(1) / np.linalg.norm(toward, axis=1)
    is_front = not (view.is_wide or view.azimuth or view.elevation)
    served = base.model.in_regions(*(WIDE if view.is_wide else FRONT if is_front else HEAD))
    if is_front:
        # No other view shows these, so that it does not matter how they are turned.
        facing = np.where(base.model.in_regions(*ONLY_FRONT), np.maximum(facing, GRAZING[1]), facing)
    inside = ((pixels > 0) & (pixels < view.size)).all(1)
    useful = (facing > GRAZING[0]) & inside & served
    index = np.flatnonzero(useful[texels.corners].any(1))
    places = texels.interpolate(np.column_stack([pixels, depths, facing]), index)
    column, row, depth, facing = places.T

    scale = view.mesh_size / view.size
    at_mesh = [row * scale - 0.5, column * scale - 0.5]
    front = ndimage.map_coordinates(maps.depth, at_mesh, order=0, mode="nearest")
    hidden = front + OCCLUDED * (1 + 2 * (1 - facing))
    if is_front:
        # Eyes, teeth and mouth get colours up to their borders, which the mesh has within a pixel or two only.
        deep = np.flatnonzero(texels.interpolate(base.model.in_regions(*DEEP), index) > 0.5)
        widened = ndimage.maximum_filter(np.where(maps.mask, maps.depth, 0), BORDER_PIXELS)
        front = ndimage.map_coordinates(widened, np.take(at_mesh, deep, axis=1), order=0, mode="nearest")
        hidden[deep] = front + LID
    weights = smooth_step(facing, *GRAZING) * facing * facing * view.trust
    weights *= depth < hidden

    sampled = _sample(agreement, column, row)
    weights *= smooth_step(sampled, 0.4, 1.0)
    kept = weights > 1e-4
    index, weights, column, row = index[kept], weights[kept], column[kept], row[kept]
    low, high = _bands(rendering.image / np.maximum(rendering.alpha, 1e-3)[..., None], agreement, camera.fx / center)
    return Sight(
        index,
        weights.astype(np.float32),
        np.clip(facing[kept], 0, 1),
        np.stack([_sample(low[..., c], column, row) for c in range(3)], axis=1),
        np.stack([_sample(high[..., c], column, row) for c in range(3)], axis=1),
    )


def _agreement(rendering: Rendering, mesh_depth: np.ndarray, tolerance: np.ndarray, resolution: float) -> np.ndarray:
    """Return how far [H, W], 0..1, the splats' surface is opaque and at the mesh's depth."""
    size = len(rendering.alpha)
    factor = size / len(mesh_depth)
    covered = np.isfinite(mesh_depth)
    rows = (np.arange(size) + 0.5) / factor - 0.5
    grid = np.meshgrid(rows, rows, indexing="ij")
    share = ndimage.map_coordinates(covered.astype(np.float32), grid, order=1, mode="nearest")
    depth = ndimage.map_coordinates(np.where(covered, mesh_depth, 0), grid, order=1, mode="nearest")
    limit = ndimage.map_coordinates(ndimage.maximum_filter(tolerance, 5), grid, order=1, mode="nearest")
    share = np.maximum(share, 1e-6)
    away = np.abs(rendering.depth - depth / share) / np.maximum(limit / share, 1e-6)
    agreement = smooth_step(rendering.alpha, *OPAQUE) * (1 - smooth_step(away, 0.6, 1.3)) * (share > 0.5)
    # Colours mix at the borders of what agrees: these don't count.
    inner = ndimage.gaussian_filter(agreement, BORDER * resolution)
    return np.minimum(agreement, np.clip(2 * inner - 1, 0, 1))


def _bands(image: np.ndarray, agreement: np.ndarray, resolution: float) -> tuple[np.ndarray, np.ndarray]:
    """Return low and high frequencies [H, W, 3] of a picture; what does not agree adds nothing to either."""
    sigma = BAND * resolution
    weight = np.maximum(ndimage.gaussian_filter(agreement, sigma, truncate=2.5), 1e-4)
    low = np.stack(
        [ndimage.gaussian_filter(image[..., c] * agreement, sigma, truncate=2.5) / weight for c in range(3)], axis=-1
    )
    return low, image - low


def _sample(picture: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return a picture [H, W] at pixel coordinates [M], linearly interpolated."""
    return ndimage.map_coordinates(
        np.asarray(picture, np.float32), [row - 0.5, column - 0.5], order=1, mode="nearest", output=np.float32
    )
