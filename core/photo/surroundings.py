"""Average colours of what is known around each pixel."""

from __future__ import annotations

import numpy as np

COLOR_NOISE = 0.02
"""Standard deviation of noise that is always reckoned with, colours being 0..1."""
MIN_WEIGHT = 0.02
"""Share of known pixels in a neighbourhood from which its average colour counts."""


def color_sums(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return colours, their squares and weights [H, W, 5] float32 of known pixels, to be averaged over neighbourhoods.

    Args:
        image: [H, W, 3] float32, 0..1.
        known: [H, W] bool.
    """
    weight = known.astype(np.float32)
    return np.dstack([image * weight[..., None], (image**2).sum(axis=-1) * weight, weight]).astype(np.float32)


def mean_color(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean colour [..., 3] and variance [...] of averaged :func:`color_sums` [..., 5]."""
    weight = np.maximum(sums[..., 4:], 1e-6)
    mean = sums[..., :3] / weight
    return mean, np.maximum(sums[..., 3] / weight[..., 0] - (mean**2).sum(axis=-1), 0)
