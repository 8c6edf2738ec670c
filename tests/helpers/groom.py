"""Grooms for tests: hair that stands up from the scalp and falls to the sides, without a solve."""

from __future__ import annotations

import numpy as np

from core.avatar.base_mesh import BaseMesh
from core.geometry.vectors import unit
from core.groom.curves import HairCurves
from core.groom.groom import Groom, Growth, Tuft
from core.groom.roots import nearest_roots
from core.head.model import Region, vertex_normals

POINTS = 12


def plain_groom(base: BaseMesh, guides: int = 300, hairs: int = 3000, seed: int = 0) -> Groom:
    """Hair on all of the scalp, 8 cm long, red at the roots and blue at the tips; and two brows of a few hairs."""
    scalp = base.model.in_regions(Region.SCALP)
    tufts = {
        Growth.HAIR: Tuft(_standing(base, scalp, guides, 0.08, seed), scalp.astype(np.float32), hairs),
        Growth.BROWS: Tuft(_standing(base, _brows(base), 20, 0.01, seed), np.zeros(len(scalp), np.float32), 20),
    }
    return Groom(tufts, ("Hair under the hat is guessed.",))


def _brows(base: BaseMesh) -> np.ndarray:
    """Return a mask [V] of skin above the eyes."""
    mean = base.model.mean
    eyes = mean[base.model.in_regions(Region.EYES)]
    height, front = eyes[:, 2].max(), eyes[:, 1].min()
    near = (mean[:, 2] > height + 0.008) & (mean[:, 2] < height + 0.02) & (mean[:, 1] < front + 0.01)
    return base.model.in_regions(Region.FACE) & near


def _standing(base: BaseMesh, where: np.ndarray, count: int, length: float, seed: int) -> HairCurves:
    """Return hair on the faces of a mask of vertices [V]; the length is in metres."""
    random = np.random.default_rng(seed)
    model, shown, metre = base.model, base.shown.astype(np.float64), base.pose.scale
    faces = where[model.faces].all(axis=1)
    if base.kept is not None:
        faces &= base.kept
    corners = shown[model.faces[faces]]
    areas = np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1)
    chosen = random.choice(len(corners), count, p=areas / areas.sum())
    share = random.uniform(size=(2, count, 1))
    edges = [corners[chosen, a] * (1 - share[0]) + corners[chosen, b] * share[0] for a, b in ((0, 1), (3, 2))]
    roots, _ = nearest_roots(edges[0] * (1 - share[1]) + edges[1] * share[1], shown, model, faces)
    begin = roots.points(shown)
    normals = vertex_normals(shown, model.triangles)[roots.corners].mean(axis=1)
    along = np.linspace(0, 1, POINTS)[None, :, None] * length * metre
    fall = unit(normals) - base.pose.rotation[:, 2] * 0.8 * np.linspace(0, 1, POINTS)[:, None, None] ** 2
    points = begin[:, None] + along * fall.transpose(1, 0, 2)
    tint = np.broadcast_to(np.linspace(0, 1, POINTS)[None, :, None], (count, POINTS, 1))
    colors = np.concatenate([0.8 - 0.6 * tint, np.full_like(tint, 0.2), 0.2 + 0.6 * tint], axis=2)
    radii = np.broadcast_to(np.linspace(5e-5, 1e-5, POINTS), (count, POINTS)) * metre
    return HairCurves(
        points.reshape(-1, 3).astype(np.float32),
        np.full(count, POINTS, np.int32),
        colors.reshape(-1, 3).astype(np.float32),
        radii.ravel().astype(np.float32),
        roots,
    )
