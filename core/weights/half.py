"""Which tensors become float16, and the conversion.

Matrices and convolution kernels become float16: they are 99.9 % of the bytes. Kept as they are:
vectors (norms and biases, a thousandth of the bytes), tensors with values beyond float16's range,
and tensors that would lose more than :data:`LOSS_LIMIT` because their values are so small that
float16 has few bits left for them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .tensor_files import BFLOAT16, DTYPES

HALF = "F16"
FLOATS = ("F64", "F32", BFLOAT16)
"""Types that are candidates."""
HALF_LIMIT = 65504.0
"""Largest finite float16."""
LOSS_LIMIT = 1e-3
"""Relative L2 error of a tensor above which it stays; float16's own rounding gives 3e-4 at most."""
PIECE = 1 << 22
"""Values converted at once: bounds the memory."""


def choose_dtype(dtype: str, values: np.ndarray) -> str:
    """Return the type in which a tensor is kept.

    Args:
        dtype: The type that it has, by its safetensors name.
        values: Its values; bfloat16 as the bits.
    """
    if dtype not in FLOATS or is_vector(values.shape):
        return dtype
    error = total = 0.0
    for piece in _pieces(values):
        exact = _to_float32(dtype, piece)
        # NaN fails the comparison too.
        if not np.abs(exact).max(initial=0) <= HALF_LIMIT:
            return dtype
        lost = exact - exact.astype(np.float16)
        error += float(np.vdot(lost, lost))
        total += float(np.vdot(exact, exact))
    return HALF if error <= LOSS_LIMIT**2 * total else dtype


def is_vector(shape: tuple[int, ...]) -> bool:
    """Return whether at most one dimension is longer than 1."""
    return sum(length > 1 for length in shape) < 2


def converted(dtype: str, values: np.ndarray, target: str) -> Iterator[np.ndarray]:
    """Yield a tensor's values in another type, in pieces.

    Args:
        dtype: The type that it has.
        values: Its values.
        target: The same type, or :data:`HALF`.
    """
    for piece in _pieces(values):
        yield piece if target == dtype else _to_float32(dtype, piece).astype(DTYPES[target])


def _pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    flat = values.reshape(-1)
    for start in range(0, flat.size, PIECE):
        yield flat[start : start + PIECE]


def _to_float32(dtype: str, piece: np.ndarray) -> np.ndarray:
    if dtype == BFLOAT16:
        return (piece.astype(np.uint32) << 16).view(np.float32)
    return piece.astype(np.float32)
