"""Displaces a fitted mesh smoothly so that its landmarks meet those of the picture.

The displacement is the bending-energy minimiser on the mesh (Botsch and Sorkine 2008, "On linear
variational surface deformation methods"): it varies smoothly along the surface, so upper and
lower lip stay independent although they are close in space, and nothing wrinkles. Away from
the face it fades out. The system does not depend on the picture and is factorised once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu
from scipy.spatial import cKDTree

from ...cameras import Camera
from .head_model import HeadModel, vertex_normals

LANDMARK_WEIGHT = 3.0
"""Against the bending energy; high enough to meet landmarks to a fraction of a pixel."""
UNCERTAIN_SPREAD = 0.004
"""Metres: landmarks that scatter more on the surface pull less."""
FADE = (0.015, 0.06)
"""Metres from the nearest landmark at which the displacement begins to fade, and is held to zero."""
FADE_WEIGHT = 1.0
LEAST_FACING = 0.3
"""Cosine to the view below which landmarks pull across the outline only: they slide along it."""


@dataclass(frozen=True, eq=False)
class _WarpSystem:
    """The factorised normal equations.

    Attributes:
        solver: Factor of L^T L + C^T W C + F over the vertices of the body.
        pull: [V, L] sparse, C^T W.
        carry: [V, V] sparse: from the displacements of the body's vertices to those of all. Eyes,
            rows of teeth and the tongue, which no edge connects to the body, keep their form and
            move by the mean displacement of the nearest vertices.
    """

    solver: SuperLU
    pull: sparse.csr_matrix
    carry: sparse.csr_matrix


def warp_to_landmarks(model: HeadModel, vertices: np.ndarray, landmarks: np.ndarray, camera: Camera) -> np.ndarray:
    """Return vertices [V, 3] moved so that their landmarks project onto ``landmarks``.

    Args:
        model: The head model.
        vertices: [V, 3] fitted vertices in the world.
        landmarks: [L, 2] pixels in the camera's picture.
        camera: The picture's camera.
    """
    system = _warp_system(model)
    at = model.landmarks(vertices)
    pixels, depths = camera.project(at)
    error = landmarks - pixels
    normals = model.landmarks(vertex_normals(vertices, model.triangles)) @ camera.c2w[:3, :3]
    towards = camera.to_camera(at)
    facing = -(normals * towards).sum(1) / np.linalg.norm(towards, axis=1)
    across = normals[:, :2] / np.maximum(np.linalg.norm(normals[:, :2], axis=1, keepdims=True), 1e-6)
    sliding = across * (error * across).sum(1, keepdims=True)
    error = np.where(facing[:, None] < LEAST_FACING, sliding, error)
    # A move parallel to the picture: depth is kept, as the landmarks say nothing of it.
    move = np.column_stack([error / [camera.fx, camera.fy] * depths[:, None], np.zeros(len(error))])
    displacement = system.solver.solve(system.pull @ move)
    return vertices + (system.carry @ displacement) @ camera.c2w[:3, :3].T


@lru_cache(maxsize=1)
def _warp_system(model: HeadModel) -> _WarpSystem:
    """Build and factorise the system; the same for every picture."""
    count = len(model.mean)
    triangles = model.triangles
    i, j = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).T
    adjacency = sparse.coo_matrix((np.ones(len(i)), (i, j)), (count, count)).tocsr()
    adjacency = ((adjacency + adjacency.T) > 0).astype(np.float64)
    degree = np.asarray(adjacency.sum(1)).ravel()
    laplacian = sparse.identity(count) - sparse.diags(1 / np.maximum(degree, 1)) @ adjacency
    landmark = np.repeat(np.arange(len(model.landmark_vertices)), 3)
    selection = sparse.coo_matrix(
        (model.landmark_weights.ravel(), (landmark, model.landmark_vertices.ravel())),
        (len(model.landmark_vertices), count),
    )
    weights = LANDMARK_WEIGHT / (1 + (model.landmark_spread / UNCERTAIN_SPREAD) ** 2)
    pull = (selection.T @ sparse.diags(weights)).tocsr()
    distance, _ = cKDTree(model.landmarks(model.mean)).query(model.mean)
    fade = np.clip((distance - FADE[0]) / (FADE[1] - FADE[0]), 0, 1) ** 2 * FADE_WEIGHT + 1e-6
    system = laplacian.T @ laplacian + pull @ selection + sparse.diags(fade)
    return _WarpSystem(splu(system.tocsc()), pull, _carry(model, adjacency))


def _carry(model: HeadModel, adjacency: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the matrix of :attr:`_WarpSystem.carry`; the body is the mesh's largest part."""
    count = len(model.mean)
    _, part = sparse.csgraph.connected_components(adjacency, directed=False)
    sizes = np.bincount(part)
    is_body = part == sizes.argmax()
    body = np.flatnonzero(is_body)
    _, nearest = cKDTree(model.mean[body]).query(model.mean)
    loose = np.flatnonzero(~is_body)
    membership = sparse.coo_matrix((np.ones(len(loose)), (loose, part[loose])), (count, len(sizes))).tocsr()
    means = sparse.coo_matrix((1 / sizes[part[loose]], (part[loose], body[nearest[loose]])), (len(sizes), count))
    return (sparse.diags(is_body.astype(np.float64)) + membership @ means.tocsr()).tocsr()
