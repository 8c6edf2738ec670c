"""Colour grading of splats: white balance and exposure in linear light, contrast as displayed.

Spherical harmonics above degree 0 are small changes of the colour with the direction of
view, so they follow the grade's derivative at the base colour. A Geometry Nodes group
computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .. import spherical_harmonics as harmonics
from ..gaussians import Gaussians

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Of linear Rec. 709 red, green and blue."""
BALANCE_STOPS = 0.5
"""Stops by which full temperature or tint pulls channels."""
PIVOT = 0.5
"""Display value that contrast leaves where it is."""
ENCODED_FOOT = 0.04045
LINEAR_FOOT = 0.0031308
FOOT_SLOPE = 12.92
OFFSET = 0.055
GAMMA = 2.4
"""The sRGB transfer function, IEC 61966-2-1. Its linear foot goes on below 0, where raw splat colours may be."""


@dataclass(frozen=True)
class Grade:
    """How colours change; the defaults change nothing.

    Attributes:
        exposure: Stops.
        temperature: -1 cold .. 1 warm.
        tint: -1 green .. 1 magenta.
        saturation: Factor; 0 is grey.
        contrast: Factor around :data:`PIVOT`.
    """

    exposure: float = 0.0
    temperature: float = 0.0
    tint: float = 0.0
    saturation: float = 1.0
    contrast: float = 1.0

    @property
    def is_neutral(self) -> bool:
        """Whether the grade changes nothing."""
        return all(getattr(self, item.name) == item.default for item in fields(self))

    def combined(self, other: Grade) -> Grade:
        """Return the grade that does both: shifts add up, factors multiply."""
        return Grade(
            self.exposure + other.exposure,
            self.temperature + other.temperature,
            self.tint + other.tint,
            self.saturation * other.saturation,
            self.contrast * other.contrast,
        )

    def gains(self) -> np.ndarray:
        """Return the factors [3] of linear red, green and blue; white balance keeps white's luminance."""
        stops = BALANCE_STOPS * np.array([self.temperature, -self.tint, -self.temperature])
        balance = np.exp2(stops)
        return np.exp2(self.exposure) * balance / (LUMINANCE @ balance)


def grade(gaussians: Gaussians, how: Grade, mask: np.ndarray | None = None) -> Gaussians:
    """Return the Gaussians in new colours.

    Args:
        gaussians: Any.
        how: The grade.
        mask: [N] bool, which Gaussians change; None for all.
    """
    chosen = np.flatnonzero(np.ones(len(gaussians), bool) if mask is None else mask)
    if how.is_neutral or not len(chosen):
        return gaussians
    coefficients = gaussians.sh[chosen].astype(np.float64)
    colors = PIVOT + harmonics.C0 * coefficients[:, 0]
    linear = _mix(to_linear(colors), how)
    graded = PIVOT + how.contrast * (to_display(linear) - PIVOT)
    sh = gaussians.sh.copy()
    sh[chosen, 0] = (graded - PIVOT) / harmonics.C0
    slopes_before = _linear_slope(colors)[:, None]
    slopes_after = how.contrast * _display_slope(linear)[:, None]
    sh[chosen, 1:] = slopes_after * _mix(slopes_before * coefficients[:, 1:], how)
    return gaussians.replace(sh=sh)


def _mix(linear: np.ndarray, how: Grade) -> np.ndarray:
    """Apply the linear part of a grade to linear colours [..., 3]."""
    balanced = linear * how.gains()
    luminance = (balanced @ LUMINANCE)[..., None]
    return luminance + how.saturation * (balanced - luminance)


def to_linear(colors: np.ndarray) -> np.ndarray:
    """Return linear values of sRGB-encoded ones, any shape and range."""
    curve = ((np.maximum(colors, ENCODED_FOOT) + OFFSET) / (1 + OFFSET)) ** GAMMA
    return np.where(colors <= ENCODED_FOOT, colors / FOOT_SLOPE, curve)


def to_display(linear: np.ndarray) -> np.ndarray:
    """Return sRGB-encoded values of linear ones, any shape and range."""
    curve = (1 + OFFSET) * np.maximum(linear, LINEAR_FOOT) ** (1 / GAMMA) - OFFSET
    return np.where(linear <= LINEAR_FOOT, linear * FOOT_SLOPE, curve)


def _linear_slope(colors: np.ndarray) -> np.ndarray:
    """Return the derivative of :func:`to_linear`."""
    curve = GAMMA / (1 + OFFSET) * ((np.maximum(colors, ENCODED_FOOT) + OFFSET) / (1 + OFFSET)) ** (GAMMA - 1)
    return np.where(colors <= ENCODED_FOOT, 1 / FOOT_SLOPE, curve)


def _display_slope(linear: np.ndarray) -> np.ndarray:
    """Return the derivative of :func:`to_display`."""
    curve = (1 + OFFSET) / GAMMA * np.maximum(linear, LINEAR_FOOT) ** (1 / GAMMA - 1)
    return np.where(linear <= LINEAR_FOOT, FOOT_SLOPE, curve)
