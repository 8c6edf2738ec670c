"""Surface of a field: naive surface nets, in numpy.

Source: Gibson, "Constrained Elastic Surface Nets", 1998, without the elastic part: a vertex
in each cell that the surface crosses, a quad around each grid edge that it crosses. The
result is closed wherever the field's border lies outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])
EDGES = np.array([(a, b) for a in range(8) for b in range(8) if a < b and np.abs(CORNERS[a] - CORNERS[b]).sum() == 1])


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh of quads.

    Attributes:
        vertices: [V, 3] float32, or float64 where that was asked for.
        faces: [F, 4] int32, counterclockwise seen from outside.
    """

    vertices: np.ndarray
    faces: np.ndarray

    def normals(self) -> np.ndarray:
        """Return the vertices' outward unit normals [V, 3] float32, weighted by the faces' areas."""
        a, b, c, d = (self.vertices[self.faces[:, index]] for index in range(4))
        # The cross product of a quad's diagonals is twice its area times its normal.
        areas = np.cross(c - a, d - b)
        total = np.stack(
            [
                np.bincount(self.faces.ravel(), np.repeat(areas[:, axis], 4), minlength=len(self.vertices))
                for axis in range(3)
            ],
            axis=1,
        )
        lengths = np.linalg.norm(total, axis=1, keepdims=True)
        return np.divide(total, lengths, out=np.zeros_like(total), where=lengths > 0).astype(np.float32)

    def triangles(self) -> np.ndarray:
        """Return the quads as triangles [2F, 3] int32, each cut along its shorter diagonal.

        Where two quads share opposite corners, at thin spikes, their diagonals would be one edge of
        four triangles: these are cut along the other one, so that a manifold stays one.
        """
        corners = self.vertices[self.faces]
        first, second = (((corners[:, i] - corners[:, i + 2]) ** 2).sum(axis=1) for i in (0, 1))
        turned = second < first
        for _ in range(2):
            starts, ends = (np.where(turned, self.faces[:, i + 1], self.faces[:, i]) for i in (0, 2))
            keys = _edge_keys(starts, ends, len(self.vertices))
            _, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
            sides = np.concatenate(
                [_edge_keys(self.faces[:, i], self.faces[:, (i + 1) % 4], len(self.vertices)) for i in range(4)]
            )
            clash = (counts[places] > 1) | np.isin(keys, sides)
            if not clash.any():
                break
            turned ^= clash
        quads = np.where(turned[:, None], np.roll(self.faces, -1, axis=1), self.faces)
        return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)

    def smoothed(self, rounds: int, strength: float = 0.5) -> Mesh:
        """Return the mesh with each vertex moved towards the middle of its neighbours, some times over.

        Every second step moves back a little further than it came, which keeps the volume
        (Taubin, "A Signal Processing Approach to Fair Surface Design", 1995).
        """
        count = len(self.vertices)
        pairs = np.concatenate([self.faces[:, [i, (i + 1) % 4]] for i in range(4)])
        links = sparse.coo_array((np.ones(len(pairs), np.float32), pairs.T), (count, count)).tocsr()
        links = links + links.T
        degrees = np.maximum(links.sum(axis=1), 1)[:, None].astype(np.float32)
        vertices = self.vertices
        for _ in range(rounds):
            for factor in (strength, -strength * 1.04):
                vertices = vertices + np.float32(factor) * (links @ vertices / degrees - vertices)
        return Mesh(vertices.astype(np.float32), self.faces)


def _edge_keys(starts: np.ndarray, ends: np.ndarray, count: int) -> np.ndarray:
    """Return a number [E] int64 for each edge between two of ``count`` vertices, in either direction."""
    return np.minimum(starts, ends).astype(np.int64) * count + np.maximum(starts, ends)


def surface_net(field: np.ndarray, level: float, dtype: type[np.floating[Any]] = np.float32) -> Mesh:
    """Return the surface where a field passes a level, in voxels; below the level is inside.

    Args:
        field: [X, Y, Z] float32 or float64.
        level: Values below it are inside.
        dtype: Of the vertices, and of the sums that lead to them.
    """
    inside = field < level
    mixed = np.zeros(np.array(field.shape) - 1, np.int8)
    for corner in CORNERS:
        mixed += inside[_shifted(corner, field.shape)]
    cells = np.argwhere((mixed > 0) & (mixed < 8))
    numbers = np.full(mixed.shape, -1, np.int32)
    numbers[tuple(cells.T)] = np.arange(len(cells))
    faces = [_faces(inside, numbers, axis) for axis in range(3)]
    return Mesh(_vertices(field, cells, level, dtype), np.concatenate(faces))


def _shifted(corner: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the slices of a field that pick one corner of every cell."""
    return tuple(slice(start, size - 1 + start) for start, size in zip(corner, shape, strict=True))


def _vertices(field: np.ndarray, cells: np.ndarray, level: float, dtype: type[np.floating[Any]]) -> np.ndarray:
    """Return the mean [C, 3] of the points where each cell's edges pass the level."""
    values = np.stack([field[tuple((cells + corner).T)] for corner in CORNERS], axis=1) - field.dtype.type(level)
    total = np.zeros((len(cells), 3), dtype)
    count = np.zeros((len(cells), 1), dtype)
    for start, end in EDGES:
        a, b = values[:, start : start + 1], values[:, end : end + 1]
        crossed = (a < 0) != (b < 0)
        share = np.divide(a, a - b, out=np.zeros_like(a), where=crossed)
        total += crossed * (CORNERS[start] + share * (CORNERS[end] - CORNERS[start])).astype(dtype)
        count += crossed
    return (cells + total / np.maximum(count, 1)).astype(dtype)


def _faces(inside: np.ndarray, numbers: np.ndarray, axis: int) -> np.ndarray:
    """Return the quads [F, 4] around the grid edges along an axis that pass the level."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    lower = tuple(slice(None, -1) if index == axis else slice(1, -1) for index in range(3))
    upper = tuple(slice(1, None) if index == axis else slice(1, -1) for index in range(3))
    edges = np.argwhere(inside[lower] != inside[upper])
    start = edges.copy()
    start[:, [u, v]] += 1
    outward = inside[tuple(start.T)]
    # The four cells around an edge, counterclockwise seen from the end of the axis.
    quads = []
    for step_u, step_v in ((-1, -1), (0, -1), (0, 0), (-1, 0)):
        cell = start.copy()
        cell[:, u] += step_u
        cell[:, v] += step_v
        quads.append(numbers[tuple(cell.T)])
    faces = np.stack(quads, axis=1)
    return np.where(outward[:, None], faces, faces[:, ::-1])
