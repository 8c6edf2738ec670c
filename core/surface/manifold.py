"""Voxels whose border is a manifold: no two parts of the inside touch along an edge or at a corner alone."""

from __future__ import annotations

from itertools import product

import numpy as np

CLOSED = -0.05
"""Value of a voxel that was outside and is inside now: just inside, so that the surface hardly moves."""


def well_composed(field: np.ndarray) -> np.ndarray:
    """Return a field [X, Y, Z] float32, negative inside, with the voxels inside that its surface net needs.

    The net of a well-composed set of voxels is a manifold (Latecki, "3D Well-Composed Pictures",
    1997): each square of four voxels that only its diagonal joins, and each cube whose inside or
    outside is two opposite corners, gets a further voxel. Voxels are only ever added, so this ends.
    """
    inside = field < 0
    while True:
        added = np.zeros_like(inside)
        for axis in range(3):
            _close_squares(field, inside, added, axis)
        _close_cubes(inside, added)
        if not added.any():
            return np.where(inside & (field >= 0), np.float32(CLOSED), field)
        inside |= added


def _view(array: np.ndarray, offset: tuple[int, ...], size: tuple[int, ...]) -> np.ndarray:
    """Return the part of an array that begins at an offset and leaves room for blocks of a size."""
    return array[tuple(slice(o, n - s + 1 + o) for o, s, n in zip(offset, size, array.shape, strict=True))]


def _close_squares(field: np.ndarray, inside: np.ndarray, added: np.ndarray, axis: int) -> None:
    """Mark the more likely inside one of the two outside voxels of each square that is a checkerboard."""
    size = tuple(1 if index == axis else 2 for index in range(3))
    offsets = [offset for offset in product(*(range(n) for n in size))]
    values = [_view(inside, offset, size) for offset in offsets]
    for first, second, out in ((0, 3, (1, 2)), (1, 2, (0, 3))):
        bad = values[first] & values[second] & ~values[out[0]] & ~values[out[1]]
        if bad.any():
            nearer = _view(field, offsets[out[0]], size) <= _view(field, offsets[out[1]], size)
            _view(added, offsets[out[0]], size)[bad & nearer] = True
            _view(added, offsets[out[1]], size)[bad & ~nearer] = True


def _close_cubes(inside: np.ndarray, added: np.ndarray) -> None:
    """Mark a neighbour for each pair of opposite corners that is alone in its cube, or alone outside."""
    size = (2, 2, 2)
    total = sum(_view(inside, offset, size).astype(np.int8) for offset in product((0, 1), repeat=3))
    for corner in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)):
        opposite = tuple(1 - value for value in corner)
        here, there = _view(inside, corner, size), _view(inside, opposite, size)
        alone = (total == 2) & here & there
        hole = (total == 6) & ~here & ~there
        beside = (1 - corner[0], *corner[1:])
        _view(added, beside, size)[alone] = True
        _view(added, corner, size)[hole] = True
