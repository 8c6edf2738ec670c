"""Mirroring one side of a splat object onto the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..gaussians import Gaussians
from .edit import Edit
from .joining import join


def reflection(point: Sequence[float], normal: Sequence[float]) -> np.ndarray:
    """Return the [4, 4] matrix that reflects in a plane.

    Args:
        point: Any point of the plane.
        normal: Of the plane, any length but zero.

    Raises:
        ValueError: the normal has no length.
    """
    direction = np.asarray(normal, np.float64)
    length = np.linalg.norm(direction)
    if not length > 0:
        raise ValueError("the plane's normal has no length")
    direction = direction / length
    matrix = np.eye(4)
    matrix[:3, :3] -= 2 * np.outer(direction, direction)
    matrix[:3, 3] = 2 * np.dot(direction, point) * direction
    return matrix


def symmetrize(
    gaussians: Gaussians, point: Sequence[float], normal: Sequence[float], mask: np.ndarray | None = None
) -> Edit:
    """Replace what lies behind a plane by the mirror image of what lies before it.

    Means, rotations and spherical harmonics are mirrored exactly. Gaussians whose centres
    are in the plane stay once.

    Args:
        gaussians: Any.
        point: Of the plane.
        normal: Points to the side that is kept.
        mask: [N] bool; Gaussians outside it neither go nor are mirrored. None for all.

    Returns:
        First what stays, in its order, then the mirror images; a mirrored strand has a number of its own.
    """
    matrix = reflection(point, normal)
    sides = (np.asarray(gaussians.means, np.float64) - point) @ np.asarray(normal, np.float64)
    chosen = np.ones(len(gaussians), bool) if mask is None else np.asarray(mask, bool)
    stays = np.flatnonzero(~chosen | (sides >= 0))
    source = np.flatnonzero(chosen & (sides > 0))
    joined = join([gaussians.select(stays), gaussians.select(source).transform(matrix)])
    return Edit(np.concatenate([stays, source]), joined)
