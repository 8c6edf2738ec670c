"""A brow's neighbourhood, laid out straight: columns run from the nose outwards, rows from the forehead down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from scipy import ndimage

from ...geometry.vectors import unit
from ...head.landmark_solver import UNITS_PER_METRE
from .sight import Sight

UPPER = {1: (336, 296, 334, 293, 300), -1: (107, 66, 105, 63, 70)}
LOWER = {1: (285, 295, 282, 283, 276), -1: (55, 65, 52, 53, 46)}
"""Landmarks of the face mesh network along a brow's edges, from the nose outwards; by the sign of x."""
CELL = 0.0005
"""Metres between neighbouring cells."""
ABOVE, BELOW, INNER, OUTER = 0.013, 0.013, 0.009, 0.014
"""Metres around the brow that the landmarks tell: where brows may be."""
SOLID = 0.8
"""Coverage from which the picture shows a surface."""
HAIR, HAIR_RIM = 0.3, 0.001
"""Share of hair from which it shows hair, and metres beside that which are no skin either."""
STRAIGHT = 0.003
"""Metres beyond the landmarks from which on the strip goes on straight."""


@dataclass(frozen=True, eq=False)
class Strip:
    """R x C cells, :data:`CELL` apart in the picture.

    Attributes:
        sight: Where it was taken from.
        along: [C] metres from the brow's inner end.
        up: [R] metres above its middle line, falling.
        length: Metres from its inner to its outer end.
        pixels: [R, C, 2] where the cells are in the picture.
        points: [R, C, 3] where they are on the mesh.
        normals: [R, C, 3] the mesh's there.
        rgb, lab: [R, C, 3] the picture there.
        seen: [R, C] bool where it shows a surface, and no hair that hangs over it.
    """

    sight: Sight
    along: np.ndarray
    up: np.ndarray
    length: float
    pixels: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    rgb: np.ndarray
    lab: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(cls, sight: Sight, side: int) -> Strip:
        """Lay out the brow at positive x (side 1, the head's left) or at negative x (-1)."""
        face, camera = sight.face, sight.camera
        landmarks = face.base.model.landmarks(face.vertices)
        middle = (landmarks[list(UPPER[side])] + landmarks[list(LOWER[side])]) / 2
        pixels, depths = camera.project(middle)
        pixel = depths.mean() / camera.fx / UNITS_PER_METRE
        way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(pixels, axis=0), axis=1))])
        length = way[-1] * pixel
        along = np.arange(-INNER, length + OUTER, CELL)
        up = np.arange(ABOVE, -BELOW, -CELL)
        # A parabola through the landmarks: beyond them it goes on straight.
        curve = polynomial.polyfit(way, pixels, 2).T
        held = np.clip(along, -STRAIGHT, length + STRAIGHT)
        place, heading = (
            np.stack([polynomial.polyval(held / pixel, axis) for axis in axes], axis=1)
            for axes in (curve, [polynomial.polyder(axis) for axis in curve])
        )
        heading = unit(heading)
        place = place + ((along - held) / pixel)[:, None] * heading
        # Upwards in the picture, whose rows run down.
        across = np.stack([heading[:, 1], -heading[:, 0]], axis=1) * np.sign(heading[:, :1])
        cells = place[None] + up[:, None, None] / pixel * across[None]
        points, normals = sight.surface(cells.reshape(-1, 2))
        at = [cells[..., 1] - 0.5, cells[..., 0] - 0.5]
        rgb, lab = (
            np.stack([ndimage.map_coordinates(picture[..., c], at, order=1, mode="nearest") for c in range(3)], axis=-1)
            for picture in (sight.rgb, sight.lab)
        )
        seen = ndimage.map_coordinates(sight.alpha, at, order=1) > SOLID
        over = ndimage.map_coordinates(sight.fringe, at, order=1) > HAIR
        seen &= ~ndimage.binary_dilation(over, iterations=round(HAIR_RIM / CELL))
        shape = (*cells.shape[:2], 3)
        return cls(sight, along, up, length, cells, points.reshape(shape), normals.reshape(shape), rgb, lab, seen)
