"""Photos of more than 8 bits as pictures of 8: plain ranges are kept, light beyond white is brought in."""

from __future__ import annotations

import numpy as np

from .. import colors

MIDDLE_GREY = 0.18
"""Linear luminance to which the median of a picture in arbitrary units of light is brought."""
USUAL_MEDIANS = (0.02, 0.6)
"""Median luminances that are left as the photo has them."""
SHOULDER = 0.8
"""Linear value from which highlights are compressed, so that light beyond white keeps some drawing."""
DARKEST = 1e-6
"""Median luminance that is nothing but black, which no exposure mends."""
LUMINANCE = colors.LUMINANCE.astype(np.float32)
"""Weights of linear RGB (Rec. 709)."""
HIGH_RANGE_NOTE = "The photo has light beyond white, which was brought into range."


def to_8_bits(values: np.ndarray, linear: bool = False) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return floats as 8 bits, sRGB-encoded.

    Floats of 0 to 1 are display values, as most programs write them. Values beyond are light in linear
    units, as high-range pictures have them: exposed where their median is far from usual, highlights compressed.

    Args:
        values: [H, W, C] float32, grey or RGB, finite.
        linear: Whether values of 0 to 1 are linear light, too, as an embedded profile may say.

    Returns:
        [H, W, C] uint8, and notes for the user.
    """
    high = float(values.max(initial=0)) > 1
    if not high and not linear:
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), ()
    light = np.clip(values, 0, None)
    if high:
        light = _within_range(light)
    return np.rint(np.clip(colors.to_encoded(light), 0, 1) * 255).astype(np.uint8), (HIGH_RANGE_NOTE,) if high else ()


def _within_range(light: np.ndarray) -> np.ndarray:
    """Expose and compress linear light to 0..1."""
    luminance = light @ LUMINANCE if light.shape[-1] == 3 else light[..., 0]
    median = float(np.median(luminance))
    if median > DARKEST and not USUAL_MEDIANS[0] <= median <= USUAL_MEDIANS[1]:
        light = light * np.float32(MIDDLE_GREY / median)
    beyond = np.maximum(light - SHOULDER, 0) / (1 - SHOULDER)
    return np.minimum(light, SHOULDER) + (1 - SHOULDER) * beyond / (1 + beyond)
