"""Random Gaussians for tests."""

from __future__ import annotations

import numpy as np

from core import quaternions
from core.gaussians import Gaussians


def random_gaussians(
    count: int, degree: int = 0, seed: int = 0, size: float = 0.06, spread: float = 0.8, **changes
) -> Gaussians:
    """Gaussians of many shapes around the origin; ``size`` is the median standard deviation."""
    generator = np.random.default_rng(seed)
    gaussians = Gaussians(
        generator.normal(size=(count, 3)) * spread,
        size * np.exp(generator.normal(size=(count, 3))),
        quaternions.normalize(generator.normal(size=(count, 4))),
        generator.uniform(0.02, 1, count),
        generator.normal(size=(count, (degree + 1) ** 2, 3)) * 0.5,
    )
    return gaussians.replace(**changes)


def random_rotation(seed: int = 0) -> np.ndarray:
    """A [3, 3] rotation matrix."""
    return quaternions.to_matrices(quaternions.normalize(np.random.default_rng(seed).normal(size=4)))
