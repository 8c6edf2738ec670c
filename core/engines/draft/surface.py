"""Closed surfaces, and how a field's zero level becomes one (surface nets)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed quad mesh.

    Attributes:
        vertices: [V, 3] float64 world positions.
        normals: [V, 3] unit normals, outwards.
        quads: [Q, 4] vertex indices, counter-clockwise from outside.
    """

    vertices: np.ndarray
    normals: np.ndarray
    quads: np.ndarray

    def areas(self) -> np.ndarray:
        """Return the quads' areas [Q]."""
        a, b, c, d = np.moveaxis(self.vertices[self.quads], 1, 0)
        return np.linalg.norm(np.cross(c - a, d - b), axis=1) / 2


def surface_nets(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Extract the zero level of a field as quads (naive surface nets, Gibson 1998).

    Args:
        field: [I, J, K] positive inside.

    Returns:
        Vertices [V, 3] in index coordinates, and quads [Q, 4], counter-clockwise from outside
        in a right-handed frame (i, j, k).
    """
    shape = np.array(field.shape)
    inside = field > 0
    corners = np.stack(
        [inside[i : i + shape[0] - 1, j : j + shape[1] - 1, k : k + shape[2] - 1] for i, j, k in _CORNERS]
    )
    count = corners.sum(0)
    active = (count > 0) & (count < 8)
    index = np.full(active.shape, -1, np.int64)
    cells = np.argwhere(active)
    index[active] = np.arange(len(cells))

    values = np.stack([field[tuple((cells + corner).T)] for corner in _CORNERS], axis=1)
    total, crossings = np.zeros((len(cells), 3)), np.zeros(len(cells))
    for a, b in _EDGES:
        va, vb = values[:, a], values[:, b]
        crossing = (va > 0) != (vb > 0)
        share = np.divide(va, va - vb, out=np.zeros_like(va), where=crossing)
        point = _CORNERS[a] + share[:, None] * (_CORNERS[b] - _CORNERS[a])
        total += np.where(crossing[:, None], point, 0)
        crossings += crossing
    vertices = cells + total / crossings[:, None]

    quads = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3, dtype=int)
        last = inside.take(np.arange(shape[axis] - 1), axis)
        after = inside.take(np.arange(1, shape[axis]), axis)
        edges = np.argwhere(last != after)
        edges = edges[((edges[:, [u, v]] > 0) & (edges[:, [u, v]] < shape[[u, v]] - 1)).all(1)]
        ring = [edges - step[u] - step[v], edges - step[v], edges, edges - step[u]]
        quad = np.stack([index[tuple(cell.T)] for cell in ring], axis=1)
        # The edge leaves the solid where the lower end is inside: then the ring is already outward.
        outward = inside[tuple(edges.T)]
        quads.append(np.where(outward[:, None], quad, quad[:, ::-1]))
    return vertices, np.concatenate(quads)


_CORNERS = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
_EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1]
