"""Which way is up in splat files.

Our frame, and the one that every reader here returns where the file says what its own is: +X to the
viewer's right, +Z up, the face looks to -Y (Blender's front view).
"""

from __future__ import annotations

from enum import Enum

import numpy as np

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


def to_ours(gaussians: Gaussians, axes: Axes, reuse: bool = False) -> Gaussians:
    """Return what a file of these axes holds in our frame: means, rotations and harmonics turned.

    ``reuse`` is that of :meth:`Gaussians.transform`.
    """
    return gaussians.transform(_Y_UP_TO_Z_UP, reuse) if axes is Axes.Y_UP else gaussians


def from_ours(gaussians: Gaussians, axes: Axes) -> Gaussians:
    """Return Gaussians of our frame in a file's."""
    return gaussians.transform(_Y_UP_TO_Z_UP.T) if axes is Axes.Y_UP else gaussians
