"""Heads are alike on both sides: what is not seen of one is told by the other."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from .model import HeadModel


@lru_cache(maxsize=1)
def mirror(model: HeadModel) -> np.ndarray:
    """Return the vertex [V] that lies where each vertex's mirror image does."""
    _, partner = cKDTree(model.mean).query(model.mean * [-1, 1, 1])
    return partner


def completed(
    model: HeadModel, clarity: np.ndarray, weight: np.ndarray, target: np.ndarray, lends: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return evidence with that of the mirrored side where that is seen better.

    A side that is seen as well as the other keeps its own: styles may be one-sided.

    Args:
        model: The head model.
        clarity: [V] 0..1, how well each vertex is seen.
        weight: [V] of the evidence, >= 0.
        target: [V] what it says.
        lends: [V] bool: whose evidence tells of the other side, too; None for all.

    Returns:
        Weights [V] and what they say [V].
    """
    partner = mirror(model)
    other = np.clip(clarity[partner] - clarity, 0, 1)
    lending = weight if lends is None else weight * lends
    own, lent = (1 - other) * weight, other * lending[partner]
    total = own + lent
    return total, np.where(total > 0, own * target + lent * target[partner], 0) / np.where(total > 0, total, 1)
