"""Curves that run alike, as clusters: k-means over curves cut into equal steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..curves import HairCurves

STEPS = 24
"""Points of a resampled curve, root and tip included."""
ROUNDS = 8
"""Of k-means: fewer curves change their cluster in each, and cards don't need the last."""
BLOCK = 2_000_000
"""Distances that are computed at once: 16 MB."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """S curves, each as :data:`STEPS` points at equal steps of its length.

    Attributes:
        points: [S, STEPS, 3] float64 from root to tip.
        colors: [S, STEPS, 3] float64 sRGB-encoded.
        lengths: [S] float64.
    """

    points: np.ndarray
    colors: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, curves: HairCurves) -> Resampled:
        """Return curves in equal steps."""
        owners, first = curves.owners, curves.first
        steps = np.zeros(len(curves.points))
        steps[1:] = np.linalg.norm(np.diff(curves.points.astype(np.float64), axis=0), axis=1)
        steps[first] = 0
        way = np.cumsum(steps)
        lengths = way[first + curves.counts - 1] - way[first]
        # Along all curves one after the other, with a gap between them, one search finds every place.
        gap = way[-1] + 1.0
        wanted = way[first][:, None] + lengths[:, None] * np.linspace(0, 1, STEPS)
        key = (wanted + gap * np.arange(len(curves))[:, None]).ravel()
        keys = way + gap * owners
        after = np.clip(np.searchsorted(keys, key), 1, len(keys) - 1)
        low, high = np.repeat(first, STEPS), np.repeat(first + curves.counts - 1, STEPS)
        after = np.clip(after, low + 1, high)
        before = after - 1
        span = np.maximum(keys[after] - keys[before], 1e-12)
        share = np.clip((key - keys[before]) / span, 0, 1)[:, None]

        def between(values: np.ndarray) -> np.ndarray:
            mixed = values[before] * (1 - share) + values[after] * share
            return mixed.reshape(len(curves), STEPS, 3)

        return cls(between(curves.points.astype(np.float64)), between(curves.colors.astype(np.float64)), lengths)


def cluster(features: np.ndarray, count: int) -> np.ndarray:
    """Return the cluster [S] of each row, 0..K-1, K <= ``count``; none is empty. The same rows give the same clusters.

    Lloyd's k-means. Rows far from all others so far are its first middles (farthest point sampling, Gonzalez 1985), so
    that lone locks get a card of their own.

    Args:
        features: [S, D], S > 0.
        count: At least 1.
    """
    rows = np.asarray(features, np.float32)
    middles = rows[_spread(rows, min(count, len(rows)))]
    owners = _nearest(rows, middles)
    for _ in range(ROUNDS):
        sizes = np.bincount(owners, minlength=len(middles))
        sums = np.stack([np.bincount(owners, column, len(middles)) for column in rows.T], axis=1)
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], middles).astype(np.float32)
        if np.array_equal(moved, middles):
            break
        middles = moved
        owners = _nearest(rows, middles)
    return np.unique(owners, return_inverse=True)[1].reshape(-1)


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """Return rows, each as far as can be from those before it."""
    chosen = np.empty(count, np.int64)
    chosen[0] = ((rows - rows.mean(0)) ** 2).sum(1).argmin()
    apart = ((rows - rows[chosen[0]]) ** 2).sum(1)
    for index in range(1, count):
        chosen[index] = apart.argmax()
        apart = np.minimum(apart, ((rows - rows[chosen[index]]) ** 2).sum(1))
    return chosen


def _nearest(rows: np.ndarray, middles: np.ndarray) -> np.ndarray:
    squares = (middles**2).sum(1)
    step = max(1, BLOCK // len(middles))
    return np.concatenate(
        [(squares - 2 * rows[start : start + step] @ middles.T).argmin(axis=1) for start in range(0, len(rows), step)]
    )
