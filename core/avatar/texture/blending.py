"""Blends what the views say: low frequencies softly over wide borders, high ones from whoever sees best.

Two bands of Burt and Adelson's multiresolution spline (1983), for textures as in Baumberg,
"Blending Images for Texturing 3D Models" (2002).
"""

from __future__ import annotations

import numpy as np

from .projection import Sight

SHARP = 8
"""Power of the view angle's cosine in the high frequencies' weights: almost the best view alone."""
FULL = 0.35
"""Sum of weights from which a texel counts as seen."""


class Blend:
    """Sums over views for N texels."""

    def __init__(self, count: int) -> None:
        self._low = np.zeros((count, 3), np.float32)
        self._high = np.zeros((count, 3), np.float32)
        self._weights = np.zeros(count, np.float32)
        self._sharp_weights = np.zeros(count, np.float32)

    def add(self, sight: Sight) -> None:
        """Add what one view shows."""
        sharp = sight.weights * sight.sharpness**SHARP
        # A view names each texel once, so that plain indexing adds.
        self._low[sight.index] += sight.weights[:, None] * sight.low
        self._high[sight.index] += sharp[:, None] * sight.high
        self._weights[sight.index] += sight.weights
        self._sharp_weights[sight.index] += sharp

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Return colours [N, 3] float32, 0..1, and how well each texel was seen [N], 0..1."""
        colors = self._low / np.maximum(self._weights, 1e-6)[:, None]
        colors += self._high / np.maximum(self._sharp_weights, 1e-9)[:, None]
        return np.clip(colors, 0, 1), np.minimum(self._weights / FULL, 1)
