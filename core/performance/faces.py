"""The faces of heads, as capture needs them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ..avatar.anatomy import vertex_groups
from ..avatar.base_mesh import BaseMesh
from ..avatar.joints import EYEBALLS, rigid_motion, sphere_center
from ..avatar.turns import from_turns
from ..head.model import vertex_normals
from .types import PersonFace

ARKIT_AXES = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Turns the head model's axes (left, back, up) to ARKit's (left, up, out of the face)."""
EYES = ("leftEye", "rightEye")
"""Names of a recording's rotations, in the order in which faces have their eyes."""


def face_of(base: BaseMesh) -> PersonFace:
    """Return the face of a head's base mesh."""
    model, pose, groups = base.model, base.pose, vertex_groups(base.model)
    local = ((base.neutral - pose.translation) @ pose.rotation / pose.scale).astype(np.float32)
    moves = (base.expressions @ pose.rotation / pose.scale).astype(np.float32)
    normals = model.landmarks(vertex_normals(local, model.triangles))
    balls = [groups[name] for name in EYEBALLS]
    eyes = np.stack([sphere_center(local[ball].astype(np.float64)) for ball in balls])
    gazes = np.array([[_turn(local[ball], move[ball]) for ball in balls] for move in moves])
    return PersonFace(
        mean=model.landmarks(local),
        directions=model.landmarks(moves),
        normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
        names=model.expression_names,
        eyes=eyes.astype(np.float32),
        gazes=gazes.astype(np.float32),
    )


def eye_turns(face: PersonFace, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return how a face's expressions turn its eyes.

    Args:
        face: The face.
        values: [T, E] coefficients of its expressions.

    Returns:
        "leftEye" and "rightEye", each [T, 3] yaw, pitch and roll as a recording has them.
    """
    vectors = np.einsum("te,eij->tij", values.astype(np.float64), face.gazes.astype(np.float64))
    matrices = {name: Rotation.from_rotvec(vectors[:, eye]).as_matrix() for eye, name in enumerate(EYES)}
    axes = ARKIT_AXES
    return {name: from_turns(Rotation.from_matrix(axes @ turns @ axes.T)) for name, turns in matrices.items()}


def _turn(before: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return the rotation vector [3] by which points [N, 3] turn."""
    if not np.abs(moves).max() > 1e-6:
        return np.zeros(3)
    rotation, _ = rigid_motion(before.astype(np.float64), (before + moves).astype(np.float64))
    return rotation.as_rotvec()
