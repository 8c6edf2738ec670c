"""Which way is up in splat files.

Our frame, and the one that every reader here returns where the file says what its own is: +X to the
viewer's right, +Z up, the face looks to -Y (Blender's front view).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from ..gaussians import Gaussians
from ..geometry import quaternions
from ..splats import spherical_harmonics as harmonics

_DIRECTIONS = {
    **{"R": (1, 0, 0), "L": (-1, 0, 0), "U": (0, 0, 1)},
    **{"D": (0, 0, -1), "F": (0, 1, 0), "B": (0, -1, 0)},
}
"""Where right, left, up, down, front (away from the viewer) and back lie in our frame."""


class Axes(Enum):
    """The frame of a file: where its +X, +Y and +Z point, in SPZ's letters; half of them are mirrored."""

    UNSTATED = ""
    """The file doesn't say; values are as they are. Scans mostly have +Y down, +Z away."""
    LDB, RDB, LUB, RUB = "LDB", "RDB", "LUB", "RUB"
    LDF, RDF, LUF, RUF = "LDF", "RDF", "LUF", "RUF"
    LFD, RFD, LFU, RFU = "LFD", "RFD", "LFU", "RFU"
    LBD, RBD, LBU, RBU = "LBD", "RBD", "LBU", "RBU"
    Z_UP = "RFU"
    """Ours."""
    Y_UP = "RUB"
    """The face looks to +Z: glTF, three.js, SPZ."""
    Y_DOWN = "RDF"
    """The face looks to -Z: 3DGS training (COLMAP's cameras), and what viewers take PLY and .splat files for."""


class Unit(Enum):
    """What 1 means in a file; the value is what comments say."""

    UNSTATED = ""
    METRE = "metre"
    HEAD = "FaceLift head"
    """The engines' reference unit, with the origin at the head's centre."""


def to_ours_matrix(axes: Axes) -> np.ndarray:
    """Return the [4, 4] rotation, or rotation and mirror, from a frame to ours; the identity for unstated ones."""
    matrix = np.eye(4)
    if axes is not Axes.UNSTATED:
        matrix[:3, :3] = np.array([_DIRECTIONS[letter] for letter in axes.value], np.float64).T
    return matrix


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
    def from_axes(cls, axes: Axes, degree: int) -> Turn:
        """Return the turn of files in a frame, with harmonics of a degree, 0..3.

        Frames that differ in the signs of axes only give the same quaternions: those that SPZ's own library
        makes, which mirrors a rotation R to F R F.
        """
        matrix = to_ours_matrix(axes)[:3, :3]
        base = to_ours_matrix(Axes.RUB if axes.value[1] in "UD" else Axes.RFU)[:3, :3]
        x, y, z = np.diag(base.T @ matrix)
        # A product of quaternions is linear in the second: its matrix is that of the products with the axes.
        product = quaternions.multiply(quaternions.from_matrices(base), np.eye(4))
        rotations = np.diag([1, y * z, x * z, x * y]) @ product
        found = (matrix.T, rotations, harmonics.row_factor(matrix, degree))
        return cls(*(values.astype(np.float32) for values in found))


def to_ours(gaussians: Gaussians, axes: Axes, reuse: bool = False) -> Gaussians:
    """Return what a file of these axes holds in our frame: means, rotations and harmonics turned.

    ``reuse`` is that of :meth:`Gaussians.transform`.
    """
    return gaussians if axes in _AS_IT_IS else gaussians.transform(to_ours_matrix(axes), reuse)


def from_ours(gaussians: Gaussians, axes: Axes) -> Gaussians:
    """Return Gaussians of our frame in a file's."""
    return gaussians if axes in _AS_IT_IS else gaussians.transform(to_ours_matrix(axes).T)


_AS_IT_IS = (Axes.UNSTATED, Axes.Z_UP)
