"""The lashes of a closed lid as splats: thin, curved, fanned out from its edge."""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians, decompose_covariances
from ..splats import attributes as names
from ..splats import spherical_harmonics as harmonics
from ..splats.parts import Part
from .base_mesh import BaseMesh
from .closest import closest_on_triangles
from .gaps import SIDES, front_edge
from .gradients import RestMesh

COUNT = 56
"""Lashes of a lid."""
PIECES = 4
"""Splats of each."""
LENGTH = (0.003, 0.0055)
"""Metres, at the inner and at the outer corner."""
WIDTH = (0.00018, 0.00007)
"""Metres, standard deviation at the root and at the tip."""
STRENGTH = (0.5, 0.2)
"""Opacity at the root and at the tip."""
FAN = 0.6
"""How far lashes lean away from the middle of the eye at its corners, against their way down."""
FORWARD, CURL = 0.5, 0.45
"""How far they stand out, against their way down, and how much they bend up again towards their tips."""
UNEVEN = 0.2
"""Standard deviation of their directions and lengths."""


def lashes(base: BaseMesh, closed: np.ndarray, expression: str, color: np.ndarray) -> Gaussians:
    """Return the upper lashes of a closed eye, bound to the mesh, invisible at rest.

    Args:
        base: Its shown face is the mesh at rest.
        closed: [V, 3] float64 the mesh with the eye closed.
        expression: "eyeBlinkLeft" or "eyeBlinkRight".
        color: [3] theirs.
    """
    model, pose = base.model, base.pose
    side = SIDES[expression]
    rng = np.random.default_rng(0)
    edge = np.flatnonzero(front_edge(model, expression))
    local = (closed[edge] - pose.translation) @ pose.rotation / pose.scale
    edge, local = edge[np.argsort(side * local[:, 0])], local[np.argsort(side * local[:, 0])]
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(local, axis=0), axis=1))])
    at = np.sort(rng.uniform(0.06, 0.98, COUNT))
    roots = np.stack([np.interp(at * way[-1], way, local[:, axis]) for axis in range(3)], axis=1)
    uneven = 1 + UNEVEN * rng.standard_normal((COUNT, 3))
    lean = side * FAN * (2 * at - 0.9) + UNEVEN * rng.standard_normal(COUNT)
    down = np.stack([lean, -FORWARD * uneven[:, 0], -np.ones(COUNT)], axis=1)
    down /= np.linalg.norm(down, axis=1, keepdims=True)
    length = np.interp(at, (0, 0.7, 1), (LENGTH[0], LENGTH[1], LENGTH[1])) * uneven[:, 1]
    curl = np.array([0, -0.5, 0.5]) * (CURL * uneven[:, 2])[:, None]
    share = np.linspace(0, 1, PIECES + 1)[:, None, None]
    points = roots + length[:, None] * (share * down + share**2 * curl)
    middles, along = (points[1:] + points[:-1]) / 2, (points[1:] - points[:-1]) / 2
    taper = np.repeat((np.arange(PIECES) + 0.5) / PIECES, COUNT)
    width = np.interp(taper, (0, 1), WIDTH)
    middles, along = middles.reshape(-1, 3) @ pose.rotation.T, along.reshape(-1, 3) @ pose.rotation.T
    covariances = along[:, :, None] * along[:, None, :] + (width**2)[:, None, None] * np.eye(3)

    # They are made as they stand when the eye is closed; at rest they are where the lid takes them from.
    triangles = model.triangles[np.isin(model.triangles, edge).any(axis=1)]
    found, weights, _ = closest_on_triangles(pose.apply(roots), closed, triangles)
    corners, weights = np.tile(triangles[found], (PIECES, 1)), np.tile(weights, (PIECES, 1))
    rest = RestMesh(base.shown, base.faces)
    gradients = np.eye(3) + np.einsum("nk,nkij->nij", weights, rest.gradients(closed)[corners])
    back = np.linalg.inv(gradients)
    now, before = (np.einsum("nk,nkc->nc", weights, mesh[corners]) for mesh in (closed, base.shown.astype(np.float64)))
    means = before + np.einsum("nij,nj->ni", back, middles * pose.scale + pose.translation - now)
    covariances = np.einsum("nij,njk,nlk->nil", back, covariances * pose.scale**2, back)
    scales, rotations = decompose_covariances(covariances)
    opening = np.zeros((len(means), 3), np.float32)
    opening[:, 1 + list(SIDES).index(expression)] = np.interp(taper, (0, 1), STRENGTH)
    return Gaussians(
        means=means,
        scales=scales,
        rotations=rotations,
        opacities=np.zeros(len(means)),
        sh=harmonics.from_colors(np.tile(color, (len(means), 1))),
        parts=np.full(len(means), Part.EYES),
        extras={
            names.BIND_TRIANGLE: corners.astype(np.float32),
            names.BIND_WEIGHTS: weights.astype(np.float32),
            names.BIND_OPENING: opening,
        },
    )
