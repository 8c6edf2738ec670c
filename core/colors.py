"""The sRGB transfer function, in both directions with its slopes, and CIE L*a*b*.

IEC 61966-2-1. The curve's linear foot goes on below 0, where raw splat colours may be; above 1 the power goes on.
Node trees and shaders compute the same from the constants.
"""

from __future__ import annotations

import numpy as np

ENCODED_FOOT = 0.04045
"""Encoded value up to which the curve is a straight line."""
LINEAR_FOOT = 0.0031308
"""The same as linear light."""
FOOT_SLOPE = 12.92
OFFSET = 0.055
GAMMA = 2.4
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Weights of linear Rec. 709 red, green and blue."""
_XYZ_FROM_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])
"""Linear sRGB to CIE XYZ under D65, divided by the white point."""


def to_linear(encoded: np.ndarray) -> np.ndarray:
    """Return the linear light of sRGB-encoded values, any shape and range, of the same floating-point type."""
    curve = ((np.maximum(encoded, ENCODED_FOOT) + OFFSET) / (1 + OFFSET)) ** GAMMA
    return np.where(encoded <= ENCODED_FOOT, encoded / FOOT_SLOPE, curve)


def to_encoded(linear: np.ndarray) -> np.ndarray:
    """Return linear light sRGB-encoded, any shape and range: the inverse of :func:`to_linear`."""
    curve = (1 + OFFSET) * np.maximum(linear, LINEAR_FOOT) ** (1 / GAMMA) - OFFSET
    return np.where(linear <= LINEAR_FOOT, linear * FOOT_SLOPE, curve)


def linear_slope(encoded: np.ndarray) -> np.ndarray:
    """Return the derivative of :func:`to_linear`."""
    curve = GAMMA / (1 + OFFSET) * ((np.maximum(encoded, ENCODED_FOOT) + OFFSET) / (1 + OFFSET)) ** (GAMMA - 1)
    return np.where(encoded <= ENCODED_FOOT, 1 / FOOT_SLOPE, curve)


def encoded_slope(linear: np.ndarray) -> np.ndarray:
    """Return the derivative of :func:`to_encoded`."""
    curve = (1 + OFFSET) / GAMMA * np.maximum(linear, LINEAR_FOOT) ** (1 / GAMMA - 1)
    return np.where(linear <= LINEAR_FOOT, FOOT_SLOPE, curve)


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIE L*a*b* (D65) of sRGB-encoded colours [..., 3] in 0..1."""
    linear = to_linear(rgb)
    xyz = linear @ _XYZ_FROM_RGB.T.astype(linear.dtype)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
