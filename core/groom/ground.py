"""The head under the hair: how far above it a place is, and where on it hair may grow."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..avatar.anatomy import OUTSIDE
from ..geometry.vectors import unit
from ..hair.seeds import Seeds, spread
from ..head.model import HeadModel, vertex_normals

SAMPLES = 30_000
"""Places spread over the head whose planes stand for it."""
FAR = 0.3, 0.6
"""World units above the skin, and from where hair may grow, that are told as just that: nothing depends on more."""


class Ground:
    """The skin of a base mesh as planes at evenly spread places."""

    def __init__(self, vertices: np.ndarray, model: HeadModel, rooted: np.ndarray) -> None:
        """Spread the places.

        Args:
            vertices: [V, 3] of the base mesh, in the engines' frame.
            model: Its model.
            rooted: [F] bool, on which of the model's faces hair may grow; at least one.
        """
        outer = model.in_regions(*OUTSIDE)[model.faces].all(1)
        quads, rooted = model.faces[outer], rooted[outer]
        seeds = spread(vertices, quads, np.ones(len(quads)), SAMPLES, np.random.default_rng(0))
        normals = vertex_normals(vertices, model.triangles)
        self._places = seeds.interpolate(quads, np.asarray(vertices, np.float64))
        self._normals = unit(seeds.interpolate(quads, normals.astype(np.float64)))
        self._tree = cKDTree(self._places)
        self._rooted = np.flatnonzero(rooted[seeds.quads])
        self._root_tree = cKDTree(self._places[self._rooted])

    def heights(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far above the skin points [N, 3] are, negative inside of it, and the normals [N, 3] there; these
        are 0 far away.
        """
        distance, nearest = self._tree.query(points, distance_upper_bound=FAR[0])
        near = np.flatnonzero(np.isfinite(distance))
        heights, normals = np.full(len(points), FAR[0]), np.zeros((len(points), 3))
        normals[near] = self._normals[nearest[near]]
        heights[near] = ((points[near] - self._places[nearest[near]]) * normals[near]).sum(1)
        return heights, normals

    def to_roots(self, points: np.ndarray) -> np.ndarray:
        """Return how far [N] points [N, 3] are from where hair may grow."""
        return np.minimum(self._root_tree.query(points, distance_upper_bound=FAR[1])[0], FAR[1])

    def roots(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest places to points [N, 3] where hair may grow, and the normals there, both [N, 3]."""
        nearest = self._rooted[self._root_tree.query(points)[1]]
        return self._places[nearest], self._normals[nearest]

    def lifted(self, points: np.ndarray, clearance: float) -> np.ndarray:
        """Return points [N, 3] with those that are in the head, or closer to it than a clearance, moved out."""
        heights, normals = self.heights(points)
        return points + np.maximum(clearance - heights, 0)[:, None] * normals


def spread_on_faces(
    vertices: np.ndarray, faces: np.ndarray, density: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return places [N, 3] spread over faces [F, 4] as densely as a density [V] at their vertices says."""
    seeds: Seeds = spread(vertices, faces, density[faces].mean(1), count, rng)
    return seeds.interpolate(faces, np.asarray(vertices, np.float64))
