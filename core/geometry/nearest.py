"""The nearest neighbours of all points of a cloud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..system import blocks

_CELLS = 40
"""Cells along each axis of the grid that sorts the points; its cube fits 16 bits."""
_SPAN = (1, 99)
"""Percentiles of the points between which the grid lies: strays must not make its cells large."""
_SMALLEST_SPAN = 1e-20
"""Keeps a flat cloud's cells finite."""
_SAMPLES = 10_000
"""Points that tell the percentiles."""


@dataclass(frozen=True, eq=False)
class Neighbors:
    """Which points are near each point.

    Attributes:
        distances: [N] float64, mean distances to the neighbours; 0 where a point has none.
        order: [N] indices of the points, near ones after each other.
        places: [N, K] for each point of ``order`` its neighbours, itself included, as places in ``order``.
    """

    distances: np.ndarray
    order: np.ndarray
    places: np.ndarray

    def prevailing(self, values: np.ndarray) -> np.ndarray:
        """Return for each point the column of values [N, M] whose mean over its neighbours is largest, [N]."""
        ordered, columns = values[self.order], np.empty(len(values), np.intp)

        def find(rows: slice) -> None:
            sums = sum(ordered.take(places, axis=0) for places in self.places[rows].T)
            columns[self.order[rows]] = sums.argmax(axis=1)

        blocks.fill(find, len(values))
        return columns


def nearest_neighbors(points: np.ndarray, count: int) -> Neighbors:
    """Return the nearest ``count`` points of each point, itself included; fewer where there are no more.

    Args:
        points: [N, 3], finite, at least one.
        count: At least one.
    """
    order = _spatial_order(points)
    # One search after the other then needs the same parts of the tree, which the processor's cache still holds.
    ordered = points[order]
    tree = cKDTree(ordered, balanced_tree=False)
    found, places = tree.query(ordered, k=range(1, min(count, len(points)) + 1), workers=-1)
    distances = np.empty(len(points))
    distances[order] = found[:, 1:].sum(axis=1) / max(1, found.shape[1] - 1)
    return Neighbors(distances, order, places)


def _spatial_order(points: np.ndarray) -> np.ndarray:
    """Return indices [N] that sort points [N, 3] by the cells of a grid."""
    cells = np.empty((3, len(points)), np.uint16)
    for cell, values in zip(cells, points.T, strict=True):
        low, high = np.percentile(values[:: len(values) // _SAMPLES + 1], _SPAN).tolist()
        cell[:] = np.clip((values - low) * (_CELLS / max(high - low, _SMALLEST_SPAN)), 0, _CELLS - 1)
    # 16 bits are sorted by radix.
    return np.argsort((cells[0] * _CELLS + cells[1]) * _CELLS + cells[2], kind="stable")
