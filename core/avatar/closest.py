"""The nearest place on a triangle mesh."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..system import blocks

SAMPLES = 20_000
"""About this many places on the mesh are compared first."""
CANDIDATES = 2
"""Nearest of these places, whose triangles are then looked at exactly."""


def closest_on_triangles(
    points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, reach: float = np.inf
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the nearest place on a mesh for each point.

    Places spread over the mesh are searched first; the nearest ones' triangles are then compared
    exactly. Where two triangles are about equally far, either may be chosen.

    Args:
        points: [N, 3].
        vertices: [V, 3].
        triangles: [T, 3], T > 0.
        reach: Points further away need no answer: their distance may be infinite.

    Returns:
        triangle: [N] int32 rows of ``triangles``.
        weights: [N, 3] float64 barycentric coordinates, >= 0, their sum 1.
        distance: [N] float64.
    """
    corners = np.asarray(vertices, np.float64)[triangles]
    owners, places, spacing = _spread(corners)
    tree = cKDTree(places, balanced_tree=False)
    count = min(CANDIDATES, len(places))
    best = np.empty(len(points), np.int32)
    weights, distance = np.empty((len(points), 3)), np.empty(len(points))

    def find(rows: slice) -> None:
        some = np.asarray(points[rows], np.float64)
        _, nearest = tree.query(some, count, distance_upper_bound=reach + spacing)
        nearest = nearest.reshape(len(some), count)
        beyond = nearest == len(places)
        candidates = owners[np.where(beyond, 0, nearest)]
        found = _weights(np.repeat(some, count, axis=0), corners[candidates.ravel()])
        reached = np.einsum("nk,nkc->nc", found, corners[candidates.ravel()]).reshape(len(some), count, 3)
        apart = np.linalg.norm(reached - some[:, None], axis=2)
        apart[beyond] = np.inf
        chosen = apart.argmin(axis=1)
        row = np.arange(len(some))
        best[rows] = candidates[row, chosen]
        weights[rows] = found.reshape(len(some), count, 3)[row, chosen]
        distance[rows] = apart[row, chosen]

    blocks.fill(find, len(points))
    return best, weights, distance


def _spread(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return places [S, 3] spread evenly over triangles [T, 3, 3], the triangle [S] of each, and their spacing."""
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    spacing = np.sqrt(2 * area / SAMPLES)
    counts = np.clip(np.ceil(longest / max(spacing, np.finfo(np.float64).tiny)), 1, 32).astype(int)
    owners, places = [], []
    for count in np.unique(counts):
        which = np.flatnonzero(counts == count)
        # The middles of the triangles that each is cut into.
        steps = np.array([(i, j) for i in range(count) for j in range(count - i)]) + 1 / 3
        grid = np.concatenate([steps, count - steps.sum(axis=1, keepdims=True)], axis=1) / count
        places.append((grid @ corners[which]).reshape(-1, 3))
        owners.append(np.repeat(which, len(grid)))
    return np.concatenate(owners), np.concatenate(places), float(spacing)


def _weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return barycentric coordinates [N, 3] of the nearest places on triangles [N, 3, 3], one for each point."""
    first = corners[:, 0]
    ab, ac, ap = corners[:, 1] - first, corners[:, 2] - first, points - first
    bb, bc, cc = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    pb, pc = _dot(ap, ab), _dot(ap, ac)
    determinant = bb * cc - bc * bc
    with np.errstate(divide="ignore", invalid="ignore"):
        v, w = (cc * pb - bc * pc) / determinant, (bb * pc - bc * pb) / determinant
    weights = np.stack([1 - v - w, v, w], axis=1)
    outside = np.flatnonzero(~(weights >= 0).all(axis=1))
    if len(outside):
        weights[outside] = _on_edges(points[outside], corners[outside])
    return weights


def _on_edges(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return barycentric coordinates [N, 3] of the nearest places on the edges of triangles [N, 3, 3]."""
    row = np.arange(len(points))
    best, weights = np.full(len(points), np.inf), np.zeros((len(points), 3))
    for start, end in ((0, 1), (1, 2), (2, 0)):
        along = corners[:, end] - corners[:, start]
        length = np.maximum(_dot(along, along), np.finfo(np.float64).tiny)
        share = np.clip(_dot(points - corners[:, start], along) / length, 0, 1)
        apart = np.linalg.norm(corners[:, start] + share[:, None] * along - points, axis=1)
        nearer = apart < best
        best[nearer] = apart[nearer]
        weights[nearer] = 0
        weights[row[nearer], start], weights[row[nearer], end] = 1 - share[nearer], share[nearer]
    return weights


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ni,ni->n", a, b)
