"""How far mouth and eyes are open: what shows and hides splats that only some expressions need."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..head.model import HeadModel, Region
from .base_mesh import BaseMesh

GAPS = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight")
"""The expressions that open and close them."""
WIDTHS = (0.0025, -0.006, -0.006)
"""Metres by which a gap changes until the change counts in full; less than 0 for gaps that close."""
SIDES = {"eyeBlinkLeft": 1, "eyeBlinkRight": -1}
"""Sign of x; the head's left is at positive x."""
EYE_REACH = 0.022
"""Metres around an eyeball's centre where the edges of its lids are."""
UPPER = 0.3
"""Share of the furthest move from which a lid's edge is the upper one's."""
MIDDLE = 0.008
"""Metres to the side of an eyeball's centre where the gap between its lids is measured."""


def reach(model: HeadModel, expression: str) -> np.ndarray:
    """Return how far each vertex moves with an expression, against the one that moves furthest: [V] 0..1."""
    moves = np.linalg.norm(model.expressions[model.expression_names.index(expression)], axis=1)
    return moves / moves.max()


@lru_cache(maxsize=1)
def gap_weights(model: HeadModel) -> np.ndarray:
    """Return for each gap 1/n on the n vertices above it, -1/m on the m below, else 0: [V, 3] float32."""
    lips = model.in_regions(Region.LIPS)
    fall = reach(model, "jawOpen")
    lower = lips & (fall > (fall[lips].min() + fall[lips].max()) / 2)
    columns = [_balanced(lips & ~lower, lower)]
    for expression, sign in SIDES.items():
        ball = model.in_regions(Region.EYES) & (np.sign(model.mean[:, 0]) == sign)
        middle = np.abs(model.mean[:, 0] - model.mean[ball, 0].mean()) < MIDDLE
        columns.append(_balanced(*(edge & middle for edge in lid_edges(model, expression))))
    return np.stack(columns, axis=1).astype(np.float32)


def lid_edges(model: HeadModel, expression: str) -> tuple[np.ndarray, np.ndarray]:
    """Return masks [V] of the edges of an eye's upper and lower lid."""
    sockets = model.in_regions(Region.SOCKETS)
    beside = np.zeros(len(sockets), bool)
    beside[model.faces[sockets[model.faces].any(axis=1)]] = True
    ball = model.in_regions(Region.EYES) & (np.sign(model.mean[:, 0]) == SIDES[expression])
    apart = model.mean - model.mean[ball].mean(axis=0)
    edge = beside & model.in_regions(Region.FACE) & (np.linalg.norm(apart, axis=1) < EYE_REACH)
    upper = edge & (reach(model, expression) > UPPER)
    return upper, edge & ~upper & (apart[:, 2] < 0)


def front_edge(model: HeadModel, expression: str) -> np.ndarray:
    """Return the mask [V] of the outer edge of an eye's upper lid, where its lashes grow: it is as thick as a face."""
    upper, _ = lid_edges(model, expression)
    beside = np.zeros_like(upper)
    beside[model.faces[upper[model.faces].any(axis=1)]] = True
    return beside & ~upper & model.in_regions(Region.FACE) & (reach(model, expression) > UPPER)


def openings(base: BaseMesh, vertices: np.ndarray) -> np.ndarray:
    """Return how far the mouth is open and the eyes are closed against the face at rest.

    Args:
        base: Its shown face is the mesh at rest.
        vertices: [V, 3] of the mesh now.

    Returns:
        [3] float64, 0..1, in the order of :data:`GAPS`.
    """
    weights = gap_weights(base.model).astype(np.float64)
    now, before = (np.linalg.norm(weights.T @ points, axis=1) for points in (vertices, base.shown))
    return np.clip((now - before) / (np.array(WIDTHS) * base.pose.scale), 0, 1)


def _balanced(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return above / above.sum() - below / below.sum()
