"""Hairs of the face as a tuft: paths in the engines' frame become curves in the splats' space."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ...head.landmark_solver import UNITS_PER_METRE
from ...head.model import HeadModel, Region
from ..curves import HairCurves
from ..groom import Tuft
from ..roots import Roots, nearest_roots
from .sight import Face

TIP = 0.25
"""Radius of a hair's tip over that of its root."""
PER_VERTEX = 3
"""Times that the density is averaged over neighbouring vertices."""


def hair_curves(face: Face, paths: np.ndarray, colors: np.ndarray, radius: float, grows: np.ndarray) -> HairCurves:
    """Return paths as curves in the splats' space that begin exactly on the mesh.

    Args:
        face: The head.
        paths: [S, K, 3] points from root to tip, in the engines' frame.
        colors: [S, 3] or [S, K, 3] sRGB-encoded, 0..1: a colour for each hair, or for each of its points.
        radius: Metres, at the roots.
        grows: [F] bool mask of the model's faces that hairs grow on.
    """
    base = face.base
    if base.kept is not None:
        grows = grows & base.kept
    roots, _ = nearest_roots(paths[:, 0], face.vertices, base.model, grows)
    paths = paths + (roots.points(face.vertices) - paths[:, 0])[:, None]
    back = np.linalg.inv(face.frame)
    points = paths.reshape(-1, 3) @ back[:3, :3].T + back[:3, 3]
    count, steps = paths.shape[:2]
    each = np.broadcast_to(colors if colors.ndim == 3 else colors[:, None], paths.shape)
    taper = np.interp(np.linspace(0, 1, steps), (0, 0.5, 1), (1, 0.85, TIP))
    size = radius * UNITS_PER_METRE * np.cbrt(np.linalg.det(back[:3, :3]))
    return HairCurves(
        points.astype(np.float32),
        np.full(count, steps, np.int32),
        np.clip(each, 0, 1).reshape(-1, 3).astype(np.float32),
        np.tile(size * taper, count).astype(np.float32),
        roots,
    )


def tuft(face: Face, curves: HairCurves) -> Tuft:
    """Return a tuft whose guides are all its hairs."""
    return Tuft(curves, root_density(face, curves.roots), len(curves))


def root_density(face: Face, roots: Roots) -> np.ndarray:
    """Return how densely roots lie around each vertex [V] float32, against where they are densest."""
    model, count = face.base.model, len(face.vertices)
    corners = face.vertices[model.triangles]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    area = np.bincount(model.triangles.ravel(), np.repeat(areas, 3), count)
    hairs = np.bincount(roots.corners.ravel(), roots.weights.ravel().astype(np.float64), count)
    near = neighbours(model)
    for _ in range(PER_VERTEX):
        hairs, area = near @ hairs, near @ area
    density = hairs / np.maximum(area, 1e-12)
    density[hairs < 0.05] = 0
    return (density / max(density.max(), 1e-12)).astype(np.float32)


def neighbours(model: HeadModel) -> sparse.csr_array:
    """Return the matrix [V, V] that averages values over each vertex and those beside it."""
    corners, count = model.triangles, len(model.mean)
    pairs = np.concatenate([corners[:, [i, (i + 1) % 3]] for i in range(3)])
    ones = np.ones(len(pairs))
    links = sparse.coo_array((ones, pairs.T), (count, count)).tocsr()
    links = ((links + links.T) > 0).astype(np.float64) + sparse.eye_array(count)
    return sparse.csr_array(sparse.diags_array(1 / links.sum(axis=1)) @ links)


def skin_faces(model: HeadModel, *regions: Region) -> np.ndarray:
    """Return a mask [F] of the faces all of whose vertices are in some regions."""
    return model.in_regions(*regions)[model.faces].all(axis=1)
