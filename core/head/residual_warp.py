"""Displaces a fitted mesh smoothly so that it meets the picture's landmarks and stays in its outline.

The displacement is the one of least bending energy (:mod:`~core.head.bending`), so nothing
wrinkles. Away from the face it fades out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.sparse.linalg import SuperLU
from scipy.spatial import cKDTree

from ..cameras import Camera
from . import bending
from .model import HeadModel, Region, vertex_normals

LANDMARK_WEIGHT = 3.0
"""Against the bending energy; high enough to meet landmarks to a fraction of a pixel."""
UNCERTAIN_SPREAD = 0.004
"""Metres: landmarks that scatter more on the surface pull less."""
FADE = (0.015, 0.06)
"""Metres from the nearest landmark at which the displacement begins to fade, and is held to zero."""
FADE_WEIGHT = 1.0
LEAST_WEIGHT = 1e-6
"""Keeps the system definite where nothing else does."""
LEAST_FACING = 0.3
"""Cosine to the view below which landmarks pull across the outline only: they slide along it."""
OUTLINE_WEIGHT = 10.0
OUTLINE_ROUNDS = 2
LARGEST_INSET = 0.025
"""Of the picture's width; what lies further outside is the outline's mistake (an ear cut off, a cropped photo)."""


@dataclass(frozen=True, eq=False)
class _Energy:
    """What does not depend on the picture.

    Attributes:
        bending: [V, V] sparse: bending and fading energies.
        landmarks: [L, V] sparse: from vertex values to landmark values.
        weights: [L] the landmarks' weights.
        carry: [V, V] sparse: from the displacements of the body's vertices to those of all.
    """

    bending: sparse.csr_matrix
    landmarks: sparse.csr_matrix
    weights: np.ndarray
    carry: sparse.csr_matrix

    @cached_property
    def pull(self) -> sparse.csr_matrix:
        """[V, L] sparse: from the landmarks' moves to the right side of the system that they alone make."""
        return self.landmarks.T @ sparse.diags(self.weights)


def warp_to_picture(
    model: HeadModel,
    vertices: np.ndarray,
    landmarks: np.ndarray,
    camera: Camera,
    silhouette: np.ndarray | None = None,
) -> np.ndarray:
    """Return vertices [V, 3] moved so that their landmarks project onto ``landmarks``.

    Args:
        model: The head model.
        vertices: [V, 3] fitted vertices in the world.
        landmarks: [L, 2] pixels in the camera's picture.
        camera: The picture's camera.
        silhouette: [H, W] bool, where the picture shows the person; the head is drawn in where
            it would stick out. Never outwards, as hair hides the head's own outline.
    """
    energy = _energy(model)
    if silhouette is not None:
        landmarks = landmarks + _inward_errors(landmarks, camera, silhouette)
    at, count = model.landmarks(vertices), len(vertices)
    normals = model.landmarks(vertex_normals(vertices, model.triangles))
    moves = _landmark_moves(at, normals, landmarks, camera)
    displacement = energy.carry @ _landmark_factors(model).solve(energy.pull @ moves)
    if silhouette is None:
        return vertices + displacement
    held, targets = np.zeros(count, bool), np.zeros((count, 3))
    for _ in range(OUTLINE_ROUNDS):
        outside, inwards = _inward_moves(model, vertices + displacement, camera, silhouette)
        # Vertices once drawn in stay held: released, they would spring back.
        held[outside] = True
        targets[outside] = displacement[outside] + inwards
        picked = sparse.identity(count, format="csr")[held]
        displacement = _solve(
            energy,
            sparse.vstack([energy.landmarks, picked]).tocsr(),
            np.concatenate([energy.weights, np.full(held.sum(), OUTLINE_WEIGHT)]),
            np.concatenate([moves, targets[held]]),
        )
    return vertices + displacement


def _solve(energy: _Energy, selection: sparse.csr_matrix, weights: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return the displacement [V, 3] of least energy that makes ``selection`` move by ``moves`` [C, 3]."""
    pull = selection.T @ sparse.diags(weights)
    return energy.carry @ bending.solve(energy.bending + pull @ selection, pull @ moves)


def _landmark_moves(at: np.ndarray, normals: np.ndarray, landmarks: np.ndarray, camera: Camera) -> np.ndarray:
    """Return the moves [L, 3] in the world that bring landmarks at ``at`` [L, 3] onto their pixels."""
    pixels, depths = camera.project(at)
    error = landmarks - pixels
    normals, towards = normals @ camera.c2w[:3, :3], camera.to_camera(at)
    facing = -(normals * towards).sum(1) / np.linalg.norm(towards, axis=1)
    across = normals[:, :2] / np.maximum(np.linalg.norm(normals[:, :2], axis=1, keepdims=True), 1e-6)
    sliding = across * (error * across).sum(1, keepdims=True)
    return _in_world(np.where(facing[:, None] < LEAST_FACING, sliding, error), depths, camera)


def _inward_moves(
    model: HeadModel, vertices: np.ndarray, camera: Camera, silhouette: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the head's vertices [C] outside the silhouette and the moves [C, 3] that bring them in."""
    pixels, depths = camera.project(vertices)
    error = _inward_errors(pixels, camera, silhouette)
    outside = error.any(1) & model.in_regions(Region.FACE, Region.LIPS, Region.EARS, Region.SCALP)
    return np.flatnonzero(outside), _in_world(error, depths, camera)[outside]


def _inward_errors(pixels: np.ndarray, camera: Camera, silhouette: np.ndarray) -> np.ndarray:
    """Return the way [N, 2] from pixels to the nearest pixel of the silhouette; zeros inside and far outside."""
    size = np.array([camera.width, camera.height])
    columns, rows = np.clip(pixels, 0, size - 1).astype(int).T
    nearest = distance_transform_edt(~silhouette, return_distances=False, return_indices=True)[:, rows, columns]
    error = nearest[::-1].T + 0.5 - pixels
    outside = ~silhouette[rows, columns] & ((pixels >= 0) & (pixels < size)).all(1)
    outside &= np.linalg.norm(error, axis=1) < LARGEST_INSET * camera.width
    return np.where(outside[:, None], error, 0.0)


def _in_world(error: np.ndarray, depths: np.ndarray, camera: Camera) -> np.ndarray:
    """Return moves [N, 3] parallel to the picture for pixel errors [N, 2]: nothing is known of depth."""
    move = np.column_stack([error / [camera.fx, camera.fy] * depths[:, None], np.zeros(len(error))])
    return move @ camera.c2w[:3, :3].T


@lru_cache(maxsize=1)
def _landmark_factors(model: HeadModel) -> SuperLU:
    """Return the factors of the system that landmarks alone make: it is the same in all pictures."""
    energy = _energy(model)
    return bending.factored(energy.bending + energy.pull @ energy.landmarks)


@lru_cache(maxsize=1)
def _energy(model: HeadModel) -> _Energy:
    """Return what all pictures have in common."""
    count = len(model.mean)
    landmark = np.repeat(np.arange(len(model.landmark_vertices)), 3)
    places = (landmark, model.landmark_vertices.ravel())
    landmarks = sparse.coo_matrix((model.landmark_weights.ravel(), places), (len(model.landmark_vertices), count))
    distance, _ = cKDTree(model.landmarks(model.mean)).query(model.mean)
    fade = np.clip((distance - FADE[0]) / (FADE[1] - FADE[0]), 0, 1) ** 2 * FADE_WEIGHT + LEAST_WEIGHT
    weights = LANDMARK_WEIGHT / (1 + (model.landmark_spread / UNCERTAIN_SPREAD) ** 2)
    fading = bending.bending(model) + sparse.diags(fade)
    return _Energy(fading.tocsr(), landmarks.tocsr(), weights, bending.carry(model))
