"""Places on a base mesh where hair grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..avatar.closest import closest_on_triangles
from ..geometry.vectors import unit
from ..head.model import HeadModel

INSET = 1e-4
"""Share by which roots are drawn into their triangles. Blender finds these by texture coordinates: one on a border of
the map is on no triangle once it is rounded."""


@dataclass(frozen=True, eq=False)
class Roots:
    """S places on the triangles of a mesh.

    Attributes:
        corners: [S, 3] int32 the vertices of the triangle that each lies on.
        weights: [S, 3] float32 barycentric coordinates there.
        uvs: [S, 2] float32 texture coordinates of these places, origin at the lower left.
    """

    corners: np.ndarray
    weights: np.ndarray
    uvs: np.ndarray

    def __len__(self) -> int:
        return len(self.corners)

    def select(self, index: np.ndarray) -> Roots:
        """Return those of a boolean mask or an index array."""
        return Roots(self.corners[index], self.weights[index], self.uvs[index])

    @classmethod
    def concatenate(cls, parts: Sequence[Roots]) -> Roots:
        """Return those of all parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("corners", "weights", "uvs")))

    def points(self, vertices: np.ndarray) -> np.ndarray:
        """Return the places [S, 3] float64 on a mesh with given vertices [V, 3]."""
        return np.einsum("sk,skc->sc", self.weights.astype(np.float64), np.asarray(vertices, np.float64)[self.corners])


def nearest_roots(
    points: np.ndarray, vertices: np.ndarray, model: HeadModel, faces: np.ndarray
) -> tuple[Roots, np.ndarray]:
    """Return the places on a base mesh that are nearest to points, and how far [S] float64 they are.

    Args:
        points: [S, 3].
        vertices: [V, 3] the mesh, in the same space.
        model: Its model.
        faces: [F] bool mask of the model's faces on which hair may grow; at least one.
    """
    allowed, uvs = model.faces[faces], model.face_uvs[faces]
    # Triangles repeat their last vertex, but need not repeat its texture coordinate: both are cut alike.
    halves = np.concatenate([allowed[:, [0, 1, 2]], allowed[:, [0, 2, 3]]])
    uv_halves = np.concatenate([uvs[:, [0, 1, 2]], uvs[:, [0, 2, 3]]])
    there = halves[:, 1] != halves[:, 2]
    halves, uv_halves = halves[there], uv_halves[there]
    triangle, weights, distance = closest_on_triangles(points, vertices, halves)
    weights = (1 - 3 * INSET) * weights + INSET
    places = np.einsum("sk,skc->sc", weights, model.uvs[uv_halves[triangle]])
    return Roots(halves[triangle], weights.astype(np.float32), places.astype(np.float32)), distance


def area_grown_on(vertices: np.ndarray, triangles: np.ndarray, density: np.ndarray) -> float:
    """Return the area that hair grows on, in the square of the vertices' unit, as if all of it were densely grown.

    Args:
        vertices: [V, 3] of the mesh.
        triangles: [T, 3] of it.
        density: [V] 0..1, how densely hair grows at each vertex.
    """
    corners = vertices[triangles]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    return float((areas * density[triangles].mean(axis=1)).sum())


def rigid_moves(roots: Roots, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rotations [S, 3, 3] of the triangles under roots, and the roots' places [S, 3] before and after.

    Args:
        roots: The roots.
        before: [V, 3] vertices of their mesh.
        after: [V, 3] vertices of the same mesh, moved.
    """
    old, new = (_frames(np.asarray(mesh, np.float64)[roots.corners]) for mesh in (before, after))
    return new @ old.transpose(0, 2, 1), roots.points(before), roots.points(after)


def _frames(corners: np.ndarray) -> np.ndarray:
    """Return the orthonormal frames [S, 3, 3] (columns) of triangles [S, 3, 3]."""
    first = unit(corners[:, 1] - corners[:, 0])
    normal = unit(np.cross(first, corners[:, 2] - corners[:, 0]))
    return np.stack([first, np.cross(normal, first), normal], axis=-1)
