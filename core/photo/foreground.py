"""Foreground colours without the background's share, so that hair edges show no halo."""

from __future__ import annotations

import numpy as np

from .. import blocks
from .blur import box_blur

RADII = (0.12, 0.04, 0.012)
"""Neighbourhoods of the passes, as shares of the picture's longest side."""
EMPTY = 1e-4


def estimate_foreground(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Estimate the colours of the person alone.

    Blur fusion in coarse-to-fine passes (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021):
    foreground and background are averaged with their alphas as weights, and what the
    compositing equation leaves unexplained goes to the foreground by its alpha.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        alpha: [H, W] float, 0..1.

    Returns:
        [H, W, 3] uint8; where alpha is 1 the photo's own colours, outside the person its colours extended.
    """
    image = rgb.astype(np.float32) / 255
    share = alpha.astype(np.float32)[..., None]
    front, back = image, image
    for ratio in RADII:
        size = 2 * max(1, round(ratio * max(image.shape))) + 1
        sides = ((front, share), (back, 1 - share))
        front, back = blocks.each(lambda side, size=size: _weighted_blur(*side, size), sides)
        front = np.clip(front + share * (image - share * front - (1 - share) * back), 0, 1)
    return np.rint(np.where(share >= 1, image, front) * 255).astype(np.uint8)


def _weighted_blur(colors: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """Average colours over ``size`` x ``size`` pixels; the weight's mean colour where nothing is near."""
    layers = np.concatenate([colors * weight, weight], axis=-1)
    mean = layers[..., :3].sum(axis=(0, 1)) / max(float(weight.sum()), EMPTY)
    layers = box_blur(layers, size)
    return (layers[..., :3] + EMPTY * mean) / (layers[..., 3:] + EMPTY)
