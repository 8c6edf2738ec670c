"""Unit quaternions (w, x, y, z) as numpy arrays of shape [..., 4]."""

from __future__ import annotations

import numpy as np


def normalize(quaternions: np.ndarray) -> np.ndarray:
    """Return unit quaternions; a zero quaternion becomes the identity."""
    norm = np.sqrt(np.einsum("...i,...i->...", quaternions, quaternions))[..., None]
    if norm.min(initial=1) > 1e-12:
        return quaternions / norm
    identity = np.array([1, 0, 0, 0], quaternions.dtype)
    return np.where(norm > 1e-12, quaternions / np.maximum(norm, 1e-12), identity)


def to_matrices(quaternions: np.ndarray) -> np.ndarray:
    """Return rotation matrices [..., 3, 3] of unit quaternions [..., 4]."""
    return np.stack([np.stack(row, axis=-1) for row in matrix_entries(quaternions)], axis=-2)


def matrix_entries(quaternions: np.ndarray) -> list[list[np.ndarray]]:
    """Return the three rows of three entries [...] of the rotation matrices, each contiguous."""
    w, x, y, z = np.ascontiguousarray(np.moveaxis(quaternions, -1, 0))
    return [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]


def from_matrices(matrices: np.ndarray) -> np.ndarray:
    """Return unit quaternions [..., 4] with w >= 0 of rotation matrices [..., 3, 3].

    Uses the largest of the four squared components as pivot (Shepperd, 1978), so it is
    accurate for every rotation.
    """
    m = np.asarray(matrices)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], axis=-1)
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    outer = np.stack(
        [
            np.stack([squares[..., 0], wx, wy, wz], axis=-1),
            np.stack([wx, squares[..., 1], xy, xz], axis=-1),
            np.stack([wy, xy, squares[..., 2], yz], axis=-1),
            np.stack([wz, xz, yz, squares[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    pivot = np.argmax(squares, axis=-1)[..., None, None]
    quaternions = normalize(np.take_along_axis(outer, pivot, axis=-2)[..., 0, :])
    return np.where(quaternions[..., :1] < 0, -quaternions, quaternions)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Hamilton product a * b: first rotate by b, then by a."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )
