"""What hair is grown from: the volume that it fills, and the photos that show some of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..cameras import Camera
from ..geometry.vectors import unit
from .directions import Directions, Tensor, gradient_tensor, strand_directions

HAIRY = 0.5
"""Hairiness from which a place on the surface is hair."""
THINNEST = 0.006
"""World units (about 1.5 mm) of hair that there are where the surface touches the skull."""
OUTLINE = 0.5
"""Matte from which a place is inside of the person's outline."""
SPILL = 5
"""Pixels over which a Gaussian of hair spills. They are sorted by their centres: one that overlaps a deeper pixel
must lie behind that, too, or hair would blur the face that it frames."""
AROUND = 24
"""Pixels around hair that averages over its pixels need."""
DEEPEST = 0.4
"""World units: hair that hangs free has no skull under it; deeper than this nothing is hair's."""


@dataclass(frozen=True, eq=False)
class HairVolume:
    """The outer surface of a head's hair, or of a whole head some of which is hair.

    World frame as in :mod:`core.gaussians`: +Z up, the face looks to -Y, a head is about 1.15 units high.

    Attributes:
        vertices: [V, 3] float64 world.
        normals: [V, 3] unit, outwards.
        quads: [Q, 4] vertex indices, counter-clockwise from outside.
        hairiness: [V] 0..1, how surely each vertex is hair; what grows is over :data:`HAIRY`.
        crown: [3] world, where the whorl is: hair falls away from there.
        thickness: [V] world units from the surface straight down to the skull.
        combing: [V, 3] directions from root to tip to prefer where no photo tells, any length, 0 where
            none is known; None for the usual ones (away from the crown, further on down).
    """

    vertices: np.ndarray
    normals: np.ndarray
    quads: np.ndarray
    hairiness: np.ndarray
    crown: np.ndarray
    thickness: np.ndarray
    combing: np.ndarray | None = None

    @property
    def hair_quads(self) -> np.ndarray:
        """[H, 4] the quads that are hair with all their corners."""
        return self.quads[(self.hairiness >= HAIRY)[self.quads].all(1)]


@dataclass(frozen=True, eq=False)
class HairPhoto:
    """What one photo shows of the hair.

    Attributes:
        camera: The photo's camera.
        rgb: [H, W, 3] 0..1, sRGB-encoded, free of the background's colour.
        hair: [H, W] bool: pixels that show hair.
        depth: [H, W] depth along the camera's z of what the pixels show.
        used: [H, W] bool: pixels that become Gaussians of their own; strands stay behind these.
        alpha: [H, W] 0..1, the person's matte.
    """

    camera: Camera
    rgb: np.ndarray
    hair: np.ndarray
    depth: np.ndarray
    used: np.ndarray
    alpha: np.ndarray

    @cached_property
    def around_hair(self) -> HairPhoto:
        """The part of the photo that shows hair, with :data:`AROUND` pixels around it."""
        rows, columns = (np.flatnonzero(self.hair.any(axis)) for axis in (1, 0))
        if not len(rows):
            return self
        low = max(rows[0] - AROUND, 0), max(columns[0] - AROUND, 0)
        part = slice(low[0], rows[-1] + AROUND), slice(low[1], columns[-1] + AROUND)
        maps = [values[part] for values in (self.rgb, self.hair, self.depth, self.used, self.alpha)]
        height, width = maps[1].shape
        camera = replace(
            self.camera, width=width, height=height, cx=self.camera.cx - low[1], cy=self.camera.cy - low[0]
        )
        return HairPhoto(camera, *maps)

    @cached_property
    def tensor(self) -> Tensor:
        """The gradient's products in the hair."""
        return gradient_tensor(self.rgb, self.hair)

    @cached_property
    def directions(self) -> Directions:
        """The directions of the photo's strands."""
        return strand_directions(self.tensor, self.hair)

    @cached_property
    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixels inwards from the outline to each pixel [H, W], and where they grow [H, W, 2] (x, y)."""
        solid = np.pad(self.alpha > OUTLINE, 1, mode="edge")
        distance = ndimage.distance_transform_edt(solid) - ndimage.distance_transform_edt(~solid)
        distance = ndimage.gaussian_filter(distance - np.sign(distance) / 2, 1.0)[1:-1, 1:-1]
        down, right = np.gradient(distance)
        slope = np.stack([right, down], axis=-1)
        return distance, slope / np.maximum(np.sqrt((slope * slope).sum(-1, keepdims=True)), 1e-6)

    @cached_property
    def deepest(self) -> np.ndarray:
        """[H, W] depth of the deepest used pixel around: of hair within one pixel, of other things that hair may not
        blur within :data:`SPILL`.
        """
        others = ndimage.maximum_filter(np.where(self.used & ~self.hair, self.depth, 0), 2 * SPILL + 1)
        return np.maximum(others, ndimage.maximum_filter(np.where(self.used, self.depth, 0), 3))

    def look_up(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return rows and columns [N] of points [N, 3] (clipped to the picture), their depths, and which are in it."""
        pixels, depths = self.camera.project(points)
        height, width = self.hair.shape
        index = np.floor(pixels).astype(np.int64)
        inside = (index >= 0).all(1) & (index[:, 0] < width) & (index[:, 1] < height) & (depths > 0)
        return np.clip(index[:, 1], 0, height - 1), np.clip(index[:, 0], 0, width - 1), depths, inside


def thickness_over(vertices: np.ndarray, skull: np.ndarray, skull_normals: np.ndarray) -> np.ndarray:
    """Return how thick [V] the hair is between its surface and the skull, world units, :data:`THINNEST` at least.

    Args:
        vertices: [V, 3] of the hair's surface.
        skull: [S, 3] vertices of the head under it.
        skull_normals: [S, 3] outwards, of that head.
    """
    distances, nearest = cKDTree(skull).query(vertices)
    above = ((vertices - skull[nearest]) * skull_normals[nearest]).sum(1)
    # Beside the skull (hanging hair) the nearest point is no ground: the straight distance is what is left.
    aside = distances > 2 * np.abs(above) + 0.05
    return np.clip(np.where(aside, distances, above), THINNEST, DEEPEST)


def along_surface(vectors: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return the unit tangents [..., 3] that are left of vectors without their part along unit normals."""
    return unit(vectors - (vectors * normals).sum(-1, keepdims=True) * normals)
