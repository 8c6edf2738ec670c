"""Masks of what lies inside a box or above a plane, given by the matrices of helper objects."""

from __future__ import annotations

import numpy as np


def inside_box(means: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the mask [N] of centres inside a box, its faces included.

    Args:
        means: [N, 3] centres.
        box: [4, 4] invertible matrix from the box's space, where it spans -1..1, to the centres'.
    """
    return (np.abs(_to_local(means, box)) <= 1).all(axis=1)


def above_plane(means: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Return the mask [N] of centres on the upper side of a plane, the plane included.

    Args:
        means: [N, 3] centres.
        plane: [4, 4] invertible matrix from the plane's space, where it is z = 0, to the centres'.
    """
    return _to_local(means, plane)[:, 2] >= 0


def _to_local(means: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(np.asarray(matrix, np.float64))
    return np.asarray(means, np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
