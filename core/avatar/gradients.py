"""How a mesh stretches and turns space around its vertices.

At each vertex the deformation gradient is the linear map that takes the edges that meet there, and
a step along the normal, from their rest to their present directions best, in the sense of least
squares. Edges count by direction, not by length. The step along the normal is as long as the root
of the area around the vertex, as in Sumner and Popović, "Deformation transfer for triangle meshes",
2004, so that an evenly stretched mesh stretches space evenly. A gradient at each vertex,
interpolated in between, is smooth where one for each triangle would show facets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

SINGULAR = 1e-6
"""Directions in which the edges of a vertex reach less than this do not stretch."""


@dataclass(frozen=True, eq=False)
class RestMesh:
    """A mesh at rest.

    Attributes:
        vertices: [V, 3] float32.
        faces: [F, 4] int; triangles repeat their last vertex.
    """

    vertices: np.ndarray
    faces: np.ndarray

    @cached_property
    def edges(self) -> np.ndarray:
        """[E, 2] int, each once."""
        pairs = np.stack([self.faces, np.roll(self.faces, -1, axis=1)], axis=2).reshape(-1, 2)
        return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)

    def moves(self, vertices: np.ndarray) -> np.ndarray:
        """Return the displacements [V, 3] float64 of the vertices; exactly zero at rest."""
        return np.asarray(vertices, np.float64) - self.vertices

    def gradients(self, vertices: np.ndarray) -> np.ndarray:
        """Return the deformation gradients at the vertices, less the identity.

        Args:
            vertices: [V, 3] now.

        Returns:
            [V, 3, 3] float64, exactly zero at rest; ``gradient @ step`` is what a step gains.
        """
        operator, along_normal = self._operator
        rise = self._steps(np.asarray(vertices, np.float64)) - self._rest_steps
        stretch = (operator @ self.moves(vertices)).reshape(-1, 3, 3)
        return np.swapaxes(stretch, 1, 2) + rise[:, :, None] * along_normal[:, None, :]

    def _steps(self, vertices: np.ndarray) -> np.ndarray:
        """Return the steps [V, 3] along the normals."""
        corners = vertices[self.faces]
        following, previous = np.roll(corners, -1, axis=1), np.roll(corners, 1, axis=1)
        areas = np.cross(following - corners, previous - corners)
        # The repeated vertex of a triangle is one corner, not two.
        areas[:, 3][self.faces[:, 2] == self.faces[:, 3]] = 0
        index = self.faces.ravel()
        normal = np.stack([np.bincount(index, areas[..., i].ravel(), len(vertices)) for i in range(3)], axis=1)
        return normal / np.maximum(np.sqrt(np.linalg.norm(normal, axis=1, keepdims=True)), np.finfo(float).tiny)

    @cached_property
    def _rest_steps(self) -> np.ndarray:
        return self._steps(np.asarray(self.vertices, np.float64))

    def _spread(self) -> tuple[np.ndarray, ...]:
        """Return both ends of each edge [2 E] there and back, its vector and weight, the weight of the normals [V], and
        what edges and normals span at each vertex [V, 3, 3].
        """
        vertices = np.asarray(self.vertices, np.float64)
        count = len(vertices)
        start, end = np.concatenate([self.edges, self.edges[:, ::-1]]).T
        along = vertices[end] - vertices[start]
        # Edges of no length, as where vertices lie on each other, tell nothing.
        weight = 1 / np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
        weight[~along.any(axis=1)] = 0
        weight /= np.maximum(np.bincount(start, minlength=count), 1)[start]
        outer = (weight[:, None, None] * along[:, :, None] * along[:, None, :]).reshape(-1, 9)
        spread = np.stack([np.bincount(start, outer[:, i], count) for i in range(9)], axis=1).reshape(-1, 3, 3)
        steps = self._rest_steps
        normal_weight = 1 / np.maximum((steps**2).sum(axis=1), np.finfo(float).tiny)
        spread += normal_weight[:, None, None] * steps[:, :, None] * steps[:, None, :]
        return start, end, along, weight, normal_weight, spread

    @cached_property
    def roundness(self) -> np.ndarray:
        """[V] how well a vertex' edges and normal span space, 0..1: where nearly all are in a line or plane, gradients
        are anything.
        """
        smallest: np.ndarray = np.linalg.eigvalsh(self._spread()[-1])[:, 0]
        return smallest

    @cached_property
    def _operator(self) -> tuple[sparse.csr_matrix, np.ndarray]:
        """Return the matrix [3 V, V] from displacements to gradients, and the factor [V, 3] of the normal's rise."""
        count, steps = len(self.vertices), self._rest_steps
        start, end, along, weight, normal_weight, spread = self._spread()
        inverse = np.linalg.pinv(spread, rcond=SINGULAR, hermitian=True)
        factors = (inverse[start] @ (weight[:, None] * along)[:, :, None])[..., 0]
        rows = (3 * start[:, None] + np.arange(3)).ravel()
        values = factors.ravel()
        shape = (3 * count, count)
        operator = sparse.csr_matrix((values, (rows, np.repeat(end, 3))), shape)
        operator -= sparse.csr_matrix((values, (rows, np.repeat(start, 3))), shape)
        return operator, (inverse @ (normal_weight[:, None] * steps)[:, :, None])[..., 0]
