"""Closed lips at rest: what parts the lips of a fitted head counts as its expression."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from .model import HeadModel

UPPER = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER = (95, 88, 178, 87, 14, 317, 402, 318, 324)
"""Landmarks of the face mesh network along the inner lips, opposite each other, from the person's right to the left."""
PARTING = ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight")
"""Expressions that part the lips."""
RELUCTANCE = 0.003
"""Metres of parting against which a full expression is weighed."""


def parting_expression(model: HeadModel, at_rest: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """Return the expression with which the face at rest has its lips closed, as the average head has.

    Landmarks that the fitted expression did not reach were met by displacing the mesh; of that,
    what parts the lips would stay in the face at rest.

    Args:
        model: The head model.
        at_rest: [V, 3] vertices without ``expression``, in the model's frame.
        expression: [E] coefficients 0..1.

    Returns:
        [E] float32 coefficients 0..1.
    """
    chosen = [model.expression_names.index(name) for name in PARTING]
    wanted = parting(model, at_rest) - parting(model, model.mean)
    moves = np.stack([parting(model, moves) for moves in model.expressions[chosen]], axis=1)
    before = np.asarray(expression, np.float64)[chosen]
    system = np.concatenate([moves, RELUCTANCE * np.eye(len(chosen))])
    right = np.concatenate([wanted, np.zeros(len(chosen))])
    bounds = (-before - 1e-9, 1 - before + 1e-9)
    result = np.array(expression, np.float32)
    result[chosen] = np.clip(before + lsq_linear(system, right, bounds).x, 0, 1)
    return result


def parting(model: HeadModel, values: np.ndarray) -> np.ndarray:
    """Return how far apart inner lips are [L] along the upward axis of vertices, or their moves, [V, 3]."""
    points = model.landmarks(values)
    return (points[list(UPPER), 2] - points[list(LOWER), 2]).astype(np.float64)
