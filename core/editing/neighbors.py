"""Distances between neighbouring Gaussians."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..nearest import nearest_neighbors

_SAMPLES = 20_000
"""Points whose nearest neighbour is looked up: the median needs no more."""


def typical_spacing(means: np.ndarray) -> float:
    """Return the median distance from a Gaussian to its nearest neighbour; 0 for fewer than two.

    Args:
        means: [N, 3] centres.
    """
    if len(means) < 2:
        return 0.0
    step = max(1, len(means) // _SAMPLES)
    distances = cKDTree(means).query(means[::step], k=2, workers=-1)[0][:, 1]
    return float(np.median(distances))


def mean_distances(means: np.ndarray, neighbors: int) -> np.ndarray:
    """Return the mean distance [N] float64 from every centre to its nearest neighbours.

    Args:
        means: [N, 3] centres, at least two.
        neighbors: How many, at least one; fewer where there are not as many.
    """
    return nearest_neighbors(means, neighbors + 1).distances
