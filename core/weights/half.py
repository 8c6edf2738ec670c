"""Which tensors become float16, and the conversion.

Matrices and convolution kernels become float16: they are 99.9 % of the bytes. Kept as they are:
vectors (norms and biases, a thousandth of the bytes), tensors with values beyond float16's range,
and tensors that would lose more than :data:`LOSS_LIMIT` because their values are so small that
float16 has few bits left for them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .tensor_files import BFLOAT16, DTYPES, Tensor

HALF = "F16"
FLOATS = ("F64", "F32", BFLOAT16)
"""Types that are candidates."""
HALF_LIMIT = 65504.0
"""Largest finite float16."""
LOSS_LIMIT = 1e-3
"""Relative L2 error of a tensor above which it stays; float16's own rounding gives 3e-4 at most."""
PIECE = 1 << 22
"""Values converted at once: bounds the memory."""


def choose_dtype(tensor: Tensor) -> str:
    """Return the type in which a tensor is kept, by its safetensors name."""
    if tensor.dtype not in FLOATS or is_vector(tensor.shape):
        return tensor.dtype
    error = total = 0.0
    for piece in tensor.pieces(PIECE):
        exact = _to_float32(tensor.dtype, piece)
        # NaN fails the comparison too.
        if not np.abs(exact).max(initial=0) <= HALF_LIMIT:
            return tensor.dtype
        lost = exact - exact.astype(np.float16)
        error += float(np.vdot(lost, lost))
        total += float(np.vdot(exact, exact))
    return HALF if error <= LOSS_LIMIT**2 * total else tensor.dtype


def is_vector(shape: tuple[int, ...]) -> bool:
    """Return whether at most one dimension is longer than 1."""
    return sum(length > 1 for length in shape) < 2


def converted(tensor: Tensor, target: str) -> Iterator[np.ndarray]:
    """Yield a tensor's values in the same type or in :data:`HALF`, in pieces."""
    for piece in tensor.pieces(PIECE):
        yield piece if target == tensor.dtype else _to_float32(tensor.dtype, piece).astype(DTYPES[target])


def _to_float32(dtype: str, piece: np.ndarray) -> np.ndarray:
    if dtype == BFLOAT16:
        return (piece.astype(np.uint32) << 16).view(np.float32)
    return piece.astype(np.float32)
