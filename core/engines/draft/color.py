"""When colours of a part are alike, and light made of them."""

from __future__ import annotations

import numpy as np

from ... import colors

ALIKE = 11.3
"""Squared Mahalanobis distance up to which colours are alike: 99 % of a normal distribution in three dimensions."""
COLOR_NOISE = 3.0
"""CIE units by which colours of one part scatter at least."""


def to_encoded(linear: np.ndarray) -> np.ndarray:
    """Return linear light sRGB-encoded; negative values become 0."""
    return colors.to_encoded(np.maximum(linear, 0))


def unlikeness(lab: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the squared Mahalanobis distances [...] of L*a*b* colours [..., 3] from those of a part [N, 3]."""
    offset = lab - np.median(part, axis=0)
    precision = np.linalg.inv(np.cov(part.T) + COLOR_NOISE**2 * np.eye(3))
    return np.einsum("...i,ij,...j->...", offset, precision, offset)
