"""The outline of a matte, drawn anew from the colours on both its sides."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..geometry.ramps import smooth_step
from .blur import soft_blur
from .surroundings import COLOR_NOISE, MIN_WEIGHT, color_sums, mean_color

BAND, RADIUS = 0.008, 0.012
"""Half width of the zone along the outline where mixtures are looked for, and the radius over which colours are
averaged on both its sides, as shares of the square's side."""
SHARES = (0.05, 0.95)
"""Shares of the person's colour in a mixture that count as none and all: colours within vary, too."""
VEIL = 0.02
"""Alpha that is taken for none, and lack of it that is taken for none: a trust that is not complete leaves a veil."""


def redraw_outline(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return alpha with its outline drawn anew from the colours close by.

    Now that the outline is known, the colours on both sides can be taken from close by, where even a cluttered
    background is nearly plain. Pixels between those colours are mixtures; those beside the line between them, like
    rim light, are not. Where the two sides have nearly the same colour, alpha stays.

    Args:
        image: [S, S, 3] float32 sRGB, 0..1, a person's head and shoulders.
        alpha: [S, S] float32, 0..1, its matte; at most some pixels wrong.

    Returns:
        [S, S] float32, 0..1.
    """
    side = len(image)
    band, radius = max(2, round(BAND * side)), max(2, round(RADIUS * side))
    solid = alpha > 0.5
    if solid.all() or not solid.any():
        return alpha
    sides = (inside(solid, band), inside(~solid, band))
    near = [soft_blur(color_sums(image, known), radius) for known in sides]
    zone = ~(sides[0] | sides[1]) & (near[0][..., 4] > MIN_WEIGHT) & (near[1][..., 4] > MIN_WEIGHT)
    pixels = image[zone]
    (front, front_spread), (back, back_spread) = (mean_color(sums[zone]) for sums in near)
    axis = front - back
    contrast = (axis**2).sum(axis=-1)
    share = ((pixels - back) * axis).sum(axis=-1) / np.maximum(contrast, 1e-6)
    beside = ((pixels - back - np.clip(share, 0, 1)[..., None] * axis) ** 2).sum(axis=-1)
    spread = front_spread + back_spread + COLOR_NOISE**2
    trust = contrast / (contrast + 4 * spread) * np.exp(-beside / (2 * spread))
    mixed = alpha[zone] + trust * (smooth_step(share, *SHARES) - alpha[zone])
    result = alpha.copy()
    result[zone] = np.select([mixed < VEIL, mixed > 1 - VEIL], [0, 1], mixed)
    return result


def inside(mask: np.ndarray, distance: int) -> np.ndarray:
    """Return the part of a mask further than ``distance`` from its border; the picture's edge is no border."""
    return ndimage.distance_transform_edt(mask) > distance if not mask.all() else mask
