"""Faces at rest, placed as those in a clip are: what is framed by them must not pump while somebody speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..head.pose import Pose
from ..photo.landmarks import EYE_OUTLINES, Landmarks

RIGID = [
    *(168, 6, 127, 356, 234, 454, 21, 251),
    *(outline[corner] for outline in EYE_OUTLINES for corner in (0, 8)),
]
"""Landmarks that no expression moves: bridge of the nose, temples and corners of the eyes."""
ENOUGH = 300
"""Frames of which the face at rest is the median."""


def at_rest(found: Sequence[Landmarks | None]) -> Iterator[Landmarks | None]:
    """Yield, for each frame of a clip, the landmarks that one person's face would have there at rest.

    Size, place and turn are those of the upper face. So they are independent of the mouth, which the size of a face
    from forehead to chin is not.

    Args:
        found: Landmarks of each frame; None where there is no face.
    """
    seen = [landmarks.points for landmarks in found if landmarks is not None]
    if not seen:
        yield from found
        return
    some = [points.astype(np.float64) for points in seen[:: max(1, len(seen) // ENOUGH)]]
    # Begun with the face in the middle; the median of all that is laid onto it is nobody's grimace.
    face = some[len(some) // 2]
    for _ in range(2):
        face = np.median([_pose(points, face).apply(points) for points in some], axis=0)
    for landmarks in found:
        if landmarks is None:
            yield None
        else:
            yield Landmarks(_pose(face, landmarks.points).apply(face).astype(np.float32), landmarks.score)


def _pose(face: np.ndarray, points: np.ndarray) -> Pose:
    """Return the similarity that leads the upper part of one face [468, 3] to that of another."""
    return Pose.between(face[RIGID], points[RIGID].astype(np.float64), np.ones(len(RIGID)))
