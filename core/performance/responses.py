"""How the networks see a face move.

The networks see less than what happens: lids that close move their points by half of the way, brows by a third. What
counts for a solve is therefore not how the expressions move a face but how they move what is seen of it. That was
learned from rendered heads with known expressions and turns (``tests/tools/responses.py``), and so was what else moves
the points: the side from which they are seen, and light, hair and the crop. The last have a few strong patterns, which
are solved for with each frame and thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .types import PersonFace, SeenFace

DATA_FILE = Path(__file__).with_name("data") / "responses.npz"
MESH_POINTS, EYE_POINTS = 468, 72
"""Points of the face mesh network; of the iris network for each eye: 71 of lids and brow, then the iris' centre."""
YAW_UNIT, PITCH_UNIT = 0.5, 0.3
"""Radians by which the turns are divided in the patterns of view."""
FARTHEST_VIEW = 1.6
"""Of these units, beyond which patterns of view are not continued: nothing was learned there."""


@dataclass(frozen=True, eq=False)
class Responses:
    """What moves the P points: those of the face mesh, then the left eye's, then the right eye's.

    Attributes:
        anchors: [2, 72] int32 landmarks of the face mesh that lie as deep as the points of the left and right eye.
        moves: [E, P, 3] float64 metres in the head model's axes, by which each expression at full strength moves them.
        views: [V, P, 2] float64 metres in the picture's plane, by the terms of :func:`view_terms`.
        offsets: [P, 3] float64 metres from where the head model has them to where they are seen, on average.
        spread: [3] float64 metres by which that differs from person to person: to the side, to the back, up.
        modes: [M, P, 2] float64 metres in the picture's plane, patterns of noise of one standard deviation.
        variance: [P, 2] float64 square metres of the noise that is left.
    """

    anchors: np.ndarray
    moves: np.ndarray
    views: np.ndarray
    offsets: np.ndarray
    spread: np.ndarray
    modes: np.ndarray
    variance: np.ndarray

    def of_points(self, of_landmarks: np.ndarray) -> np.ndarray:
        """Return values [P, ...] of the points from those [468, ...] of the landmarks where they begin."""
        return np.concatenate([of_landmarks, of_landmarks[self.anchors[0]], of_landmarks[self.anchors[1]]])

    def mean(self, face: PersonFace) -> np.ndarray:
        """Return where the points of a person's neutral face are seen on average, [P, 3] metres."""
        return self.of_points(face.mean.astype(np.float64)) + self.offsets


@lru_cache(maxsize=1)
def load_responses() -> Responses:
    """Return what was learned; the file is read once."""
    with np.load(DATA_FILE, allow_pickle=False) as data:
        names = ("moves", "views", "offsets", "spread", "modes", "variance")
        return Responses(data["anchors"].astype(np.int32), *(data[name].astype(np.float64) for name in names))


def view_terms(rotation: np.ndarray) -> np.ndarray:
    """Return the terms [V] of a head's turn against the camera on which patterns of view depend.

    Args:
        rotation: [3, 3] from the head model's axes to the camera's.
    """
    forward = -rotation[:, 1]
    yaw = np.arctan2(forward[0], -forward[2]) / YAW_UNIT
    pitch = np.arcsin(np.clip(forward[1], -1, 1)) / PITCH_UNIT
    yaw, pitch = np.clip([yaw, pitch], -FARTHEST_VIEW, FARTHEST_VIEW)
    return np.array([yaw, pitch, yaw * yaw, pitch * pitch, yaw * pitch, yaw**3])


def points_of(seen: SeenFace) -> np.ndarray:
    """Return the points [P, 2] of a face in pixels, NaN where an eye was too small to be seen."""
    eyes = [np.concatenate([lids, iris[None, :2]]) for lids, iris in zip(seen.lids, seen.irises, strict=True)]
    return np.concatenate([seen.landmarks.points[:, :2], *eyes]).astype(np.float64)
