"""The faces of heads, as capture needs them."""

from __future__ import annotations

import numpy as np

from ..avatar.anatomy import vertex_groups
from ..avatar.base_mesh import BaseMesh
from ..avatar.joints import EYEBALLS, rigid_motion, sphere_center
from ..head.model import vertex_normals
from .types import PersonFace


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


def _turn(before: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return the rotation vector [3] by which points [N, 3] turn."""
    if not np.abs(moves).max() > 1e-6:
        return np.zeros(3)
    rotation, _ = rigid_motion(before.astype(np.float64), (before + moves).astype(np.float64))
    return rotation.as_rotvec()
