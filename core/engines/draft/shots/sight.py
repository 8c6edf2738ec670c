"""What each photo sees of the head: the surface that is nearest to its camera, and how well it shows every place."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from ....cameras import Camera
from ....gaussians import Gaussians
from ....geometry.vectors import unit
from ..fields import blur_inside, nearest_fill, sample_map
from ..photo_sheet import smaller_step
from .look import CELLS, Look, closed, index_of

LAYER = 0.03
"""World units behind the nearest point of a cell up to which points make its surface."""
SMOOTH, SMOOTH_NORMALS = 1.0, 1.5
"""Cells over which depth is averaged, and once more for normals."""
SURE_RIM = (1.5, 6.0)
"""Pixels inside the outline at which a photo begins to show a place, and shows it fully."""
BESIDE_STEP = 2
"""Pixels beside a step whose depth is averaged over both of its sides."""
SAME = 0.035
"""World units off the nearest surface within which a place is what the photo shows."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A photo and the surface that it sees.

    Attributes:
        look: The photo.
        depth: [512, 512] depth of the surface along the camera's z; numbers everywhere.
        known: [512, 512] bool: pixels that see the head.
        parts: [512, 512] int8 the part that each sees.
        priority: Factor of how well it shows places: more than 1 for the portrait.
    """

    look: Look
    depth: np.ndarray
    known: np.ndarray
    parts: np.ndarray
    priority: float = 1.0

    def with_colors(self, rgb: np.ndarray) -> Sight:
        """Return the sight of the same photo with other colours [512, 512, 3]."""
        other = replace(self, look=self.look.with_colors(rgb))
        # What was found out about the surface holds for other colours, too.
        own = {field.name for field in fields(self)}
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name not in own})
        return other

    @cached_property
    def positions(self) -> np.ndarray:
        """[512, 512, 3] world positions of the pixels."""
        return unproject(self.look.camera, self.depth)

    @cached_property
    def normals(self) -> np.ndarray:
        """[512, 512, 3] unit normals of the pixels, towards the camera."""
        smooth = unproject(self.look.camera, blur_inside(self.depth, self.known, 2 * SMOOTH_NORMALS))
        return unit(np.cross(smaller_step(smooth, 0), smaller_step(smooth, 1)))

    @cached_property
    def facing(self) -> np.ndarray:
        """[512, 512] cosine between normal and ray; 0 where nothing is seen."""
        rays = unit(self.look.camera.position - self.positions)
        return np.clip((self.normals * rays).sum(-1), 0, 1) * self.known

    @cached_property
    def shows(self) -> np.ndarray:
        """[512, 512] how well the photo shows what it sees, 0 to ``priority``."""
        rim = np.clip((self.look.within - SURE_RIM[0]) / (SURE_RIM[1] - SURE_RIM[0]), 0, 1)
        return (self.facing * rim * self.priority).astype(np.float32)

    def steps(self, slope: float) -> np.ndarray:
        """Return which pixels [512, 512] lie where the surface falls by more than ``slope`` for one across."""
        size = self.depth / self.look.camera.fx
        rise = np.hypot(*np.gradient(self.depth)) / size
        return ndimage.binary_dilation(rise > slope, iterations=BESIDE_STEP)

    def quality(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how well the photo shows points [N, 3], [N] 0 to ``priority``, and their pixels [N, 2]."""
        pixels, depths = self.look.camera.project(points)
        rows, columns, inside = index_of(pixels, self.known.shape[0])
        shown = inside & self.known[rows, columns] & (np.abs(depths - self.depth[rows, columns]) < SAME)
        return np.where(shown, sample_map(self.shows, pixels), 0), pixels


def see(look: Look, gaussians: Gaussians, priority: float = 1.0) -> Sight:
    """Return what a photo sees of a head."""
    size, scale = look.mask.shape[0], look.mask.shape[0] // CELLS
    points = gaussians.means.astype(np.float64)
    pixels, depths = look.camera.resized(CELLS).project(points)
    rows, columns, inside = index_of(pixels, CELLS)
    place, depths, parts = (rows * CELLS + columns)[inside], depths[inside], gaussians.parts[inside]
    nearest = np.full(CELLS * CELLS, np.inf)
    np.minimum.at(nearest, place, depths)
    nearest = closed(nearest.reshape(CELLS, CELLS)).ravel()
    known = np.isfinite(nearest)
    layer = depths < nearest[place] + LAYER
    count = np.bincount(place[layer], minlength=CELLS**2)
    mean = np.bincount(place[layer], depths[layer], minlength=CELLS**2) / np.maximum(count, 1)
    depth = np.where(count > 0, mean, np.where(known, nearest, 0)).reshape(CELLS, CELLS)
    depth = blur_inside(depth, known.reshape(CELLS, CELLS), SMOOTH)
    flat = np.full(CELLS**2, -1, np.int8)
    order = np.argsort(-depths, kind="stable")
    flat[place[order]] = parts[order]
    whole = known.reshape(CELLS, CELLS)
    label = flat.reshape(CELLS, CELLS)
    label = nearest_fill(label, label >= 0)
    rows, columns = ((np.mgrid[:size, :size] + 0.5) / scale - 0.5).astype(np.float64)
    fine = ndimage.map_coordinates(depth, [rows, columns], order=1, mode="nearest")
    return Sight(look, fine, whole.repeat(scale, 0).repeat(scale, 1), label.repeat(scale, 0).repeat(scale, 1), priority)


def unproject(camera: Camera, depth: np.ndarray) -> np.ndarray:
    """Return the world positions [H, W, 3] of a camera's pixels at depths [H, W]."""
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    return camera.unproject(pixels, depth.ravel()).reshape(*depth.shape, 3)
