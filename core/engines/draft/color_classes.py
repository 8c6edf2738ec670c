"""What colours classes of pixels have: histograms in CIE L*a*b*, learnt from the picture itself."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .color import rgb_to_lab

LAB_BINS = (20, 24, 24)
LAB_LOW, LAB_HIGH = np.array([0.0, -60.0, -60.0]), np.array([100.0, 60.0, 60.0])
UNKNOWN_COLOR = 2e-5
"""Likelihood of a colour that a class has never shown."""
MINIMUM_SEED = 60
"""Pixels from which a colour histogram is worth trusting."""


def color_bins(rgb: np.ndarray) -> np.ndarray:
    """Return the index [512, 512] of each pixel's colour in a histogram of :data:`LAB_BINS`."""
    lab = ndimage.gaussian_filter(rgb_to_lab(rgb), (0.8, 0.8, 0))
    bins = np.array(LAB_BINS)
    index = np.clip((lab - LAB_LOW) / (LAB_HIGH - LAB_LOW) * bins, 0, bins - 1).astype(np.int64)
    return np.ravel_multi_index(tuple(np.moveaxis(index, -1, 0)), LAB_BINS)


def likelihoods(bins: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return p(colour | class) [512, 512, 3], up to a common factor, learnt from weights of the same shape."""
    likelihood = np.full(weights.shape, UNKNOWN_COLOR, np.float32)
    for k in range(weights.shape[-1]):
        if weights[..., k].sum() < MINIMUM_SEED:
            continue
        histogram = np.bincount(bins.ravel(), weights[..., k].ravel(), np.prod(LAB_BINS)).reshape(LAB_BINS)
        histogram = ndimage.gaussian_filter(histogram.astype(np.float32), 1.0)
        likelihood[..., k] += histogram.ravel()[bins] / histogram.sum()
    return likelihood


def smooth_posterior(posterior: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Normalise p(class) and average it over neighbours; zero outside the person."""
    posterior = posterior / posterior.sum(-1, keepdims=True) * mask[..., None]
    posterior = np.stack([ndimage.gaussian_filter(channel, 2.0) for channel in np.moveaxis(posterior, -1, 0)], axis=-1)
    return (posterior * mask[..., None]).astype(np.float32)
