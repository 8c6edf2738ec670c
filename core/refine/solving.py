"""Conjugate gradients for several right sides at once (Hestenes and Stiefel, 1952), preconditioned by the diagonal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    scale: np.ndarray,
    iterations: int,
    step: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Solve A x = right from zero, with A symmetric and positive; scipy's own takes one right side at a time.

    Args:
        product: Returns A @ x.
        right: [N, C].
        scale: [N, 1] diagonal of A.
        iterations: How many steps.
        step: Called after every step; may raise to cancel.

    Returns:
        [N, C].
    """
    tiny = np.finfo(np.float32).tiny
    solution, residual = np.zeros_like(right), right.copy()
    fine = residual / scale
    direction = fine.copy()
    energy = (residual * fine).sum(axis=0)
    for _ in range(iterations):
        ahead = product(direction)
        length = energy / np.maximum((direction * ahead).sum(axis=0), tiny)
        solution += length * direction
        residual -= length * ahead
        fine = residual / scale
        following = (residual * fine).sum(axis=0)
        direction = fine + following / np.maximum(energy, tiny) * direction
        energy = following
        step()
    return solution
