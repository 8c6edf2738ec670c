"""Gaussians as texels: what a vertex shader fetches for each splat.

A splat takes :data:`TEXELS` texels of four float32:

====== ============ ============ ============ =================
texel  r            g            b            a
====== ============ ============ ============ =================
0      mean x       mean y       mean z       index of object
1      cov. xx      cov. xy      cov. xz      opacity
2      cov. yy      cov. yz      cov. zz      1 when selected
3      red          green        blue         normal
====== ============ ============ ============ =================

Means and covariances are in the object's own space, so that moving an object changes nothing
here. The colour is the constant term of the spherical harmonics, sRGB-encoded, not clipped:
the higher terms, which a texture of their own holds, are added before. The normal is a whole
number, of :func:`pack_normals`.
"""

from __future__ import annotations

import numpy as np

from ..geometry import quaternions
from ..splats import spherical_harmonics as harmonics

TEXELS = 4
"""Texels of one splat."""
CHANNELS = 4
NORMAL_STEPS = 2047
"""Places along a side of the square on which normals lie."""
WIDTH = 2048
"""Texels in a row of a texture: every graphics card allows this many, and TEXELS divides it."""


def splat_texels(
    means: np.ndarray,
    scales: np.ndarray,
    rotations: np.ndarray,
    base: np.ndarray,
    selected: np.ndarray | None = None,
    normals: np.ndarray | None = None,
) -> np.ndarray:
    """Return the texels of N splats, [N, 16] float32, with object index 0.

    Args:
        means: [N, 3].
        scales: [N, 3] standard deviations.
        rotations: [N, 4] quaternions w, x, y, z; need not be of unit length.
        base: [N, 4] constant coefficients of the spherical harmonics, and opacity.
        selected: [N] bool, or None for nothing selected.
        normals: [N, 3] outward unit normals, or None where there are none.
    """
    # Entry by entry over all splats: several times faster than a small product for each.
    lengths = np.ascontiguousarray(scales.T)
    rows = quaternions.matrix_entries(quaternions.normalize(rotations))
    x, y, z = ([entry * length for entry, length in zip(row, lengths, strict=True)] for row in rows)
    texels = np.zeros((len(means), TEXELS, CHANNELS), np.float32)
    texels[:, 0, :3] = means
    for place, a, b in (
        ((1, 0), x, x),
        ((1, 1), x, y),
        ((1, 2), x, z),
        ((2, 0), y, y),
        ((2, 1), y, z),
        ((2, 2), z, z),
    ):
        texels[(slice(None), *place)] = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    texels[:, 1, 3] = base[:, 3]
    if selected is not None:
        texels[:, 2, 3] = selected
    texels[:, 3, :3] = base[:, :3] * np.float32(harmonics.C0) + np.float32(0.5)
    if normals is not None:
        texels[:, 3, 3] = pack_normals(normals)
    return texels.reshape(len(means), TEXELS * CHANNELS)


def pack_normals(normals: np.ndarray) -> np.ndarray:
    """Return normals [N, 3] as whole numbers [N] float32 below 2^24, 0 for those of no length.

    A normal is a point of an octahedron, unfolded to a square of NORMAL_STEPS^2 places (Meyer et al.,
    "On Floating-Point Normal Vectors", 2010): the number is 1 + column + NORMAL_STEPS * row.
    """
    sums = np.abs(normals).sum(axis=1)
    x, y, z = normals.T / np.maximum(sums, np.finfo(np.float32).tiny)
    below = z < 0
    signs = [np.where(value < 0, -1, 1) for value in (x, y)]
    x, y = np.where(below, (1 - np.abs(y)) * signs[0], x), np.where(below, (1 - np.abs(x)) * signs[1], y)
    column, row = (np.rint((value + 1) / 2 * (NORMAL_STEPS - 1)) for value in (x, y))
    return np.where(sums > 0, 1 + column + NORMAL_STEPS * row, 0).astype(np.float32)


def join(objects: list[np.ndarray]) -> np.ndarray:
    """Return the texels of several objects, each [N, 16], as one array that knows whose they are."""
    joined = np.concatenate(objects)
    joined[:, 3] = np.repeat(np.arange(len(objects), dtype=np.float32), [len(texels) for texels in objects])
    return joined


def harmonics_texels(coefficients: list[np.ndarray]) -> np.ndarray:
    """Return the higher spherical harmonics of several objects as texels, [N, K, 4] float32.

    Args:
        coefficients: Of each object, [N, k, 3]; missing ones count as zero.
    """
    width = max(values.shape[1] for values in coefficients)
    texels = np.zeros((sum(map(len, coefficients)), width, CHANNELS), np.float32)
    start = 0
    for values in coefficients:
        texels[start : start + len(values), : values.shape[1], :3] = values
        start += len(values)
    return texels


def as_rows(values: np.ndarray) -> np.ndarray:
    """Return numbers as the rows of a texture, [height, WIDTH * channels], the last one filled with zeros.

    Args:
        values: [N, ...], flattened; a multiple of four numbers when the texture has four channels.
    """
    return _filled(values, WIDTH * CHANNELS)


def as_single_rows(values: np.ndarray) -> np.ndarray:
    """Return numbers as the rows of a texture of one channel, [height, WIDTH]."""
    return _filled(values, WIDTH)


def _filled(values: np.ndarray, width: int) -> np.ndarray:
    flat = np.ascontiguousarray(values, np.float32).ravel()
    height = max(1, -(-len(flat) // width))
    if len(flat) == height * width:
        return flat.reshape(height, width)
    rows = np.zeros((height, width), np.float32)
    rows.reshape(-1)[: len(flat)] = flat
    return rows
