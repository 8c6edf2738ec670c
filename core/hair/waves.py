"""How curly and how unruly hair is: over what distance the directions of a picture's strands agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .directions import Tensor

WINDOWS = (1.5, 2.5, 4.0, 6.0, 9.0, 14.0, 20.0)
"""Standard deviations in pixels of the windows in which directions are compared; beyond, the head's own shape
turns them."""
WAVELENGTHS = 7.5
"""Wavelengths of a sine over the window in which half of the agreement is lost (measured on sines of 20 to 70
pixels; the exact factor depends a little on their height)."""
CURLY = (0.6, 0.8)
"""Radians of swing (root mean square): up to the first strands cross and part but don't curl, from the second on
the swing is curls."""
ORDERLY = 0.55
"""Share of a picture's disorder that locks take: the rest is strands that cross within them, and noise."""
EVEN = 6.0
"""Pixels over which a gradient's strength is compared: highlights must not outvote dark hair."""


@dataclass(frozen=True)
class Wave:
    """How strands swing around their course.

    Attributes:
        swing: Root mean square of the angle between a strand and its course, radians.
        length: Wavelength of the swing, in the unit of what was measured.
    """

    swing: float
    length: float

    @property
    def curliness(self) -> float:
        """0..1: share of the swing that is curls; the rest is disorder."""
        share = (self.swing - CURLY[0]) / (CURLY[1] - CURLY[0])
        return float(np.clip(share, 0, 1))

    @property
    def radius(self) -> float:
        """Radius of the curls, in the unit of the wavelength; 0 where nothing curls."""
        return self.curliness * float(np.sqrt(2) * self.swing * self.length / (2 * np.pi))

    @property
    def disorder(self) -> float:
        """Radians by which whole locks deviate from their course."""
        return ORDERLY * self.swing

    def scaled(self, unit: float) -> Wave:
        """Return the wave in another unit, of which an old one has ``unit``."""
        return Wave(self.swing, self.length * unit)


STRAIGHT = Wave(0.0, 1.0)


def measure_wave(tensor: Tensor, mask: np.ndarray) -> Wave:
    """Return how strands swing in a picture, in pixels.

    Angles of standard deviation s around a common course leave a share exp(-2 s^2) of the coherence that a
    small window has (doubled angles of a normal distribution). The window in which half of what is lost is
    lost tells the wavelength.

    Args:
        tensor: Of the picture.
        mask: [H, W] bool: pixels that count.
    """
    if not mask.any():
        return STRAIGHT
    strength = ndimage.gaussian_filter(tensor.strength * mask, EVEN)
    strength = strength / np.maximum(ndimage.gaussian_filter(mask.astype(np.float32), EVEN), 1e-3)
    even = mask / np.maximum(strength, 1e-3 * float(strength[mask].mean()) + 1e-12)
    parts = [part * even for part in (tensor.cosine, tensor.sine, tensor.strength)]
    agreement = np.empty(len(WINDOWS))
    for index, window in enumerate(WINDOWS):
        cosine, sine, total = (ndimage.gaussian_filter(part, window, truncate=3) for part in parts)
        agreement[index] = np.hypot(cosine, sine)[mask].sum() / max(float(total[mask].sum()), 1e-12)
    left = agreement / max(agreement[0], 1e-6)
    least = float(np.clip(left[-1], 1e-3, 1))
    if least > 0.99:
        return STRAIGHT
    half = float(np.interp((1 + least) / 2, left[::-1], WINDOWS[::-1]))
    return Wave(float(np.sqrt(-np.log(least) / 2)), WAVELENGTHS * half)
