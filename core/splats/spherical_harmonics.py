"""Real spherical harmonics in the order and signs of 3D Gaussian splatting.

Degree l takes 2l+1 coefficients; K = (degree + 1)^2 in total (1, 4, 9, 16). Source: Kerbl
et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023, with the basis
of Yu et al., "PlenOctrees", 2021.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..system import blocks

C0 = 0.28209479177387814
"""The constant basis function Y_00; display colour = 0.5 + C0 * sh[:, 0]."""

LINEAR = 0.4886025119029199
"""The factor of the direction in the basis functions of degree 1."""

MAX_DEGREE = 3

_ROWS = 256
"""Gaussians that are turned at once."""
_ROUNDING = 1e-12
"""Entries of rotation matrices below this are zeros that float64 could not hit."""


def degree_of(count: int) -> int:
    """Return the degree of a set of ``count`` coefficients.

    Raises:
        ValueError: ``count`` is not 1, 4, 9 or 16.
    """
    for degree in range(MAX_DEGREE + 1):
        if (degree + 1) ** 2 == count:
            return degree
    raise ValueError(f"{count} SH coefficients: expected 1, 4, 9 or 16")


def basis(directions: np.ndarray, degree: int) -> np.ndarray:
    """Evaluate the basis.

    Args:
        directions: [N, 3] unit vectors from the camera to the Gaussian.
        degree: 0..3.

    Returns:
        [N, (degree + 1)^2] values, in the input's precision.
    """
    x, y, z = directions.T
    values = [np.full_like(x, C0)]
    if degree >= 1:
        values += [-LINEAR * y, LINEAR * z, -LINEAR * x]
    if degree >= 2:
        values += [
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * z * z - x * x - y * y),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ]
    if degree >= 3:
        values += [
            -0.5900435899266435 * y * (3 * x * x - y * y),
            2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (4 * z * z - x * x - y * y),
            0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
            -0.4570457994644658 * x * (4 * z * z - x * x - y * y),
            1.445305721320277 * z * (x * x - y * y),
            -0.5900435899266435 * x * (x * x - 3 * y * y),
        ]
    return np.stack(values, axis=1)


def evaluate(sh: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return display colours [N, 3], clipped below at 0 as 3DGS does, not above.

    Args:
        sh: [N, K, 3] coefficients.
        directions: [N, 3] unit vectors from the camera to the Gaussian.
    """
    values = basis(directions, degree_of(sh.shape[1]))
    return np.maximum(np.einsum("nk,nkc->nc", values, sh) + 0.5, 0.0)


@lru_cache(maxsize=1)
def probe_directions() -> np.ndarray:
    """32 well spread unit vectors (a Fibonacci sphere), enough to determine degree 3."""
    i = np.arange(32) + 0.5
    polar = np.arccos(1 - i / 16)
    azimuth = np.pi * (1 + 5**0.5) * i
    sin = np.sin(polar)
    return np.stack([sin * np.cos(azimuth), sin * np.sin(azimuth), np.cos(polar)], axis=1)


def rotation_matrix(rotation: np.ndarray, degree: int) -> np.ndarray:
    """Return the [K, K] matrix that rotates coefficient vectors, block diagonal by degree.

    Rotated coefficients c' satisfy Y(d) . c' = Y(R^T d) . c for every direction d. The
    blocks are solved from sampled directions, which is exact to float64 rounding because
    each band is closed under rotation, and works for reflections too.

    Args:
        rotation: [3, 3] orthogonal matrix, determinant +1 or -1.
        degree: 0..3.
    """
    directions = probe_directions()
    before = basis(directions @ np.asarray(rotation, np.float64), degree)
    after = basis(directions, degree)
    matrix = np.zeros((after.shape[1],) * 2)
    for band in range(degree + 1):
        block = slice(band * band, (band + 1) ** 2)
        matrix[block, block] = np.linalg.lstsq(after[:, block], before[:, block], rcond=None)[0]
    return matrix


def row_factor(rotation: np.ndarray, degree: int) -> np.ndarray:
    """Return the [3 K, 3 K] matrix that rotates coefficients [N, K, 3] written as rows [N, 3 K], from the right.

    Parameters as for :func:`rotation_matrix`. What is zero but for rounding is 0, so that quarter turns are exact.
    """
    matrix = rotation_matrix(rotation, degree)
    matrix[np.abs(matrix) < _ROUNDING] = 0
    return np.kron(matrix.T, np.eye(3))


def rotate(sh: np.ndarray, rotation: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Rotate coefficients [N, K, 3] by an orthogonal matrix [3, 3].

    Args:
        sh: The coefficients.
        rotation: The matrix, determinant +1 or -1.
        out: Where to put the result, [N, K, 3], contiguous; may be ``sh``'s own memory.
    """
    degree = degree_of(sh.shape[1])
    if degree == 0:
        return sh
    # All values of a Gaussian as one vector: a plain matrix product, which BLAS does fastest.
    rows = sh.reshape(len(sh), 3 * sh.shape[1])
    factor = row_factor(rotation, degree).astype(sh.dtype)
    turned = np.empty_like(rows) if out is None else out.reshape(rows.shape)

    def turn(place: slice) -> None:
        # Small enough for the cache next to the processor, and made once: fresh memory is slow.
        buffer = np.empty((_ROWS, rows.shape[1]), rows.dtype)
        for first in range(place.start, place.stop, _ROWS):
            some = slice(first, min(first + _ROWS, place.stop))
            found = buffer[: some.stop - first]
            blocks.multiply(rows[some], factor, found)
            turned[some] = found

    blocks.fill(turn, len(rows))
    return turned.reshape(sh.shape)


def from_colors(colors: np.ndarray) -> np.ndarray:
    """Return degree-0 coefficients [N, 1, 3] of display colours [N, 3] (sRGB-encoded, 0..1)."""
    return ((np.asarray(colors, np.float32) - 0.5) / np.float32(C0))[:, None, :]


def to_colors(sh: np.ndarray) -> np.ndarray:
    """Return the view-independent display colours [N, 3] of coefficients [N, K, 3], unclipped."""
    return 0.5 + np.float32(C0) * sh[:, 0]
