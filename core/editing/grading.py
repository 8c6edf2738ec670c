"""Colour grading of splats: white balance and exposure in linear light, contrast as displayed.

Spherical harmonics above degree 0 are small changes of the colour with the direction of
view, so they follow the grade's derivative at the base colour. A Geometry Nodes group
computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..colors import LUMINANCE, encoded_slope, linear_slope, to_encoded, to_linear
from ..gaussians import Gaussians
from ..splats import spherical_harmonics as harmonics

BALANCE_STOPS = 0.5
"""Stops by which full temperature or tint pulls channels."""
PIVOT = 0.5
"""Display value that contrast leaves where it is."""


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
    graded = PIVOT + how.contrast * (to_encoded(linear) - PIVOT)
    sh = gaussians.sh.copy()
    sh[chosen, 0] = (graded - PIVOT) / harmonics.C0
    slopes_before = linear_slope(colors)[:, None]
    slopes_after = how.contrast * encoded_slope(linear)[:, None]
    sh[chosen, 1:] = slopes_after * _mix(slopes_before * coefficients[:, 1:], how)
    return gaussians.replace(sh=sh)


def _mix(linear: np.ndarray, how: Grade) -> np.ndarray:
    """Apply the linear part of a grade to linear colours [..., 3]."""
    balanced = linear * how.gains()
    luminance = (balanced @ LUMINANCE)[..., None]
    return luminance + how.saturation * (balanced - luminance)
