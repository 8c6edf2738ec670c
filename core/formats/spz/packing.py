"""The quantised values of SPZ files.

Arrays of bytes on one side, activated float32 values on the other: those that are packed in the file's own
axes, those that are unpacked in ours. Source: https://github.com/nianticlabs/spz (README, "File Format").
"""

from __future__ import annotations

import math

import numpy as np

from ...splats import spherical_harmonics as harmonics
from ...system import blocks
from ..axes import Turn

_POSITION_LIMIT = (1 << 23) - 1
MAX_FRACTIONAL_BITS = 16
"""More would only store noise: 2^-16 is far below any splat's size."""

_COLOR_GAIN = 0.15
"""Base harmonics are stored as 255 (0.15 c + 0.5): colours from -0.44 to 1.44."""
_SCALE_OFFSET = 10.0
_SCALE_STEPS = 16
"""Scales are stored as 16 (ln s + 10): from e^-10 to e^5.9 in steps of 6 %."""
_HIGHER_STEPS = 128
"""Higher harmonics are stored as 128 c + 128."""
_SMALLEST_THREE_STEPS = 511

_BYTES = np.arange(256, dtype=np.float32)
_SCALES = np.exp(_BYTES / _SCALE_STEPS - np.float32(_SCALE_OFFSET))
_OPACITIES = _BYTES / 255
_FIELD = 1023
_MAGNITUDES = (np.arange(_FIELD + 1) & _SMALLEST_THREE_STEPS) * np.float32(math.sqrt(0.5) / _SMALLEST_THREE_STEPS)
_SMALLEST_THREE = np.where(np.arange(_FIELD + 1) > _SMALLEST_THREE_STEPS, -_MAGNITUDES, _MAGNITUDES).astype(np.float32)
"""The value of each of the ten-bit fields: a sign and nine bits of magnitude."""
_PIECE = 1 << 11
"""Splats whose harmonics are unpacked at once: as floats they stay in the cache next to the processor."""


def fractional_bits_for(means: np.ndarray) -> int:
    """Return the finest resolution, in bits after the point, with which all means [N, 3] fit into 24 bits.

    The reference always writes 12 (a head of 24 cm would have positions to a quarter of a millimetre);
    readers take whatever the header says.
    """
    reach = float(np.abs(means).max(initial=0))
    if reach <= _POSITION_LIMIT * 2.0**-MAX_FRACTIONAL_BITS:
        return MAX_FRACTIONAL_BITS
    return max(0, math.floor(math.log2(_POSITION_LIMIT / reach)))


def pack_positions(means: np.ndarray, fractional_bits: int) -> np.ndarray:
    """Return means [N, 3] as 24-bit signed integers, [N, 3, 3] bytes; what is too far off is clipped."""
    steps = np.rint(means.astype(np.float64) * 2.0**fractional_bits)
    whole = np.clip(steps, -_POSITION_LIMIT, _POSITION_LIMIT).astype("<i4")
    return whole.view(np.uint8).reshape(*means.shape, 4)[..., :3]


def unpack_positions(data: np.ndarray, fractional_bits: int, turn: Turn, means: np.ndarray) -> None:
    """Store the means of 9 N bytes in ``means`` [N, 3]."""
    raw = data.reshape(-1, 3)
    padded = np.zeros((len(raw), 4), np.uint8)
    for i in range(3):
        padded[:, i + 1] = raw[:, i]
    # In the upper three bytes the sign is where int32 has it; the zeros below are divided away.
    steps = padded.view("<i4").reshape(-1, 3).astype(np.float32)
    blocks.multiply(steps, turn.vectors * np.float32(2.0 ** (-8 - fractional_bits)), means)


def pack_scales(scales: np.ndarray) -> np.ndarray:
    """Return standard deviations [N, 3] as logarithms, [N, 3] bytes; outside e^-10..e^5.9 they are clipped."""
    return _as_bytes(np.log(scales), _SCALE_STEPS, _SCALE_STEPS * _SCALE_OFFSET)


def unpack_scales(data: np.ndarray) -> np.ndarray:
    """Return standard deviations [N, 3] of 3 N bytes."""
    return _SCALES[data].reshape(-1, 3)


def pack_opacities(opacities: np.ndarray) -> np.ndarray:
    """Return opacities [N] as bytes."""
    return _as_bytes(opacities, 255)


def unpack_opacities(data: np.ndarray) -> np.ndarray:
    """Return opacities [N] of N bytes."""
    return _OPACITIES[data]


def pack_colors(base: np.ndarray) -> np.ndarray:
    """Return base harmonics [N, 3] as bytes; outside +-3.33 they are clipped."""
    return _as_bytes(base, 255 * _COLOR_GAIN, 127.5)


def pack_higher(higher: np.ndarray) -> np.ndarray:
    """Return higher harmonics [N, K, 3] as bytes; outside -1..0.99 they are clipped.

    All 8 bits are used; the reference rounds to 5 and 4 bits for smaller files.
    """
    return _as_bytes(higher, _HIGHER_STEPS, _HIGHER_STEPS)


def kept_harmonics(higher: np.ndarray, degree: int) -> int:
    """Return how many higher harmonics of a file's bytes [N, 3 K] to keep: none if all are 0, never degree 4."""
    kept = (min(degree, harmonics.MAX_DEGREE) + 1) ** 2 - 1
    levels = higher[:, : 3 * kept]
    is_flat = all((levels[place] == _HIGHER_STEPS).all() for place in blocks.slices(len(levels)))
    return 0 if is_flat else kept


def harmonics_factor(turn: Turn) -> np.ndarray:
    """Return what :func:`unpack_harmonics` multiplies levels by, [3 K, 3 K] float32."""
    steps = np.full(len(turn.sh), 1 / _HIGHER_STEPS, np.float32)
    steps[:3] = 1 / (255 * _COLOR_GAIN)
    return steps[:, None] * turn.sh


def unpack_harmonics(colors: np.ndarray, higher: np.ndarray, factor: np.ndarray, sh: np.ndarray) -> None:
    """Store harmonics in ``sh`` [N, K, 3].

    Args:
        colors: [N, 3] bytes of the base.
        higher: [N, 3 (K - 1)] or more bytes of the others.
        factor: [3 K, 3 K], see :func:`harmonics_factor`.
        sh: Where to.
    """
    rows = sh.reshape(len(sh), -1)
    others = rows.shape[1] - 3
    buffer = np.empty((_PIECE, rows.shape[1]), np.float32)
    for place in blocks.slices(len(rows), _PIECE):
        levels = buffer[: place.stop - place.start]
        np.subtract(colors[place], np.float32(127.5), out=levels[:, :3])
        # 128 less, in a byte with a sign.
        levels[:, 3:] = (higher[place, :others] ^ 128).view(np.int8)
        blocks.multiply(levels, factor, rows[place])


def pack_first_three(rotations: np.ndarray) -> np.ndarray:
    """Return quaternions w, x, y, z [N, 4] as x, y, z of the one with w >= 0, [N, 3] bytes (version 2)."""
    return _as_bytes(np.where(rotations[:, :1] < 0, -rotations, rotations)[:, 1:], 127.5, 127.5)


def unpack_first_three(data: np.ndarray, turn: Turn, rotations: np.ndarray) -> None:
    """Store the unit quaternions w, x, y, z of 3 N bytes in ``rotations`` [N, 4] (version 2)."""
    found = np.empty((4, len(rotations)), np.float32)
    found[1:], found[0] = _completed((data.reshape(-1, 3) / np.float32(127.5) - 1).T)
    _turned(found, turn, rotations)


def pack_smallest_three(rotations: np.ndarray) -> np.ndarray:
    """Return quaternions w, x, y, z [N, 4] as 32-bit integers [N] (versions 3 and 4).

    Two bits say which of x, y, z, w is largest and left out; the others follow in that order as a sign
    (relative to the largest one's) and 9 bits of magnitude in units of sqrt(1/2) / 511.
    """
    xyzw = np.ascontiguousarray(rotations[:, (1, 2, 3, 0)].T)
    largest = np.argmax(np.abs(xyzw), axis=0)
    negative = np.take_along_axis(xyzw, largest[None], axis=0)[0] < 0
    packed = largest.astype("<u4")
    for slot in range(3):
        value = np.where(slot < largest, xyzw[slot], xyzw[slot + 1])
        magnitude = np.rint(np.abs(value) * np.float32(_SMALLEST_THREE_STEPS * math.sqrt(2))).astype(np.uint32)
        sign = (value < 0) ^ negative
        packed = packed << 10 | sign.astype(np.uint32) << 9 | np.minimum(magnitude, _SMALLEST_THREE_STEPS)
    return packed.astype("<u4")


def unpack_smallest_three(data: np.ndarray, turn: Turn, rotations: np.ndarray) -> None:
    """Store the unit quaternions w, x, y, z of 4 N bytes in ``rotations`` [N, 4] (versions 3 and 4)."""
    packed = data.view("<u4")
    fields = np.empty((3, len(packed)), np.float32)
    for field, shift in zip(fields, (20, 10, 0), strict=True):
        # No field is outside the table; numpy need not look.
        np.take(_SMALLEST_THREE, (packed >> shift & _FIELD).astype(np.intp), out=field, mode="clip")
    (first, second, third), left_out = _completed(fields)
    # Of x, y, z, w the largest is left out: the others keep their order.
    is_x, is_y, is_z, is_w = (packed >> 30 == place for place in range(4))
    found = np.empty((4, len(packed)), np.float32)
    found[0] = np.where(is_w, left_out, third)
    found[1] = np.where(is_x, left_out, first)
    found[2] = np.where(is_y, left_out, np.where(is_x, first, second))
    found[3] = np.where(is_z, left_out, np.where(is_w, third, second))
    _turned(found, turn, rotations)


def _turned(components: np.ndarray, turn: Turn, rotations: np.ndarray) -> None:
    """Store quaternions given as w, x, y, z [4, N] in ``rotations`` [N, 4], in our frame."""
    blocks.multiply(components.T, turn.rotations, rotations)


def _completed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return three of the values of unit quaternions [3, N], and the fourth, at least 0.

    Only in damaged files are the three alone longer than 1; they are shortened.
    """
    squares = np.einsum("ij,ij->j", values, values)
    if squares.max(initial=0) > 1:
        values = values / np.sqrt(np.maximum(squares, 1))
    return values, np.sqrt(np.maximum(0, 1 - squares))


def _as_bytes(values: np.ndarray, gain: float, offset: float = 0.0) -> np.ndarray:
    """Return gain * values + offset, rounded to 0..255."""
    levels = values * np.float32(gain)
    levels += np.float32(offset + 0.5)
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)
