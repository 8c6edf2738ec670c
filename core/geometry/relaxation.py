"""The smoothest values on a graph that agree with what holds them: a screened Laplace equation."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from .conjugate_gradients import conjugate_gradients


def relaxed(
    links: sparse.csr_matrix,
    diagonal: np.ndarray,
    target: np.ndarray,
    start: np.ndarray,
    tolerance: float,
    steps: int,
) -> np.ndarray:
    """Return the solution [N, C] of diagonal x - links x = target, to a tolerance.

    By conjugate gradients, all columns at once: what costs is to fetch the links.

    Args:
        links: [N, N] symmetric weights of the graph's edges.
        diagonal: [N] sums of a node's edges and of what holds it: the system must be positive definite.
        target: [N, C] right sides.
        start: [N, C] values to begin with.
        tolerance: The error's norm over the right side's at which it is enough, both by the inverse diagonal.
        steps: At most.
    """
    diagonal = diagonal[:, None]

    def product(values: np.ndarray) -> np.ndarray:
        return diagonal * values - links @ values

    return conjugate_gradients(product, diagonal, target, steps, start, tolerance)
