"""Box filters of pictures, against scipy's filter of two axes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.photo.blur import box_blur


@pytest.mark.parametrize("shape", [(64, 128, 4), (31, 7, 1), (5, 40, 13)])
@pytest.mark.parametrize("size", [1, 3, 11])
def test_as_a_filter_of_both_axes(shape, size):
    layers = np.random.default_rng(3).random(shape).astype(np.float32)
    before = layers.copy()
    blurred = box_blur(layers, size)
    assert blurred.dtype == np.float32
    np.testing.assert_array_equal(blurred, ndimage.uniform_filter(layers, (size, size, 1), mode="nearest"))
    np.testing.assert_array_equal(layers, before)
