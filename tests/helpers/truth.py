"""Clips whose truth is known: what a head did in each frame, and against which camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from core.avatar.anatomy import vertex_groups
from core.avatar.base_mesh import BaseMesh
from core.avatar.joints import EYEBALLS, rigid_motion
from core.avatar.turns import from_turns

ARKIT_AXES = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Turns the head model's axes (left, back, up) into ARKit's: to the person's left, up, out of the face."""
CAMERA_AXES = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
"""Turns a camera's axes (right, down, forward) into those of a head that looks into it."""
FORWARD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class Truth:
    """What is to be seen in a clip. Angles are radians, counted as :mod:`core.avatar.turns` does.

    Attributes:
        times: [T] seconds.
        names: Of the expressions.
        values: [T, E] their coefficients 0..1.
        head: [T, 3] yaw, pitch and roll against the camera's axes; 0 looks along them, upright.
        eyes: [T, 2, 3] the same of the left and the right eye against the head; 0 is the face at rest.
        lens_degrees: Horizontal angle of view of the camera.
    """

    times: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    head: np.ndarray
    eyes: np.ndarray
    lens_degrees: float

    @property
    def gazes(self) -> np.ndarray:
        """[T, 2, 3] unit vectors in which the eyes look, in the head's axes: left, up, out of the face."""
        turns = Rotation.from_euler("YXZ", self.eyes.reshape(-1, 3))
        return turns.apply(FORWARD).reshape(-1, 2, 3)

    def save(self, path: Path) -> None:
        """Write it as NPZ."""
        fields = {name: getattr(self, name) for name in ("times", "values", "head", "eyes", "gazes", "lens_degrees")}
        np.savez_compressed(path, names=np.array(self.names), **fields)

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read what :meth:`save` wrote."""
        with np.load(path) as stored:
            fields = {name: stored[name] for name in ("times", "values", "head", "eyes")}
            names = tuple(str(name) for name in stored["names"])
            return cls(names=names, lens_degrees=float(stored["lens_degrees"]), **fields)


def head_turn(turned: np.ndarray, base: BaseMesh, c2w: np.ndarray) -> np.ndarray:
    """Return a head's yaw, pitch and roll [3] against a camera.

    Args:
        turned: [3, 3] rotation of the head's bone in the space of the mesh.
        base: The mesh.
        c2w: [4, 4] of the camera there, its first three columns orthonormal.
    """
    model_to_head = ARKIT_AXES.T
    seen = CAMERA_AXES.T @ c2w[:3, :3].T @ turned @ base.pose.rotation @ model_to_head
    return from_turns(Rotation.from_matrix(seen[None]))[0]


def eye_turns(base: BaseMesh, values: np.ndarray) -> np.ndarray:
    """Return by how much expressions [T, E] turn the left and the right eyeball of a mesh: [T, 2, 3]."""
    groups = vertex_groups(base.model)
    axes = ARKIT_AXES @ base.pose.rotation.T
    result = np.zeros((len(values), 2, 3))
    for side, name in enumerate(EYEBALLS):
        ball = groups[name]
        before = base.neutral[ball].astype(np.float64)
        moves = np.tensordot(values, base.expressions[:, ball], 1)
        turns = [rigid_motion(before, before + move)[0].as_matrix() for move in moves]
        result[:, side] = from_turns(Rotation.from_matrix(axes @ np.stack(turns) @ axes.T))
    return result
