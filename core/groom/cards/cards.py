"""Hair cards as a value: a mesh with texture coordinates, its atlas, and where it hangs on the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...avatar.base_mesh import BaseMesh
from ..roots import Roots, rigid_moves

STILL = 1e-6
"""Metres: what moves less does not."""


@dataclass(frozen=True, eq=False)
class Cards:
    """V vertices and F faces of cards and cap.

    Attributes:
        vertices: [V, 3] float32 in the space of the splats, on the face without expression.
        normals: [V, 3] float32 unit normals for shading: outwards from the head, not each card's own.
        faces: [F, 4] int32 quads, counter-clockwise from outside; triangles repeat their last vertex.
        uvs: [V, 2] float32 texture coordinates, origin at the lower left.
        roots: Where on the mesh the R cards, and the cap's vertices, hang.
        owners: [V] int32 the root of each vertex.
        count: How many cards there are; the first ``count`` roots are theirs.
        color: [A, A, 4] uint8, sRGB-encoded colour and opacity. Colour goes on beyond the hairs.
        normal: [A, A, 3] uint8 tangent-space normals, Y up (OpenGL, glTF).
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    roots: Roots
    owners: np.ndarray
    count: int
    color: np.ndarray
    normal: np.ndarray

    @property
    def triangles(self) -> int:
        """How many triangles the faces are."""
        return triangle_count(self.faces)

    def moves(self, base: BaseMesh) -> np.ndarray:
        """Return what the base mesh's expressions do: as :func:`moves_of`."""
        return moves_of(self.vertices, self.roots, self.owners, base)

    def weights(self, of_mesh: np.ndarray) -> np.ndarray:
        """Return what the roots have of weights [B, V'] of the base mesh's vertices, [B, V] for the cards' vertices."""
        at_roots = np.einsum("brk,rk->br", of_mesh[:, self.roots.corners], self.roots.weights)
        return at_roots[:, self.owners]


def triangle_count(faces: np.ndarray) -> int:
    """Return how many triangles faces [F, 4] are; triangles among them repeat their last vertex."""
    return int(2 * len(faces) - (faces[:, 2] == faces[:, 3]).sum())


def moves_of(vertices: np.ndarray, roots: Roots, owners: np.ndarray, base: BaseMesh) -> np.ndarray:
    """Return the displacements [E, V, 3] float32 that each of a base mesh's expressions gives at full strength.

    Cards turn with the triangle at their root, as the curves do that they are made of.

    Args:
        vertices: [V, 3] of cards, on the face without expression.
        roots: What they hang on.
        owners: [V] the root of each.
        base: The mesh.
    """
    moves = np.stack(
        [carried(vertices, roots, owners, base.neutral, base.neutral + moved) - vertices for moved in base.expressions]
    )
    # What rounding leaves where nothing moves would fill files.
    moves[np.abs(moves) < STILL * base.pose.scale] = 0
    return moves.astype(np.float32)


def carried(
    vertices: np.ndarray, roots: Roots, owners: np.ndarray, before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """Return where cards' vertices [V, 3] float32 go when their mesh goes from vertices [V', 3] to others."""
    turns, begin, end = rigid_moves(roots, before, after)
    turned = np.einsum("vij,vj->vi", turns[owners], vertices - begin[owners])
    return (turned + end[owners]).astype(np.float32)
