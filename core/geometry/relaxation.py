"""The smoothest values on a graph that agree with what holds them: a screened Laplace equation."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def relaxed(
    links: sparse.csr_matrix,
    diagonal: np.ndarray,
    target: np.ndarray,
    start: np.ndarray,
    tolerance: float,
    steps: int,
) -> np.ndarray:
    """Return the solution [N, C] of diagonal x - links x = target, to a tolerance.

    Conjugate gradients with the diagonal as preconditioner, all columns at once: what costs is to fetch the links.
    Sums are numpy's own. Those of BLAS are spread over threads, which wait by spinning between two of them, and they
    depend on the number of processors.

    Args:
        links: [N, N] symmetric weights of the graph's edges.
        diagonal: [N] sums of a node's edges and of what holds it: the system must be positive definite.
        target: [N, C] right sides.
        start: [N, C] values to begin with.
        tolerance: The error's norm over the right side's at which it is enough, both by the inverse diagonal.
        steps: At most.
    """
    diagonal = diagonal[:, None]
    solution = start.copy()
    residual = target - (diagonal * solution - links @ solution)
    steep = residual / diagonal
    step = steep.copy()
    energy = (residual * steep).sum(0)
    enough = tolerance**2 * (target * target / diagonal).sum(0)
    for _ in range(steps):
        if (energy <= enough).all():
            break
        image = diagonal * step - links @ step
        length = energy / np.maximum((step * image).sum(0), 1e-30)
        solution += length * step
        residual -= length * image
        steep = residual / diagonal
        new = (residual * steep).sum(0)
        step = steep + new / np.maximum(energy, 1e-30) * step
        energy = new
    return solution
