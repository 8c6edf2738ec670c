"""The parametric head: a mean, identity components and expressions on a fixed quad mesh.

Built by ``tests/tools/assets/head_model.py`` from the CC0 MPFB2 base mesh, its shape targets and the
CC0 face units (see ``data/NOTICE``).

Axes are those of the world frame: x to the viewer's right (the head's left), the face looks to
-y, z up. Units are metres. The origin is the head's centre: eye level, x = 0, midway between
forehead and back of the skull.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

DATA_FILE = Path(__file__).with_name("data") / "head.npz"


class Region(IntEnum):
    """What a vertex belongs to."""

    FACE = 0
    """Skin from the hairline to the jaw, lips and eyelids included."""
    SCALP = 1
    """Where hair grows: crown, temples, back of the head."""
    EARS = 2
    NECK = 3
    """From below jaw and nape to the collar."""
    TORSO = 4
    """Shoulders and upper chest; the mesh ends there in an open rim."""
    EYES = 5
    """Eyeballs: separate parts of the mesh."""
    MOUTH = 6
    """Inside of the mouth and the tongue; the tongue is a separate part."""
    TEETH = 7
    """Separate parts of the mesh."""
    LIPS = 8
    """The red of the lips."""
    SOCKETS = 9
    """Inside of the eye sockets and of the nostrils, hidden behind eyeballs and skin."""


@dataclass(frozen=True, eq=False)
class HeadModel:
    """The head model's data. Arrays are read-only and shared: copy before writing.

    Attributes:
        mean: [V, 3] float32 vertices of the average young adult, metres.
        identity: [K, V, 3] float32 displacements of one standard deviation each, metres;
            decorrelated, in order of falling variance. Overall size is not among them.
        expressions: [E, V, 3] float32 displacements at full strength (coefficient 1), metres.
        expression_names: E names in ARKit's spelling ("jawOpen", "eyeBlinkLeft").
        faces: [F, 4] int32 quads, counter-clockwise from outside; triangles repeat their
            last vertex.
        uvs: [U, 2] float32 texture coordinates, origin at the lower left.
        face_uvs: [F, 4] int32 rows of ``uvs`` for the corners of ``faces``.
        regions: [V] int8 values of :class:`Region`.
        landmark_vertices: [L, 3] int32 vertices of the triangle on which each landmark of the
            face mesh network lies.
        landmark_weights: [L, 3] float32 barycentric coordinates on that triangle.
        landmark_spread: [L] float32 standard deviation in metres of a landmark's place on
            the surface between different heads and views.
    """

    mean: np.ndarray
    identity: np.ndarray
    expressions: np.ndarray
    expression_names: tuple[str, ...]
    faces: np.ndarray
    uvs: np.ndarray
    face_uvs: np.ndarray
    regions: np.ndarray
    landmark_vertices: np.ndarray
    landmark_weights: np.ndarray
    landmark_spread: np.ndarray

    @cached_property
    def triangles(self) -> np.ndarray:
        """[T, 3] int32: the quads cut along their first diagonal, outside counter-clockwise."""
        return triangulate(self.faces)

    def vertices(self, identity: np.ndarray | None = None, expression: np.ndarray | None = None) -> np.ndarray:
        """Return the vertices [V, 3] float32 in metres.

        Args:
            identity: [K] coefficients in standard deviations; None for the mean.
            expression: [E] coefficients, 0..1; None for the neutral face.
        """
        vertices = self.mean.copy()
        if identity is not None:
            vertices += np.tensordot(np.asarray(identity, np.float32), self.identity, 1)
        if expression is not None:
            vertices += np.tensordot(np.asarray(expression, np.float32), self.expressions, 1)
        return vertices

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """Return where the landmarks lie on given vertices.

        Args:
            vertices: [..., V, 3] in any frame.

        Returns:
            [..., L, 3] in the same frame.
        """
        return (vertices[..., self.landmark_vertices, :] * self.landmark_weights[..., None]).sum(-2)

    def in_regions(self, *regions: Region) -> np.ndarray:
        """Return a mask [V] of the vertices of some regions."""
        return np.isin(self.regions, regions)


def triangulate(faces: np.ndarray) -> np.ndarray:
    """Return triangles [T, 3] of quads [F, 4]; degenerate halves (repeated vertices) are left out."""
    halves = np.stack([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]], axis=1).reshape(-1, 3)
    return np.ascontiguousarray(halves[halves[:, 1] != halves[:, 2]])


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return area-weighted unit normals [V, 3] of a mesh; vertices of no triangle get zeros."""
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(normals[:, axis], 3), len(vertices)) for axis in range(3)], axis=1
    )
    return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), np.finfo(np.float32).tiny)


@lru_cache(maxsize=1)
def load_head_model() -> HeadModel:
    """Return the head model; the file is read once."""
    with np.load(DATA_FILE) as data:
        arrays = {name: data[name] for name in data.files}
    names = tuple(str(name) for name in arrays.pop("expression_names"))
    for name, array in arrays.items():
        if name != "regions":
            arrays[name] = array.astype(np.float32 if array.dtype.kind == "f" else np.int32)
        arrays[name].flags.writeable = False
    return HeadModel(expression_names=names, **arrays)
