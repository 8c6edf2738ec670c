"""Splats that cover triangles of the base mesh: what a photo does not show."""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians, decompose_covariances
from ..splats import attributes as names
from ..splats import spherical_harmonics as harmonics
from ..splats.parts import Part
from .base_mesh import BaseMesh

OVERLAP = 2.2
"""Standard deviations of a splat against those of the patch that it stands for."""
THICKNESS = 0.0001
"""Metres, standard deviation of splats across their surface."""
LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in brightness."""


def spread(corners: np.ndarray, spacing: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut triangles into small ones.

    Args:
        corners: [T, 3, 3].
        spacing: Size of the small ones, one for all or [T].

    Returns:
        owners: [N] int, the triangle of each.
        weights: [N, 3] float64, the barycentric coordinates of its middle.
    """
    doubled = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    counts = np.maximum(np.ceil(np.sqrt(doubled) / spacing), 1).astype(int)
    owners, weights = [], []
    for count in np.unique(counts):
        which = np.flatnonzero(counts == count)
        upward = [(i + 1 / 3, j + 1 / 3) for i in range(count) for j in range(count - i)]
        downward = [(i + 2 / 3, j + 2 / 3) for i in range(count - 1) for j in range(count - 1 - i)]
        steps = np.array(upward + downward)
        grid = np.concatenate([steps, count - steps.sum(axis=1, keepdims=True)], axis=1) / count
        owners.append(np.repeat(which, len(grid)))
        weights.append(np.tile(grid, (len(which), 1)))
    return np.concatenate(owners), np.concatenate(weights)


def patches(
    base: BaseMesh,
    corners: np.ndarray,
    owners: np.ndarray,
    weights: np.ndarray,
    colors: np.ndarray,
    opening: np.ndarray,
    part: Part,
    lift: float | np.ndarray = 0.0,
) -> Gaussians:
    """Return flat splats bound to the mesh, invisible at rest.

    Args:
        base: Its shown face is the mesh at rest.
        corners: [N, 3] vertices of the triangle of each.
        owners: [N] number of that triangle; all that share one cover it together.
        weights: [N, 3] barycentric coordinates.
        colors: [N, 3] display colours.
        opening: [N, 3] values of :data:`core.splats.attributes.BIND_OPENING`.
        part: Of all of them.
        lift: Metres above the surface, one for all or [N].
    """
    places = base.shown[corners].astype(np.float64)
    # Each triangle is cut along its edges into as many parts as the root of the number of pieces.
    cut = np.sqrt(np.bincount(owners)[owners])
    edges = (places - np.roll(places, 1, axis=1)) * (OVERLAP / cut[:, None, None])
    normals = np.cross(edges[:, 0], edges[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
    # The covariance of an even triangle is that of its edges over 36.
    covariances = np.einsum("nki,nkj->nij", edges, edges) / 36
    covariances += (THICKNESS * base.pose.scale) ** 2 * normals[:, :, None] * normals[:, None, :]
    scales, rotations = decompose_covariances(covariances)
    return Gaussians(
        means=np.einsum("nk,nkc->nc", weights, places) + np.reshape(lift, (-1, 1)) * base.pose.scale * normals,
        scales=scales,
        rotations=rotations,
        opacities=np.zeros(len(places)),
        sh=harmonics.from_colors(colors),
        parts=np.full(len(places), part),
        extras={
            names.BIND_TRIANGLE: corners.astype(np.float32),
            names.BIND_WEIGHTS: weights.astype(np.float32),
            names.BIND_OPENING: opening.astype(np.float32),
        },
    )
