"""Keeps the shoulders level under a turned head: the neck takes up the difference."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ..geometry.ramps import smooth_step
from .canonical import certain_angles, head_angles
from .model import HeadModel
from .pose import Pose

NECK_PIVOT = np.array([0.0, 0.03, -0.11])
"""Metres in the model's frame: the upper neck, about which a head turns on its shoulders."""
NECK_TOP, NECK_BASE = -0.075, -0.19
"""Heights in metres, at the pivot's depth, between which the turn fades from the head's to the torso's."""
NECK_SLOPE = 0.35
"""Rise per metre towards the back of both planes: the neck leans forward."""
CARRIED_FORWARD = 0.016
"""Metres by which people carry their heads further before the shoulders than the model's upright stance does: half of
what the usual angle from the seventh vertebra to the ear, 50 degrees against the model's 62, would ask for, since
people sit up for portraits."""
TORSO_YAW_SHARE = 0.2
"""Of the head's yaw that the shoulders follow. Roll they don't follow at all, and pitch as far as it is certain: a
head that nods is mostly one that a camera held high or low looks at, which sees the shoulders just so."""


def level_shoulders(model: HeadModel, vertices: np.ndarray, pose: Pose) -> np.ndarray:
    """Return posed vertices [V, 3] with neck and torso turned back under the head.

    Args:
        model: The head model.
        vertices: [V, 3] in the world, posed rigidly by ``pose``.
        pose: The head's pose.
    """
    _, _, yaw = head_angles(pose)
    pitch, _, _ = certain_angles(pose)
    torso = Rotation.from_euler("ZX", [TORSO_YAW_SHARE * yaw, pitch])
    difference = (torso * Rotation.from_matrix(pose.rotation).inv()).as_rotvec()
    height = model.mean[:, 2] - NECK_SLOPE * (model.mean[:, 1] - NECK_PIVOT[1])
    share = smooth_step(height, NECK_TOP, NECK_BASE)
    pivot = pose.apply(NECK_PIVOT)
    moved = share > 0
    turns = Rotation.from_rotvec(share[moved, None] * difference)
    result = vertices.copy()
    result[moved] = turns.apply(vertices[moved] - pivot) + pivot
    backwards = torso.as_matrix()[:, 1] * CARRIED_FORWARD * pose.scale
    result += share[:, None] * backwards
    return result
