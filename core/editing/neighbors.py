"""Distances between neighbouring Gaussians."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

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
    distances = cKDTree(means, balanced_tree=False).query(means[::step], k=2, workers=-1)[0][:, 1]
    return float(np.median(distances))


def mean_distances(tree: cKDTree, means: np.ndarray, neighbors: int) -> np.ndarray:
    """Return the mean distance [N] float64 from some centres to their nearest neighbours.

    Args:
        tree: All centres, at least two.
        means: [N, 3] centres that are among them.
        neighbors: How many, at least one; fewer where there are not as many.
    """
    count = min(neighbors, tree.n - 1)
    return tree.query(means, k=count + 1, workers=-1)[0][:, 1:].mean(axis=1)
