"""Bound splats where a deformed mesh takes them."""

from __future__ import annotations

import numpy as np

from ..gaussians import MIN_SCALE, Gaussians
from ..geometry import quaternions
from ..splats import attributes as names
from ..splats import spherical_harmonics as harmonics
from ..system import blocks
from .gradients import RestMesh

SWEEPS = 4
"""Of Jacobi rotations; the axes of a splat are orthogonal to rounding after three for any stretch up to tenfold."""
POLAR_ITERATIONS = 6
"""Of Newton's method for the rotation nearest to a gradient."""


def deform(gaussians: Gaussians, rest: RestMesh, vertices: np.ndarray, openings: np.ndarray | None = None) -> Gaussians:
    """Carry bound splats along with their mesh.

    A splat moves with its place on the mesh; its offset from there, its axes and its covariance are
    taken along by the mesh's deformation gradient F at that place: C becomes F C F^T, exactly. What
    the mesh leaves in place is returned bit by bit.

    Args:
        gaussians: Bound splats (:func:`core.avatar.binding.bind`), at rest.
        rest: The mesh that they were bound to.
        vertices: [V, 3] of that mesh now.
        openings: [3] how far mouth and eyes opened and closed (:func:`core.avatar.gaps.openings`), which
            shows and hides splats; None for not at all.

    Raises:
        ValueError: the mesh has another number of vertices than at rest.
    """
    if len(vertices) != len(rest.vertices):
        raise ValueError(f"the mesh has {len(vertices)} vertices, but had {len(rest.vertices)} when it was bound")
    moves, gradients = rest.moves(vertices), rest.gradients(vertices)
    # One row for each vertex: where it was, how it moved, and its gradient.
    at_vertex = np.concatenate([rest.vertices, moves, gradients.reshape(-1, 9)], axis=1)
    means, scales, rotations, sh = (getattr(gaussians, name).copy() for name in ("means", "scales", "rotations", "sh"))
    triangles, weights = gaussians.extras[names.BIND_TRIANGLE], gaussians.extras[names.BIND_WEIGHTS]

    def carry(rows: slice) -> None:
        corners = at_vertex[np.asarray(triangles[rows], np.int64)]
        here = np.einsum("nk,nkc->nc", np.asarray(weights[rows], np.float64), corners)
        moved = here[:, 3:].any(axis=1)
        if not moved.any():
            return
        index = np.flatnonzero(moved) + rows.start
        place, move, gradient = here[moved, :3], here[moved, 3:6], here[moved, 6:].reshape(-1, 3, 3)
        offset = means[index] - place
        means[index] = means[index] + (move + np.einsum("nij,nj->ni", gradient, offset))
        gradient += np.eye(3)
        scales[index], rotations[index] = stretched(gradient, scales[index], rotations[index])
        changing = sh[index, 1:].any(axis=(1, 2))
        if changing.any():
            sh[index[changing]] = turned(sh[index[changing]], nearest_rotations(gradient[changing]))

    blocks.fill(carry, len(gaussians))
    opacities = gaussians.opacities
    if openings is not None and openings.any():
        opacities = np.clip(opacities + gaussians.extras[names.BIND_OPENING] @ openings.astype(np.float32), 0, 1)
    return gaussians.replace(means=means, scales=scales, rotations=rotations, opacities=opacities, sh=sh)


def stretched(gradients: np.ndarray, scales: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scales [N, 3] and rotations [N, 4] of splats whose space is deformed.

    The deformed axes F R S are made orthogonal by one-sided Jacobi rotations (Hestenes, 1958), which
    leave their covariance as it is. Axes that are orthogonal already, as after a rigid motion, keep
    their order.

    Args:
        gradients: [N, 3, 3], F.
        scales: [N, 3].
        rotations: [N, 4], unit quaternions.
    """
    frames = gradients @ quaternions.to_matrices(rotations.astype(np.float64))
    axes = [np.ascontiguousarray(frames[:, :, i].T) * scales[:, i] for i in range(3)]
    for _ in range(SWEEPS):
        for i, j in ((0, 1), (0, 2), (1, 2)):
            axes[i], axes[j] = _orthogonal(axes[i], axes[j])
    lengths = np.sqrt([(axis * axis).sum(axis=0) for axis in axes])
    # The shortest axis may be too short to have a direction: it follows from the others.
    shortest = lengths.argmin(axis=0)
    first = np.where(shortest == 0, np.cross(axes[1], axes[2], axis=0), axes[0])
    second = np.where(shortest == 1, np.cross(axes[2], axes[0], axis=0), axes[1])
    first /= np.maximum(np.sqrt((first * first).sum(axis=0)), np.finfo(float).tiny)
    second /= np.maximum(np.sqrt((second * second).sum(axis=0)), np.finfo(float).tiny)
    turned = np.stack([first.T, second.T, np.cross(first, second, axis=0).T], axis=2)
    return np.maximum(lengths.T, MIN_SCALE), quaternions.from_matrices(turned)


def _orthogonal(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn two columns [3, N] in their plane so that they are orthogonal; the smaller of the two possible turns."""
    product = (a * b).sum(axis=0)
    difference = ((b * b).sum(axis=0) - (a * a).sum(axis=0)) / 2
    reach = np.abs(difference) + np.sqrt(difference * difference + product * product)
    tangent = np.where(difference < 0, -product, product) / np.maximum(reach, np.finfo(float).tiny)
    cosine = 1 / np.sqrt(1 + tangent * tangent)
    sine = cosine * tangent
    return cosine * a - sine * b, sine * a + cosine * b


def nearest_rotations(gradients: np.ndarray) -> np.ndarray:
    """Return the rotations [N, 3, 3] nearest to gradients [N, 3, 3]: their polar factors (Higham, 1986).

    Gradients that mirror or flatten space turn nothing: theirs is the identity.
    """
    upright = np.linalg.det(gradients) > 1e-6
    result = np.where(upright[:, None, None], gradients, np.eye(3))
    for _ in range(POLAR_ITERATIONS):
        result = (result + np.swapaxes(np.linalg.inv(result), 1, 2)) / 2
    return result


def turned(sh: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Return spherical harmonics [N, K, 3], each turned by a rotation [N, 3, 3] of its own.

    As :func:`core.splats.spherical_harmonics.rotate`, through the colours in directions enough to determine them.
    """
    degree = harmonics.degree_of(sh.shape[1])
    directions = harmonics.probe_directions()
    back = np.linalg.pinv(harmonics.basis(directions, degree))
    before = harmonics.basis(np.einsum("dj,njk->ndk", directions, rotations).reshape(-1, 3), degree)
    return back @ (before.reshape(len(sh), len(directions), -1) @ sh)
