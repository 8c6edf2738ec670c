"""How often a class of pixels or Gaussians has a colour: histograms in CIE L*a*b*, learnt from what is surely of it.

Engines tell skin, hair and clothes apart with it. What is surely of a class, and what is likely by place, are an
engine's own: a photo has pixels and a fitted head, generated views come with Gaussians all around.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

LAB_LOW, LAB_HIGH = np.array([0.0, -60.0, -60.0]), np.array([100.0, 60.0, 60.0])
BLUR = 1.0
"""Spread of a colour over the histogram, in bins."""


@dataclass(frozen=True)
class ColorHistogram:
    """The bins.

    Attributes:
        bins: How many along L*, a* and b*.
    """

    bins: tuple[int, int, int]

    @property
    def size(self) -> int:
        """How many there are."""
        return math.prod(self.bins)

    def index(self, lab: np.ndarray) -> np.ndarray:
        """Return the bins [...] of colours [..., 3] in CIE L*a*b*."""
        bins = np.array(self.bins)
        cells = np.clip((lab - LAB_LOW) / (LAB_HIGH - LAB_LOW) * bins, 0, bins - 1).astype(np.int64)
        return np.ravel_multi_index(tuple(np.moveaxis(cells, -1, 0)), self.bins)

    def density(self, index: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return p(colour) [size] float32 of what has the bins [N] with weights [N], spread by :data:`BLUR`."""
        histogram = np.bincount(index, weights, self.size).reshape(self.bins)
        histogram = ndimage.gaussian_filter(histogram.astype(np.float32), BLUR)
        return histogram.ravel() / histogram.sum()
