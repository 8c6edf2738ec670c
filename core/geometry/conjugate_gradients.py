"""Conjugate gradients for several right sides at once (Hestenes and Stiefel, 1952), preconditioned by the diagonal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SMALLEST = 1e-30
"""Keeps divisions finite once a right side is met exactly."""


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    diagonal: np.ndarray,
    right: np.ndarray,
    steps: int,
    start: np.ndarray | None = None,
    tolerance: float = 0.0,
    step: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Return the solution [N, C] of A x = right, with A symmetric and positive; scipy's takes one right side at a time.

    Sums are numpy's own. Those of BLAS are spread over threads, which wait by spinning between two of them, and they
    depend on the number of processors.

    Args:
        product: Returns A @ x.
        diagonal: [N, 1] of A.
        right: [N, C].
        steps: At most.
        start: [N, C] values to begin with; None for zeros.
        tolerance: The error's norm over the right side's at which it is enough, both by the inverse diagonal.
        step: Called after every step; may raise to cancel.
    """
    solution = np.zeros_like(right) if start is None else start.copy()
    residual = right.copy() if start is None else right - product(solution)
    steep = residual / diagonal
    direction = steep.copy()
    energy = (residual * steep).sum(axis=0)
    enough = tolerance**2 * (right * right / diagonal).sum(axis=0)
    for _ in range(steps):
        if (energy <= enough).all():
            break
        image = product(direction)
        length = energy / np.maximum((direction * image).sum(axis=0), SMALLEST)
        solution += length * direction
        residual -= length * image
        steep = residual / diagonal
        following = (residual * steep).sum(axis=0)
        direction = steep + following / np.maximum(energy, SMALLEST) * direction
        energy = following
        step()
    return solution
