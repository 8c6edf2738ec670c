"""At which height cameras went around a head, and which way was up: what a photo from behind does not tell itself.

From behind, a head's outline is about the same from a little above and a little below. But people are photographed
by cameras held level, all around at about one height. Two lengths of one stick are unknown: how much the head nods
(and how far the fit's nod is off), and how high the cameras were. A frontal photo sees their sum, a profile the nod
alone, as a tilt of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cameras import Camera
from ..head.pose import Pose

TILT_DEVIATION = np.radians(3.0)
"""How level cameras are held."""
HEIGHT_DEVIATION = np.radians(3.0)
"""How far one photo's camera is from the others' height, as an angle seen from the head."""
COMMON_DEVIATION = np.radians(6.0)
"""How far all of them are above or below the head."""
NOD_DEVIATION = np.radians(6.0)
"""How far the fitted head's up is from the photo's."""


@dataclass(frozen=True, eq=False)
class Level:
    """Which way was up, [3] unit vector in the fit's frame, and how high the cameras were: radians above the head."""

    up: np.ndarray
    height: float

    @classmethod
    def of(cls, cameras: Sequence[Camera], pose: Pose) -> Level:
        """Return what is most probable for cameras placed around a head.

        Args:
            cameras: In the frame in which the head has ``pose``.
            pose: The head's.
        """
        right, back, up = pose.rotation.T
        # The unknowns: how far up leans to the head's right and back, and the height.
        rows, targets = [], []
        for camera in cameras:
            for axis, own, deviation in ((0, 0.0, TILT_DEVIATION), (2, 1.0, HEIGHT_DEVIATION)):
                way = camera.c2w[:3, axis]
                rows.append(np.array([way @ right, way @ back, own]) / deviation)
                targets.append(-(way @ up) / deviation)
        rows += list(np.diag([1 / NOD_DEVIATION, 1 / NOD_DEVIATION, 1 / COMMON_DEVIATION]))
        targets += [0.0] * 3
        lean_right, lean_back, height = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
        leaning = up + lean_right * right + lean_back * back
        return cls(leaning / np.linalg.norm(leaning), float(height))

    def rotation_from(self, camera: Camera, pose: Pose, turn: float) -> np.ndarray:
        """Return the rotation [3, 3] that the head has in a camera's own world, seen from a side.

        Args:
            camera: In its own world.
            pose: The head's in the fit's frame.
            turn: Degrees by which the camera went around the head from its front, to the head's right.
        """
        ahead = -pose.rotation[:, 1]
        ahead = ahead - (ahead @ self.up) * self.up
        ahead /= np.linalg.norm(ahead)
        aside = np.cross(self.up, ahead)
        angle = np.radians(turn)
        # Towards the camera is aside by the turn: the person's right is the picture's left of who faces it.
        towards = np.cos(angle) * ahead - np.sin(angle) * aside
        forward = -np.cos(self.height) * towards - np.sin(self.height) * self.up
        right = np.cross(forward, self.up)
        right /= np.linalg.norm(right)
        placed = np.stack([right, np.cross(forward, right), forward], axis=1)
        rotation: np.ndarray = camera.c2w[:3, :3] @ placed.T @ pose.rotation
        return rotation
