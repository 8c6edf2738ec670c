"""numpy arrays as textures."""

from __future__ import annotations

import gpu
import numpy as np

from ...core.viewing import texels


def of_texels(values: np.ndarray, form: str = "RGBA32F") -> gpu.types.GPUTexture:
    """Return a texture of four channels, :data:`texels.WIDTH` texels wide.

    Args:
        values: [N, ...] float32, flattened, a multiple of four numbers.
        form: "RGBA32F" or "RGBA16F".
    """
    rows = texels.as_rows(values)
    return _texture(rows, (texels.WIDTH, len(rows)), form)


def of_indices(values: np.ndarray) -> gpu.types.GPUTexture:
    """Return a texture of one channel that holds indices [N] as floats, exact below 2^24."""
    rows = texels.as_single_rows(values)
    return _texture(rows, (texels.WIDTH, len(rows)), "R32F")


def of_objects(values: np.ndarray) -> gpu.types.GPUTexture:
    """Return a texture of [M, K, 4] values with a row an object."""
    return _texture(np.ascontiguousarray(values, np.float32), values.shape[1::-1], "RGBA32F")


def _texture(values: np.ndarray, size: tuple[int, int], form: str) -> gpu.types.GPUTexture:
    return gpu.types.GPUTexture(size, format=form, data=gpu.types.Buffer("FLOAT", values.size, values.ravel()))
