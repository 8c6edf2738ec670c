"""What colours classes of pixels have: histograms in CIE L*a*b*, learnt from the picture itself."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...colors import rgb_to_lab, to_linear
from ...splats.color_histogram import ColorHistogram
from .color import to_encoded

HISTOGRAM = ColorHistogram((20, 24, 24))
UNKNOWN_COLOR = 2e-5
"""Likelihood of a colour that a class has never shown."""
ANY_COLOR = 3.5e-4
"""Likelihood of any colour for what can have every colour: one over the bins that sRGB reaches, about a quarter."""
SHADES = (1.3, 1.0, 0.75, 0.55, 0.4, 0.28)
"""Linear factors of light under which skin is the same skin: the throat lies in the chin's shadow."""
MINIMUM_SEED = 60
"""Pixels from which a colour histogram is worth trusting."""


def color_bins(rgb: np.ndarray) -> np.ndarray:
    """Return the index [512, 512] of each pixel's colour in a histogram of :data:`HISTOGRAM`."""
    return HISTOGRAM.index(ndimage.gaussian_filter(rgb_to_lab(rgb), (0.8, 0.8, 0)))


def shaded_colors(rgb: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return p(colour) [bins] of skin under more and less light than the face has.

    Args:
        rgb: [H, W, 3] sRGB-encoded colours, 0..1.
        skin: [H, W] bool: certain skin.
    """
    linear = to_linear(rgb[skin])
    shades = np.concatenate(
        [HISTOGRAM.index(rgb_to_lab(to_encoded(np.minimum(linear * shade, 1)))) for shade in SHADES]
    )
    return HISTOGRAM.density(shades, np.ones(len(shades)))


def likelihoods(
    bins: np.ndarray, weights: np.ndarray, expected: tuple[np.ndarray | float, ...] | None = None
) -> np.ndarray:
    """Return p(colour | class) [512, 512, C], up to a common factor, learnt from weights of the same shape.

    Args:
        bins: [512, 512] colours.
        weights: [512, 512, C] how surely each pixel is of each class.
        expected: For each class p(colour) [bins], or one for all colours, that it may have as well.
    """
    likelihood = np.full(weights.shape, UNKNOWN_COLOR, np.float32)
    for k in range(weights.shape[-1]):
        if weights[..., k].sum() >= MINIMUM_SEED:
            likelihood[..., k] += HISTOGRAM.density(bins.ravel(), weights[..., k].ravel())[bins]
        if expected is not None:
            likelihood[..., k] += np.broadcast_to(expected[k], HISTOGRAM.size)[bins]
    return likelihood


def smooth_posterior(posterior: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Normalise p(class) and average it over neighbours; zero outside the person."""
    posterior = posterior / posterior.sum(-1, keepdims=True) * mask[..., None]
    posterior = np.stack([ndimage.gaussian_filter(channel, 2.0) for channel in np.moveaxis(posterior, -1, 0)], axis=-1)
    return (posterior * mask[..., None]).astype(np.float32)
