"""Colour spaces and fills."""

from __future__ import annotations

import numpy as np

# IEC 61966-2-1 (sRGB) to CIE XYZ under D65, divided by the white point.
_XYZ_FROM_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])

ALIKE = 11.3
"""Squared Mahalanobis distance up to which colours are alike: 99 % of a normal distribution in three dimensions."""
COLOR_NOISE = 3.0
"""CIE units by which colours of one part scatter at least."""


def to_linear(encoded: np.ndarray) -> np.ndarray:
    """Return the linear light of sRGB-encoded values (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4)


def to_encoded(linear: np.ndarray) -> np.ndarray:
    """Return linear light sRGB-encoded: the inverse of :func:`to_linear`; negative values become 0."""
    linear = np.maximum(linear, 0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def unlikeness(colors: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the squared Mahalanobis distances [...] of L*a*b* colours [..., 3] from those of a part [N, 3]."""
    offset = colors - np.median(part, axis=0)
    precision = np.linalg.inv(np.cov(part.T) + COLOR_NOISE**2 * np.eye(3))
    return np.einsum("...i,ij,...j->...", offset, precision, offset)


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIE L*a*b* (D65) of sRGB-encoded colours [..., 3] in 0..1."""
    linear = to_linear(rgb)
    xyz = linear @ _XYZ_FROM_RGB.T.astype(linear.dtype)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
