"""Closing the surface: a signed field between the front and back depths, and surface nets on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...head.model import triangulate, vertex_normals
from .depth import Layers
from .lattice import CELL, SIDE_CELLS, Lattice

STEP = 0.024
"""World units between the field's depth planes."""
CLAMP = 0.08
"""World units at which the field saturates, so that smoothing acts near the surface only."""
SMOOTHING = 0.9
"""Standard deviation, in cells, of the field's smoothing: rounds the rims between the layers."""


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


def close_surface(layers: Layers, lattice: Lattice) -> Surface:
    """Return the closed surface around the layers, cut at the bust's lower end."""
    low, high = layers.front[layers.mask].min() - 4 * STEP, layers.back[layers.mask].max() + 4 * STEP
    depths = np.arange(low, high + STEP, STEP, dtype=np.float32)
    inside = ndimage.distance_transform_edt(layers.mask) - ndimage.distance_transform_edt(~layers.mask)
    inside = (inside - np.sign(inside) * 0.5) * lattice.cell_size
    columns = ndimage.distance_transform_edt(~layers.mask, return_distances=False, return_indices=True)
    front, back = layers.front[tuple(columns)], layers.back[tuple(columns)]
    field = np.minimum(depths - front[..., None], back[..., None] - depths)
    field = np.minimum(field, inside[..., None])
    field = ndimage.gaussian_filter(np.clip(field, -CLAMP, CLAMP).astype(np.float32), SMOOTHING, truncate=3)
    # A plane's height is linear in depth along a ray, so two planes of the lattice tell it everywhere.
    x, y = lattice.centers()
    rows, columns = y / CELL, x / CELL + SIDE_CELLS
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    at = [layers.cut.heights(lattice.camera.unproject(pixels, np.full(len(pixels), d))) for d in (1.0, 2.0)]
    slope = (at[1] - at[0]).reshape(lattice.shape)[..., None]
    field = np.minimum(field, at[0].reshape(lattice.shape)[..., None] + slope * (depths - 1))
    field = np.pad(np.clip(field, -CLAMP, CLAMP), 1, constant_values=-CLAMP)
    nodes, quads = surface_nets(field)
    nodes -= 1
    pixels = np.stack([nodes[:, 1] + 0.5, nodes[:, 0] + 0.5], axis=1)
    vertices = lattice.camera.unproject(pixels, low + nodes[:, 2] * STEP)
    # Rows run down, columns right, planes away from the camera: a left-handed frame.
    quads = quads[:, ::-1]
    return Surface(vertices, vertex_normals(vertices, triangulate(quads)), quads)


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
