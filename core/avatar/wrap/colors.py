"""Colours of a surface from the views of the splats that it was made of."""

from __future__ import annotations

import numpy as np

from ..views import View

TOLERANCE = 0.03
"""World units that a point may lie before or behind a view's surface to be seen: about two voxels."""
GRAZING = 0.15
"""Cosine of the view angle at which a view begins to count."""
SHARP = 6
"""Power of the view angle's cosine in the weights: nearly the best view alone, without hard borders."""
SOLID = 0.9
"""Coverage below which a pixel says nothing."""
SEEN = 1e-3
"""Sum of weights at which a point is seen well enough to need no other colour."""


class Paint:
    """The colours of P points, view by view.

    Args:
        points: [P, 3].
        normals: [P, 3] unit outward normals.
    """

    def __init__(self, points: np.ndarray, normals: np.ndarray) -> None:
        self._points = np.asarray(points, np.float32)
        self._normals = np.asarray(normals, np.float32)
        self._sums = np.zeros((len(points), 3), np.float32)
        self._weights = np.zeros(len(points), np.float32)

    def add(self, view: View, unseen_only: bool = False) -> None:
        """Add what a view shows.

        Args:
            view: The view.
            unseen_only: Only to points that no view before showed well.
        """
        index = np.flatnonzero(self._weights < SEEN) if unseen_only else np.arange(len(self._points))
        offset = self._points[index] - view.camera.position.astype(np.float32)
        distance = np.sqrt(np.einsum("ni,ni->n", offset, offset))
        cosine = -np.einsum("ni,ni->n", offset, self._normals[index]) / distance
        facing = np.flatnonzero(cosine > GRAZING)
        useful = index[facing]
        cosine = cosine[facing]
        pixels, depth = view.camera.project(self._points[useful])
        away = (view.at(view.depth, pixels) - depth) / TOLERANCE
        # Where the depths spread, the pixel mixes what is near with what is far.
        edge = view.at(view.spread, pixels) / TOLERANCE
        weights = np.exp(-0.5 * (away * away + edge * edge)) * np.clip(
            (view.at(view.alpha, pixels) - SOLID) / (1 - SOLID), 0, 1
        )
        weights *= cosine**SHARP
        seen = weights > 0
        useful, pixels, weights = useful[seen], pixels[seen], weights[seen]
        for channel in range(3):
            values = view.at(view.image[..., channel].astype(np.float32), pixels)
            self._sums[useful, channel] += weights * values
        self._weights[useful] += weights

    def result(self, others: np.ndarray) -> np.ndarray:
        """Return the colours [P, 3] float32, sRGB-encoded, 0..1.

        Args:
            others: [P, 3] colours of points that no view shows.
        """
        colors = self._sums / np.maximum(self._weights, 1e-12)[:, None] / 255
        sure = np.minimum(self._weights / SEEN, 1)[:, None]
        return np.clip(others + sure * (colors - others), 0, 1)
