"""A further photo, placed around the head, and what it sees of the head's Gaussians."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ....cameras import Camera
from ..fields import index_of, signed_distance

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CELLS = 256
"""Side of the grid of cells in which points are put into order by depth."""
CLOSING = 2
"""Cells by which gaps between points are closed."""


D = TypeVar("D", bound="DataclassInstance")


def changed(item: D, **values: Any) -> D:
    """Return a dataclass with other values of fields that its cached properties do not depend on: they are kept."""
    other = replace(item, **values)
    own = {field.name for field in fields(item)}
    other.__dict__.update({name: value for name, value in item.__dict__.items() if name not in own})
    return other


@dataclass(frozen=True, eq=False)
class Look:
    """A photo of the person whose camera is known.

    Attributes:
        rgb: [512, 512, 3] float32 sRGB-encoded, 0..1, foreground colours free of the background.
        alpha: [512, 512] float32 matte, 0..1.
        camera: Sees the picture, in the portrait's frame.
        held: Whether the camera stays: the user placed it.
        other_hair: Whether its hair is another than the portrait's: then it tells of bare skin only.
        parts: [512, 512] int8 the part that each pixel shows; None where it shows no face, or other hair.
        marks: [V, 2] pixels in which it shows the fitted head's vertices, told by its landmarks; None where it shows no
            face.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    camera: Camera
    held: bool = False
    other_hair: bool = False
    parts: np.ndarray | None = None
    marks: np.ndarray | None = None

    @cached_property
    def mask(self) -> np.ndarray:
        """[512, 512] bool: the person."""
        return self.alpha > 0.5

    @cached_property
    def within(self) -> np.ndarray:
        """[512, 512] distance in pixels to the person's outline, positive inside."""
        return ndimage.gaussian_filter(signed_distance(self.mask).astype(np.float32), 1.0)

    @cached_property
    def inwards(self) -> np.ndarray:
        """[512, 512, 2] unit direction (x, y) away from the outline, further into the person."""
        slope = np.stack(np.gradient(self.within)[::-1], axis=-1)
        return slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-6)

    def with_colors(self, rgb: np.ndarray) -> Look:
        """Return the photo with other colours [512, 512, 3]."""
        return changed(self, rgb=rgb)

    def moved(self, turn: np.ndarray, shift: np.ndarray, pivot: np.ndarray) -> Look:
        """Return the photo with its camera moved as if it were the head that moves.

        Args:
            turn: [3] rotation vector of the head in the camera's axes, radians.
            shift: [3] world units in the camera's axes.
            pivot: [3] world position around which it turns.
        """
        seen = self.camera.to_camera(pivot[None])[0]
        motion = np.eye(4)
        motion[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
        motion[:3, 3] = seen + shift - motion[:3, :3] @ seen
        return changed(self, camera=replace(self.camera, c2w=self.camera.c2w @ np.linalg.inv(motion)))


def jacobians(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Return how a camera's pixels move with world points [N, 3]: [N, 2, 3] pixels per world unit."""
    return camera.jacobians(camera.to_camera(points)) @ camera.c2w[:3, :3].T


@dataclass(frozen=True, eq=False)
class Cells:
    """Points in a camera's picture, in coarse cells.

    Attributes:
        pixels: [N, 2] the points' places, in cells.
        depths: [N] along the camera's z.
        cell: [N] index of each point's cell, row by row; clipped where a point lies beyond the picture.
        inside: [N] bool: which lie in it.
        nearest: [CELLS, CELLS] depth of the nearest point, infinite where there is none; gaps closed.
    """

    pixels: np.ndarray
    depths: np.ndarray
    cell: np.ndarray
    inside: np.ndarray
    nearest: np.ndarray

    @classmethod
    def of(cls, camera: Camera, points: np.ndarray) -> Cells:
        """Return the cells of points [N, 3]."""
        pixels, depths = camera.resized(CELLS).project(points)
        rows, columns, inside = index_of(pixels, CELLS)
        cell = rows * CELLS + columns
        nearest = np.full(CELLS**2, np.inf)
        np.minimum.at(nearest, cell[inside], depths[inside])
        return cls(pixels, depths, cell, inside, _closed(nearest.reshape(CELLS, CELLS)))


def _closed(nearest: np.ndarray) -> np.ndarray:
    """Return a depth map without gaps: what shows through between points takes the depth around it."""
    far = 1e9
    known = np.where(np.isfinite(nearest), nearest, far)
    size = 2 * CLOSING + 1
    # An opening of depth fills gaps narrower than its window, without growing the outline.
    filled = ndimage.grey_opening(known, (size, size))
    return np.where(filled >= far / 2, np.inf, np.minimum(known, filled))
