"""Closed surfaces of quads with normals, as the engine's samples are drawn from them."""

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
