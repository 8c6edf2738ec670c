"""Whose faces a clip shows: to choose the one to follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..photo.faces import detect_faces
from ..photo.landmarks import detect_landmarks
from ..photo.sampling import Square, sample_square
from ..photo.types import FaceBox
from ..progress import Reporter
from ..video.clip import Clip
from ..video.types import ClipError, NoFace
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
Somebody = TypeVar("Somebody")
PICTURE, AROUND = 192, 2.0
"""Side of somebody's picture in pixels, and in faces."""


@dataclass(eq=False)
class _Seen:
    """Somebody who was seen, last at ``box``."""

    first: FaceBox
    box: FaceBox
    time: float
    picture: np.ndarray
    count: int = 1


def people_in(clip: Clip, reporter: Reporter, *, start: float = 0.0, end: float = np.inf) -> tuple[PersonInClip, ...]:
    """Return who is in a clip, those who are seen long and large first.

    Args:
        clip: The clip.
        reporter: Progress by frames.
        start: Second of the clip from which on it is looked through.
        end: Second until which.

    Raises:
        ClipError: the part holds nothing ("empty-part"), or no face was found ("no-face-in-clip").
        Cancelled: cancelled through the reporter.
    """
    clip.check_part(start, end)
    frame_time = 1 / clip.facts.frame_rate
    moments = np.linspace(start, max(start, min(end, clip.facts.seconds) - frame_time), SAMPLE)
    moments = np.unique(np.floor(moments / frame_time + 1e-6)) * frame_time
    reporter.stage("Looking who is in the clip", len(moments))
    seen: list[_Seen] = []
    for frame in clip.frames_at(moments, LONGEST_SIDE):
        _take(seen, frame.rgb, frame.time)
        reporter.step()
    people = [one for one in seen if one.count >= LEAST_SHARE * len(moments)] or seen
    if not people:
        raise NoFace(clip.facts.path)
    scale = max(clip.facts.size) / min(max(clip.facts.size), LONGEST_SIDE)
    people.sort(key=lambda one: -one.count * one.first.size)
    return tuple(
        PersonInClip(one.first.scaled(scale), one.time, one.count / len(moments), one.picture) for one in people
    )


def chosen(people: Sequence[Somebody], number: int, path: Path) -> Somebody:
    """Return somebody of a clip by number, from 1.

    Raises:
        ClipError: there are not so many ("no-such-person").
    """
    if not 1 <= number <= len(people):
        count = "one person" if len(people) == 1 else f"{len(people)} people"
        raise ClipError(
            f"There is no person {number} in {path.name}: {count} can be followed.",
            "Choose a lower number.",
            code="no-such-person",
        )
    return people[number - 1]


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
            square = Square(*box.center, AROUND * box.size)
            seen.append(_Seen(box, box, time, sample_square(rgb, square, PICTURE)))


def _apart(one: FaceBox, other: FaceBox) -> float:
    """Return the distance of two faces in faces, of place and size."""
    distance = float(np.hypot(*np.subtract(one.center, other.center))) / max(one.size, other.size)
    return distance + abs(float(np.log(one.size / other.size)))
