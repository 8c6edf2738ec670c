"""The surface of splats from rendered depth, fused in voxels.

Curless and Levoy, "A Volumetric Method for Building Complex Models from Range Images", 1996: each
view tells voxels near the surface how far in front of it or behind it they are, and their weighted
mean is zero on the surface. What the views don't know (undersides, gaps, wisps of hair) comes from
the coarse inside and outside of :mod:`core.surface`, which is closed whatever the splats are like.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...cameras import Camera
from ...gaussians import Gaussians
from ...progress import Reporter
from ...surface.manifold import well_composed
from ...surface.mesh import Mesh, surface_net
from ...surface.relief import Relief, largest_bodies, relief_of
from ...surface.voxels import Grid
from ...system import blocks
from ..views import View, look, thinned

MOST_SPLATS = 400_000
"""That are looked at; of more, a share stands for all."""
ANGLES = (
    *((270 + 45 * step, 8) for step in range(8)),
    *((270 + 60 * step, 45) for step in range(6)),
    *((270 + 60 * step, -28) for step in range(6)),
)
"""Azimuth and elevation of the views, in degrees."""
PIXELS = 2.2
"""Of a view's width, by the voxels along the longest side: a voxel is about as wide as a pixel."""
BAND = 6.0
"""Voxels on both sides of the coarse surface in which views have a say, less and less towards its ends."""
TRUNCATION = 4.0
"""Voxels; further distances count as this much, and what lies further behind a view's surface is hidden from it."""
COARSE_WEIGHT = 0.25
"""Weight of the coarse surface against a view that looks straight at its own."""
GRAZING = 0.2
"""Cosine of the view angle at which a view begins to count."""
SOLID = (0.8, 0.95)
"""Coverage from which a pixel begins to count, and counts fully."""
SPREAD_BLUR = 3.0
"""Pixels; standard deviation of the window in which the depths' spread is averaged."""
INWARD = 0.2
"""Voxels that the surface is moved inwards: views show splats up to half a pixel, or voxel, wider than they are."""
BLUR = 0.6
"""Voxels; standard deviation that smooths the fused distances."""
ROUNDS = 2
"""Of smoothing the mesh."""
UNDERSIDE = 0.05
"""Lowest share of the height that views from below say nothing about: busts are open there."""


@dataclass(frozen=True, eq=False)
class Surface:
    """What was found.

    Attributes:
        mesh: The closed manifold; without faces when the splats have no inside.
        relief: The coarse inside and outside.
        splats: Those that were looked at.
        views: What was seen of them.
    """

    mesh: Mesh
    relief: Relief
    splats: Gaussians
    views: tuple[View, ...]


def fused_surface(gaussians: Gaussians, resolution: int, reporter: Reporter) -> Surface:
    """Find the surface of splats.

    Args:
        gaussians: At least one, around the origin, of about the size that six-view cameras see whole.
        resolution: Voxels along the longest side.
        reporter: Counts the views; may cancel.

    Raises:
        Cancelled: cancelled through the reporter.
    """
    relief = relief_of(gaussians, resolution)
    field = ndimage.gaussian_filter(relief.distances(), 1.0)
    splats, views = thinned(gaussians, MOST_SPLATS), []
    if field.min() < 0:
        places = np.nonzero(np.abs(field) < BAND)
        fused = _Fusion(relief.grid, field, places)
        cameras = [Camera.orbit(*angles, size=round(PIXELS * resolution)) for angles in ANGLES]
        for view in blocks.each(lambda camera: look(splats, camera), cameras):
            views.append(view)
            fused.add(view)
            reporter.step()
        np.clip(field, -BAND, BAND, out=field)
        field[places] = fused.result()
        field = ndimage.gaussian_filter(field, BLUR) + np.float32(INWARD)
    return Surface(_net(field, relief.grid), relief, splats, tuple(views))


def _net(field: np.ndarray, grid: Grid) -> Mesh:
    """Return the surface of a field, negative inside, without islands and bubbles."""
    inside = np.zeros(field.shape, bool)
    within = (slice(1, -1),) * 3
    # Whatever reaches the border of the grid ends there.
    inside[within] = ndimage.binary_fill_holes(largest_bodies(field[within] < 0))
    field = np.where(inside, np.minimum(field, np.float32(-1e-3)), np.maximum(field, np.float32(1e-3)))
    net = surface_net(well_composed(field), 0)
    if len(net.vertices):
        net = net.smoothed(ROUNDS)
    return Mesh(grid.points(net.vertices).astype(np.float32), net.faces)


class _Fusion:
    """Sums of what views say of voxels."""

    def __init__(self, grid: Grid, field: np.ndarray, places: tuple[np.ndarray, ...]) -> None:
        self._points = grid.points(np.stack(places, axis=1)).astype(np.float32)
        self._size = np.float32(grid.size)
        outward = np.stack([slope[places] for slope in np.gradient(field)], axis=1)
        self._outward = outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
        coarse = field[places]
        self._sum = COARSE_WEIGHT * np.clip(coarse, -TRUNCATION, TRUNCATION)
        self._weights = np.full(len(coarse), COARSE_WEIGHT, np.float32)
        self._say = np.clip(2 - np.abs(coarse) * np.float32(2 / BAND), 0, 1)
        heights = self._points[:, 2]
        self._is_low = heights < heights.min() + UNDERSIDE * np.ptp(heights)

    def add(self, view: View) -> None:
        """Add what a view says."""
        offset = self._points - view.camera.position.astype(np.float32)
        distance = np.linalg.norm(offset, axis=1)
        cosine = -np.einsum("ni,ni->n", offset, self._outward) / distance
        useful = np.flatnonzero((cosine > GRAZING) & (self._say > 0))
        if view.camera.position[2] < 0:
            useful = useful[~self._is_low[useful]]
        pixels, depth = view.camera.project(self._points[useful])
        # The middle of the splats lies behind what is seen of them: by one standard deviation of the
        # depths, as it is around a pixel, for single pixels' would make the surface rough.
        behind = ndimage.gaussian_filter(np.minimum(view.spread, 2 * self._size), SPREAD_BLUR)
        front = view.at(view.depth - behind, pixels) - depth
        ahead = front * cosine[useful] / self._size
        weight = self._say[useful] * (cosine[useful] - GRAZING) / (1 - GRAZING)
        weight *= np.clip((view.at(view.alpha, pixels) - SOLID[0]) / (SOLID[1] - SOLID[0]), 0, 1)
        weight *= np.exp(-((view.at(view.spread, pixels) / (2 * self._size)) ** 2))
        weight[ahead < -TRUNCATION] = 0
        self._sum[useful] += weight * np.minimum(ahead, TRUNCATION)
        self._weights[useful] += weight

    def result(self) -> np.ndarray:
        """Return the voxels' distances to the surface in voxels, negative inside."""
        return self._sum / self._weights
