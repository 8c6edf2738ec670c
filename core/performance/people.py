"""Whose faces a clip shows: to choose the one to follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..photo.faces import detect_faces
from ..photo.landmarks import detect_landmarks
from ..photo.types import FaceBox
from ..progress import Reporter
from ..video.clip import Clip
from ..video.types import NoFace
from .tracker import SURE_SCORE
from .types import PersonInClip

SAMPLE = 40
"""Frames that are looked at."""
LONGEST_SIDE = 1280
LEVELS = 2
"""Of windows in which faces are looked for: those that are large enough to be captured."""
NEAR = 1.0
"""Distance in faces up to which a face is the one that was there before."""
LEAST_SHARE = 0.08
"""Of the frames, in which somebody must be seen; less are passers-by and mistakes."""


@dataclass(eq=False)
class _Seen:
    """Somebody who was seen, last at ``box``."""

    first: FaceBox
    box: FaceBox
    time: float
    count: int = 1


def people_in(clip: Clip, reporter: Reporter) -> tuple[PersonInClip, ...]:
    """Return who is in a clip, those who are seen long and large first.

    Args:
        clip: The clip.
        reporter: Progress by frames.

    Raises:
        ClipError: no face was found ("no-face-in-clip").
        Cancelled: cancelled through the reporter.
    """
    moments = np.unique(np.linspace(0, max(0.0, clip.facts.seconds - 1 / clip.facts.frame_rate), SAMPLE))
    reporter.stage("Looking who is in the clip", len(moments))
    seen: list[_Seen] = []
    for moment in moments:
        frame = clip.frame_at(float(moment), LONGEST_SIDE)
        _take(seen, frame.rgb, float(moment))
        reporter.step()
    people = [one for one in seen if one.count >= LEAST_SHARE * len(moments)] or seen
    if not people:
        raise NoFace(clip.facts.path)
    scale = max(clip.facts.size) / min(max(clip.facts.size), LONGEST_SIDE)
    people.sort(key=lambda one: -one.count * one.first.size)
    return tuple(PersonInClip(one.first.scaled(scale), one.time, one.count / len(moments)) for one in people)


def _take(seen: list[_Seen], rgb: np.ndarray, time: float) -> None:
    """Add the faces of a frame to who was seen before, by their places."""
    waiting = list(seen)
    for box in detect_faces(rgb, LEVELS):
        if detect_landmarks(rgb, box).score < SURE_SCORE:
            continue
        before = min(waiting, key=lambda one: _apart(one.box, box), default=None)
        if before is not None and _apart(before.box, box) < NEAR:
            waiting.remove(before)
            before.box, before.count = box, before.count + 1
        else:
            seen.append(_Seen(box, box, time))


def _apart(one: FaceBox, other: FaceBox) -> float:
    """Return the distance of two faces in faces, of place and size."""
    distance = float(np.hypot(*np.subtract(one.center, other.center))) / max(one.size, other.size)
    return distance + abs(float(np.log(one.size / other.size)))
