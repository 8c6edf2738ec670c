"""The operations of the converted networks, in numpy. Arrays are [H, W, C] float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided


def _activate(array: np.ndarray, activation: str | None) -> np.ndarray:
    """Apply a fused activation in place."""
    if activation == "relu":
        np.maximum(array, 0, out=array)
    elif activation == "relu6":
        np.clip(array, 0, 6, out=array)
    return array


def _pad_borders(array: np.ndarray, padding: Sequence[int] | None) -> np.ndarray:
    """Add zeros at [top, bottom, left, right]."""
    if not padding:
        return array
    top, bottom, left, right = padding
    height, width, channels = array.shape
    padded = np.zeros((height + top + bottom, width + left + right, channels), np.float32)
    padded[top : top + height, left : left + width] = array
    return padded


def conv(
    array: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    *,
    stride: Sequence[int],
    padding: Sequence[int] | None = None,
    activation: str | None = None,
) -> np.ndarray:
    """Convolve: ``weight`` [out, kh, kw, in], ``bias`` [out]. Without ``padding`` also arrays [..., H, W, C]."""
    channels_out, kernel_height, kernel_width, channels_in = weight.shape
    array = np.ascontiguousarray(_pad_borders(array, padding))
    if (kernel_height, kernel_width) == (1, 1):
        array = array[..., :: stride[0], :: stride[1], :]
        *several, height, width, _ = array.shape
        columns = array.reshape(-1, channels_in)
    else:
        # im2col: a strided view of all windows, made contiguous, turns the convolution into one matrix product.
        *several, height, width, _ = array.shape
        height = (height - kernel_height) // stride[0] + 1
        width = (width - kernel_width) // stride[1] + 1
        *apart, row, column, channel = array.strides
        windows = as_strided(
            array,
            (*several, height, width, kernel_height, kernel_width, channels_in),
            (*apart, row * stride[0], column * stride[1], row, column, channel),
        )
        columns = windows.reshape(-1, kernel_height * kernel_width * channels_in)
    result = columns @ weight.reshape(channels_out, -1).T
    result += bias
    return _activate(result, activation).reshape(*several, height, width, channels_out)


def depthwise(
    array: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    *,
    stride: Sequence[int],
    padding: Sequence[int] | None = None,
    activation: str | None = None,
) -> np.ndarray:
    """Convolve every channel by itself: ``weight`` [1, kh, kw, C], ``bias`` [C]."""
    _, kernel_height, kernel_width, channels = weight.shape
    array = _pad_borders(array, padding)
    height = (array.shape[0] - kernel_height) // stride[0] + 1
    width = (array.shape[1] - kernel_width) // stride[1] + 1
    result = np.empty((height, width, channels), np.float32)
    result[:] = bias
    product = np.empty_like(result)
    # Repeated for each column, so that numpy's innermost loop runs along whole rows.
    weight = np.repeat(weight[0, :, :, None], width, axis=2)
    for y in range(kernel_height):
        rows = slice(y, y + (height - 1) * stride[0] + 1, stride[0])
        for x in range(kernel_width):
            columns = slice(x, x + (width - 1) * stride[1] + 1, stride[1])
            np.multiply(array[rows, columns], weight[y, x], out=product)
            result += product
    return _activate(result, activation)


def upsample_conv(array: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Transposed convolution of size 2 and stride 2: ``weight`` [out, 2, 2, in], ``bias`` [out]."""
    height, width, channels_in = array.shape
    channels_out = len(weight)
    product = array.reshape(-1, channels_in) @ weight.reshape(-1, channels_in).T
    tiles = product.reshape(height, width, channels_out, 2, 2).transpose(0, 3, 1, 4, 2)
    return tiles.reshape(2 * height, 2 * width, channels_out) + bias


def max_pool(array: np.ndarray, *, size: Sequence[int]) -> np.ndarray:
    """Take the maximum of each ``size`` tile; rows and columns that fill no tile are left out."""
    height, width = array.shape[0] // size[0], array.shape[1] // size[1]
    tiles = array[: height * size[0], : width * size[1]].reshape(height, size[0], width, size[1], -1)
    return tiles.max(axis=(1, 3))


def global_mean(array: np.ndarray) -> np.ndarray:
    """Average over all pixels, giving [1, 1, C]."""
    return array.mean(axis=(0, 1), keepdims=True)


def resize(array: np.ndarray, *, size: Sequence[int]) -> np.ndarray:
    """Resize bilinearly to ``size`` (height, width), pixel centres at half integers."""
    for axis, length in enumerate(size):
        old = array.shape[axis]
        position = np.clip((np.arange(length, dtype=np.float32) + 0.5) * (old / length) - 0.5, 0, old - 1)
        lower = position.astype(np.intp)
        upper = np.minimum(lower + 1, old - 1)
        share = (position - lower).reshape([-1 if other == axis else 1 for other in range(3)])
        share = share.astype(np.float32)
        array = array.take(lower, axis) * (1 - share) + array.take(upper, axis) * share
    return array


def add(first: np.ndarray, second: np.ndarray, *, activation: str | None = None) -> np.ndarray:
    """Add with broadcasting."""
    return _activate(first + second, activation)


def multiply(first: np.ndarray, second: np.ndarray, *, activation: str | None = None) -> np.ndarray:
    """Multiply with broadcasting."""
    return _activate(first * second, activation)


def prelu(array: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Scale negative values by ``slope`` (broadcast over the channels)."""
    return np.maximum(array, 0) + slope * np.minimum(array, 0)


def hard_swish(array: np.ndarray) -> np.ndarray:
    """Return x * relu6(x + 3) / 6."""
    return array * (np.clip(array + 3, 0, 6) * np.float32(1 / 6))


def sigmoid(array: np.ndarray) -> np.ndarray:
    """Return the logistic function, written with tanh so that no input overflows."""
    return np.tanh(array * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)


def region(
    landmarks: np.ndarray, *, points: Sequence[int], across: Sequence[int], margin: float, size: Sequence[int]
) -> np.ndarray:
    """Return the [4, 4] map from pixels of a picture of a part of the face to those in which landmarks are given.

    The part is the upright box around ``points`` of the ``landmarks`` [N, 3], ``margin`` times as large, drawn with
    ``size`` (height, width) pixels; upright is where the two points ``across`` lie side by side.
    """
    first, second = landmarks[across[0], :2], landmarks[across[1], :2]
    angle = math.atan2(second[1] - first[1], second[0] - first[0])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    upright = landmarks[list(points), :2] @ turn
    low, high = upright.min(axis=0), upright.max(axis=0)
    pixels = np.array(size[::-1])
    matrix = np.eye(4)
    matrix[:2, :2] = turn * (margin * (high - low) / pixels)
    matrix[:2, 3] = turn @ ((low + high) / 2) - matrix[:2, :2] @ (pixels / 2)
    return matrix.astype(np.float32)


def sample(array: np.ndarray, matrix: np.ndarray, *, size: Sequence[int]) -> np.ndarray:
    """Draw a part of ``array`` with ``size`` (height, width) pixels, bilinearly; zeros lie beyond its borders.

    ``matrix`` [4, 4] is that of :func:`region`; pixel centres lie at half integers.
    """
    rows, columns = np.mgrid[: size[0], : size[1]].reshape(2, -1) + 0.5
    x, y = matrix[:2, :2] @ [columns, rows] + matrix[:2, 3:] - 0.5
    height, width, channels = array.shape
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    left, top = np.clip(np.floor(x).astype(int), 0, width - 2), np.clip(np.floor(y).astype(int), 0, height - 2)
    to_right, to_bottom = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    upper = array[top, left] * (1 - to_right) + array[top, left + 1] * to_right
    lower = array[top + 1, left] * (1 - to_right) + array[top + 1, left + 1] * to_right
    drawn = (upper * (1 - to_bottom) + lower * to_bottom) * inside[:, None]
    return drawn.reshape(*size, channels)


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map points [N, 2] by the first two rows of ``matrix`` [..., 4, 4]."""
    matrix = matrix.reshape(4, 4)
    return points @ matrix[:2, :2].T + matrix[:2, 3]


def refine(mesh: np.ndarray, *parts: np.ndarray, points: Sequence[Sequence[int]]) -> np.ndarray:
    """Return a mesh [N, 3] in which parts [n, 2] seen close up replace x and y of the ``points`` they belong to."""
    refined = mesh.reshape(-1, 3).copy()
    for part, numbers in zip(parts, points, strict=True):
        refined[list(numbers), :2] = part.reshape(-1, 2)
    return refined


OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    "conv": conv,
    "depthwise": depthwise,
    "upsample_conv": upsample_conv,
    "max_pool": max_pool,
    "global_mean": global_mean,
    "resize": resize,
    "add": add,
    "multiply": multiply,
    "relu": lambda array: np.maximum(array, 0),
    "prelu": prelu,
    "hard_swish": hard_swish,
    "sigmoid": sigmoid,
    "pad": lambda array, *, amounts: np.pad(array, amounts),
    "reshape": lambda array, *, shape: array.reshape(shape),
    "region": region,
    "sample": sample,
    "transform": transform,
    "refine": refine,
    "concatenate": lambda *arrays, axis: np.concatenate(arrays, axis),
}
"""Operation by its name in the graph."""
