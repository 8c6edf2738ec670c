"""What colours classes of pixels have: histograms in CIE L*a*b*, learnt from the picture itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ...colors import rgb_to_lab, to_linear
from ...splats.color_histogram import ColorHistogram
from .color import to_encoded

HISTOGRAM = ColorHistogram((20, 24, 24))
DARKEST = 1e-3
"""Linear colour that darker ones are taken for: their tint is noise."""
UNKNOWN_COLOR = 2e-5
"""Likelihood of a colour that a class has never shown."""
ANY_COLOR = 3.5e-4
"""Likelihood of any colour for what can have every colour: one over the bins that sRGB reaches, about a quarter."""
SHADES = (1.3, 1.0, 0.75, 0.55, 0.4, 0.28)
"""Linear factors of light under which skin is the same skin: the throat lies in the chin's shadow."""
ONE_LIGHT = 11.0
"""CIE units by which a* and b* of skin under light of one colour scatter at most, along the line that they scatter most
(2 to 9.5 on 17 portraits; 14 and 22 on two under lights of two colours)."""
BEYOND = (0.0, 0.5, 1.0)
"""How much further than the certain skin the rest goes from one colour of light to another, over how far that goes."""
MINIMUM_SEED = 60
"""Pixels from which a colour histogram is worth trusting."""


def color_bins(lab: np.ndarray) -> np.ndarray:
    """Return the index [512, 512] of each pixel's colour in a histogram of :data:`HISTOGRAM`."""
    return HISTOGRAM.index(ndimage.gaussian_filter(lab, (0.8, 0.8, 0)))


def shaded_colors(rgb: np.ndarray, skin: np.ndarray, beyond: Sequence[float] = (0.0,)) -> np.ndarray:
    """Return p(colour) [bins] of skin under more and less light than the face has.

    Args:
        rgb: [H, W, 3] sRGB-encoded colours, 0..1.
        skin: [H, W] bool: certain skin.
        beyond: How much further than the certain skin the rest goes from one colour of light to another
            (:func:`light_colors`).
    """
    linear = np.maximum(to_linear(rgb[skin]), DARKEST)
    logs = np.log(linear)
    tint = logs - logs.mean(1, keepdims=True)
    tint -= tint.mean(0)
    shades = np.concatenate(
        [
            HISTOGRAM.index(rgb_to_lab(to_encoded(np.minimum(linear * np.exp(share * tint) * shade, 1))))
            for share in beyond
            for shade in SHADES
        ]
    )
    return HISTOGRAM.density(shades, np.ones(len(shades)))


def light_colors(rgb: np.ndarray, skin: np.ndarray) -> Sequence[float]:
    """Return how much further than certain skin the rest may go from one colour of light to another: where the face is
    lit by lamps of two colours, the neck has more of one of them than the face has anywhere.

    Args:
        rgb: [H, W, 3] sRGB-encoded colours, 0..1.
        skin: [H, W] bool: certain skin.
    """
    scatter = np.cov(rgb_to_lab(rgb[skin])[:, 1:].T)
    return BEYOND if np.sqrt(np.linalg.eigvalsh(scatter)[-1]) > ONE_LIGHT else BEYOND[:1]


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
