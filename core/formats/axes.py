"""Which way is up in splat files.

Our frame, and the one that every reader here returns where the file says what its own is: +X to the
viewer's right, +Z up, the face looks to -Y (Blender's front view).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from .. import quaternions
from .. import spherical_harmonics as harmonics
from ..gaussians import Gaussians

_Y_UP_TO_Z_UP = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64)


class Axes(Enum):
    """The frame of a file format."""

    UNSTATED = "unstated"
    """The format doesn't say; values are read and written as they are. Scans mostly have +Y down, +Z away."""
    Z_UP = "z-up"
    """Ours."""
    Y_UP = "y-up"
    """+X right, +Y up, +Z towards the viewer, the face looks to +Z: glTF, three.js; SPZ calls it RUB."""


@dataclass(frozen=True, eq=False)
class Turn:
    """What rows of a file's values are multiplied by from the right, after which they are in our frame.

    For readers that turn values while they have them in the cache; the matrices are float32.

    Attributes:
        vectors: [3, 3], for means.
        rotations: [4, 4], for quaternions w, x, y, z.
        sh: [3 K, 3 K], for spherical harmonics, coefficient by coefficient.
    """

    vectors: np.ndarray
    rotations: np.ndarray
    sh: np.ndarray

    @classmethod
    def from_y_up(cls, degree: int) -> Turn:
        """Return the turn of files with +Y up and harmonics of a degree, 0..3."""
        matrix = _Y_UP_TO_Z_UP[:3, :3]
        # A product of quaternions is linear in the second: its matrix is that of the products with the axes.
        rotations = quaternions.multiply(quaternions.from_matrices(matrix), np.eye(4))
        found = (matrix.T, rotations, harmonics.row_factor(matrix, degree))
        return cls(*(values.astype(np.float32) for values in found))


def to_ours(gaussians: Gaussians, axes: Axes, reuse: bool = False) -> Gaussians:
    """Return what a file of these axes holds in our frame: means, rotations and harmonics turned.

    ``reuse`` is that of :meth:`Gaussians.transform`.
    """
    return gaussians.transform(_Y_UP_TO_Z_UP, reuse) if axes is Axes.Y_UP else gaussians


def from_ours(gaussians: Gaussians, axes: Axes) -> Gaussians:
    """Return Gaussians of our frame in a file's."""
    return gaussians.transform(_Y_UP_TO_Z_UP.T) if axes is Axes.Y_UP else gaussians
