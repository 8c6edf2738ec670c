"""Faces with the chin where a closed mouth has it: what is framed by it must not pump while somebody speaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..head.pose import Pose
from ..photo.landmarks import CHIN, EYE_OUTLINES, Landmarks

RIGID = (
    *(10, 151, 9, 168, 6, 197, 195, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 127, 356, 234, 454),
    *(outline[corner] for outline in EYE_OUTLINES for corner in (0, 8)),
)
"""Landmarks that the jaw does not move: forehead, bridge of the nose, temples and corners of the eyes."""


def chins_at_rest(found: Sequence[Landmarks | None]) -> list[Landmarks | None]:
    """Return the landmarks of one person's frames with the chin where it mostly is, seen from the upper face.

    Args:
        found: Of each frame; None where there is no face.
    """
    seen = [landmarks.points.astype(np.float64) for landmarks in found if landmarks is not None]
    if not seen:
        return list(found)
    weights = np.ones(len(RIGID))
    # The shape that all frames have in common, in the place of the one in the middle.
    shape = seen[len(seen) // 2][list(RIGID)]
    for _ in range(2):
        poses = [Pose.between(shape, points[list(RIGID)], weights) for points in seen]
        carried = [_back(pose, points) for pose, points in zip(poses, seen, strict=True)]
        shape = np.median([points[list(RIGID)] for points in carried], axis=0)
    chin = np.median([points[CHIN] for points in carried], axis=0)
    rest = iter(Pose.between(shape, points[list(RIGID)], weights).apply(chin) for points in seen)
    return [None if landmarks is None else _with_chin(landmarks, next(rest)) for landmarks in found]


def _back(pose: Pose, points: np.ndarray) -> np.ndarray:
    return (points - pose.translation) @ pose.rotation / pose.scale


def _with_chin(landmarks: Landmarks, chin: np.ndarray) -> Landmarks:
    points = landmarks.points.copy()
    points[CHIN] = chin
    return Landmarks(points, landmarks.score)
