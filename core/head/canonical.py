"""Undoes a fitted head's rotation."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ..geometry.ramps import smooth_step
from .pose import Pose

NOISE = np.radians(5.0)
"""Angles up to this are the estimate's noise and are left alone."""
CERTAIN = np.radians(12.0)
"""Angles from this on are undone in full."""


def head_angles(pose: Pose) -> np.ndarray:
    """Return pitch, roll and yaw [3] of a fitted head in radians.

    The head's rotation is Rz(yaw) Ry(roll) Rx(pitch) in world axes: positive yaw turns the face
    to +x, positive roll leans the crown to +x, positive pitch lowers the gaze.
    """
    yaw, roll, pitch = Rotation.from_matrix(pose.rotation).as_euler("ZYX")
    return np.array([pitch, roll, yaw])


def certain_angles(pose: Pose) -> np.ndarray:
    """Return how much of pitch, roll and yaw [3] is certain, in radians.

    Nothing of an angle up to :data:`NOISE`, all from :data:`CERTAIN`, in between by a smooth step, so that a slightly
    wrong estimate never tilts a straight head.
    """
    angles = head_angles(pose)
    return angles * smooth_step(np.abs(angles), NOISE, CERTAIN)


def undo_rotation(pose: Pose) -> np.ndarray:
    """Return the rigid world transformation [4, 4] that makes the head look along -Y, upright.

    Each angle is undone as far as it is certain (:func:`certain_angles`). The head's centre
    (``pose.translation``) is the pivot and stays in place.
    """
    kept = Rotation.from_euler("ZYX", (head_angles(pose) - certain_angles(pose))[::-1]).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3] = kept @ pose.rotation.T
    matrix[:3, 3] = pose.translation - matrix[:3, :3] @ pose.translation
    return matrix
