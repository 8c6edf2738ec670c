"""What each photo sees of the head: the surface that is nearest to its camera, and how well it shows every place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ....colors import rgb_to_lab
from ....gaussians import Gaussians
from ....geometry.vectors import unit
from ....photo.connected import largest_part
from ....photo.exposures import exposed
from ....splats.parts import Part
from ..fields import blur_inside, index_of, nearest_fill, sample_map, sample_picture
from ..photo_sheet import pixel_positions, smaller_step
from .look import CELLS, Cells, Look, changed

LAYER = 0.03
"""World units behind the nearest point of a cell up to which points make its surface."""
SMOOTH, SMOOTH_NORMALS = 1.0, 1.5
"""Cells over which depth is averaged, and once more for normals."""
SURE_RIM = (1.5, 6.0)
"""Pixels inside the outline at which a photo begins to show a place, and shows it fully."""
BESIDE_STEP = 2
"""Pixels beside a step whose depth is averaged over both of its sides."""
RIM_REACH, RIM_SPREAD = 25.0, 3
"""Pixels from the outline that light from behind reaches, and around what shines that are brighter for it."""
BRIGHTEST, BRIGHTER = 98, 4.0
"""Percentile of a part's CIE lightness further inside, and by how much light from behind exceeds it."""
FEWEST_INNER = 500
"""Pixels further inside from which that is known."""
STRAIGHT = 0.5
"""Cosine to the view from which skin tells what most of it looks like."""
ALIKE = (26.0, 12.0, 16.0)
"""CIE Lab by which it may differ from that, in light and shade."""
GRAIN, STRAND, BARE_RIM = 2.0, 3, 12.0
"""Pixels over which skin is averaged for that, half of a lock's width, and pixels inside of bare skin from which it is
shown fully."""
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
        # What was found out about the surface holds for other colours, too.
        return changed(self, look=self.look.with_colors(rgb))

    def exposed(self, factors: np.ndarray) -> Sight:
        """Return the sight of the same photo under another exposure, linear light times factors [3]."""
        return self.with_colors(exposed(self.look.rgb, factors))

    @cached_property
    def positions(self) -> np.ndarray:
        """[512, 512, 3] world positions of the pixels."""
        return pixel_positions(self.look.camera, self.depth)

    @cached_property
    def normals(self) -> np.ndarray:
        """[512, 512, 3] unit normals of the pixels, towards the camera."""
        smooth = pixel_positions(self.look.camera, blur_inside(self.depth, self.known, 2 * SMOOTH_NORMALS))
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
        shown = self.facing * rim * ~self.rim_lit * self.priority
        return (shown * self.bare if self.look.other_hair else shown).astype(np.float32)

    @cached_property
    def bare(self) -> np.ndarray:
        """[512, 512] 0..1 where skin looks as most of it does: whatever else is there may be hair or a hat's brim."""
        skin = self.known & self.look.mask & (self.parts == Part.SKIN)
        straight = skin & (self.facing > STRAIGHT)
        if not straight.any():
            return np.zeros(skin.shape)
        lab = rgb_to_lab(ndimage.gaussian_filter(self.look.rgb, (GRAIN, GRAIN, 0)))
        alike = skin & (np.abs(lab - np.median(lab[straight], axis=0)) < ALIKE).all(-1)
        bare = largest_part(ndimage.binary_opening(alike, iterations=STRAND))
        inside: np.ndarray = ndimage.distance_transform_edt(bare)
        return np.clip(inside / BARE_RIM, 0, 1)

    @cached_property
    def rim_lit(self) -> np.ndarray:
        """[512, 512] bool: pixels near the outline that shine as nothing further inside does.

        Light from behind does that, at grazing angles. From anywhere else it would be a white stripe.
        """
        lightness = rgb_to_lab(self.look.rgb)[..., 0]
        near = self.look.within < RIM_REACH
        shines = np.zeros_like(near)
        for part in np.unique(self.parts[self.known]):
            place = self.known & self.look.mask & (self.parts == part)
            inner = lightness[place & ~near]
            if len(inner) >= FEWEST_INNER:
                shines |= place & near & (lightness > np.percentile(inner, BRIGHTEST) + BRIGHTER)
        return ndimage.binary_dilation(shines, iterations=RIM_SPREAD) & near

    def steps(self, slope: float) -> np.ndarray:
        """Return which pixels [512, 512] lie where the surface falls by more than ``slope`` for one across."""
        size = self.depth / self.look.camera.fx
        rise = np.hypot(*np.gradient(self.depth)) / size
        return ndimage.binary_dilation(rise > slope, iterations=BESIDE_STEP)

    def colors(self, pixels: np.ndarray) -> np.ndarray:
        """Return the photo's colours [N, 3] at pixels [N, 2]."""
        return sample_picture(self.look.rgb, pixels)

    def quality(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how well the photo shows points [N, 3], [N] 0 to ``priority``, and their pixels [N, 2]."""
        pixels, depths = self.look.camera.project(points)
        rows, columns, inside = index_of(pixels, self.known.shape[0])
        shown = inside & self.known[rows, columns] & (np.abs(depths - self.depth[rows, columns]) < SAME)
        return np.where(shown, sample_map(self.shows, pixels), 0), pixels


def see(look: Look, gaussians: Gaussians, priority: float = 1.0) -> Sight:
    """Return what a photo sees of a head."""
    scale = look.mask.shape[0] // CELLS
    cells = Cells.of(look.camera, gaussians.means.astype(np.float64))
    cell, depths, parts = cells.cell[cells.inside], cells.depths[cells.inside], gaussians.parts[cells.inside]
    known = np.isfinite(cells.nearest)
    layer = depths < cells.nearest.ravel()[cell] + LAYER
    count = np.bincount(cell[layer], minlength=CELLS**2).reshape(known.shape)
    total = np.bincount(cell[layer], depths[layer], CELLS**2).reshape(known.shape)
    depth = np.where(count > 0, total / np.maximum(count, 1), np.where(known, cells.nearest, 0))
    depth = blur_inside(depth, known, SMOOTH)
    label = np.full(CELLS**2, -1, np.int8)
    order = np.argsort(-depths, kind="stable")
    label[cell[order]] = parts[order]
    shown = label.reshape(known.shape)
    shown = nearest_fill(shown, shown >= 0)
    fine = ndimage.zoom(depth, scale, order=1, mode="nearest", grid_mode=True)
    known, shown = (values.repeat(scale, 0).repeat(scale, 1) for values in (known, shown))
    return Sight(look, fine, known, shown, priority)
