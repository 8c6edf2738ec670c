"""Weighted equations of what photos show, by least squares, with all unknowns held to what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from ..geometry.conjugate_gradients import conjugate_gradients


def held_change(
    equations: Sequence[tuple[sparse.csr_array, np.ndarray]],
    hold: np.ndarray,
    steps: int,
    step: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Return the change [N, C] that meets equations best, least squares, and is small where it is held.

    Args:
        equations: Matrices [P, N] and what they times the change should be [P, C], of every photo.
        hold: [N] weight of the change's own square.
        steps: Of conjugate gradients.
        step: Called after every one; may raise to cancel.
    """
    right = sum(matrix.T @ wanted for matrix, wanted in equations)
    held = hold[:, None].astype(right.dtype)
    diagonal = held + sum(matrix.multiply(matrix).sum(axis=0)[:, None] for matrix, _ in equations)

    def product(change: np.ndarray) -> np.ndarray:
        return held * change + sum(matrix.T @ (matrix @ change) for matrix, _ in equations)

    return conjugate_gradients(product, diagonal, right, steps, step=step)
