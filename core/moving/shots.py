"""A clip as the photos of one head: its best frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..engines.capture import FURTHER, PORTRAIT, Capture, Shot
from ..engines.shot_options import ShotOptions
from ..performance.best_frames import BestFrame, BestFrames, best_frames
from ..photo.decode import Photo, from_array
from ..photo.prepare import find_faces
from ..photo.sides import AUTO
from ..photo.types import FaceBox
from ..progress import Reporter
from ..video.clip import Clip, open_clip

FEW = 5
"""Frames that a head is made of: on a clip of a scan that turns, six were slower and worse than five or four."""
NOT_STRAIGHT = 20.0
"""Degrees by which a portrait may be turned without a word."""
ALIKE = 8.0
"""Degrees between frames of which one is enough."""


def capture_of_clip(
    path: Path,
    reporter: Reporter,
    *,
    start: float = 0.0,
    end: float = np.inf,
    whom: FaceBox | None = None,
    most: int = FEW,
) -> tuple[Capture[Photo], tuple[str, ...]]:
    """Return a clip's best frames as what a head is made from, and sentences for the user.

    Args:
        path: The clip.
        reporter: Progress by frames.
        start: Second of the clip from which on frames are taken.
        end: Second until which.
        whom: Whose, as of :func:`~core.performance.best_frames.best_frames`.
        most: Frames at most.

    Raises:
        ClipError: it can't be read, or shows no face.
        Cancelled: cancelled through the reporter.
    """
    with open_clip(path) as clip:
        best = best_frames(clip, reporter, start=start, end=end, whom=whom)
        chosen = _chosen(best.frames, most)
        shots = [_shot(clip, frame, PORTRAIT if not number else FURTHER) for number, frame in enumerate(chosen)]
        return Capture(tuple(shots)), (*clip.notes, *best.notes, *_notes(best, chosen))


def name_of(path: Path, frame: BestFrame) -> str:
    """Return the name of a frame's picture: the clip's, and the moment."""
    return f"{path.stem} {frame.time:07.2f}s.png"


def _chosen(frames: tuple[BestFrame, ...], most: int) -> list[BestFrame]:
    """Return the portrait, then frames as far apart as they come."""
    taken, left = [frames[0]], list(frames[1:])
    while left and len(taken) < most:
        apart = [min(_between(frame, other) for other in taken) for frame in left]
        # Of profiles little is known: a turn that is seen goes before.
        worth = [distance - (15.0 if frame.side != AUTO else 0.0) for distance, frame in zip(apart, left, strict=True)]
        best = int(np.argmax(worth))
        if apart[best] < ALIKE:
            break
        taken.append(left.pop(best))
    return taken


def _between(one: BestFrame, other: BestFrame) -> float:
    """Return degrees between two frames' turns, the shorter way round."""
    apart = abs(one.yaw - other.yaw)
    return min(apart, 360 - apart)


def _shot(clip: Clip, frame: BestFrame, role: str) -> Shot[Photo]:
    rgb = clip.frame_at(frame.time).rgb
    face = None if frame.face is None else _index_of(frame.face, rgb)
    photo = from_array(rgb, name_of(clip.facts.path, frame))
    return Shot(photo, ShotOptions(side=frame.side, face=face), role=role)


def _index_of(face: FaceBox, rgb: np.ndarray) -> int | None:
    """Return which of a frame's faces one is, largest first; None where it is alone."""
    boxes = [box for box, _ in find_faces(rgb)]
    if len(boxes) < 2:
        return None
    return int(np.argmin([np.hypot(*np.subtract(box.center, face.center)) for box in boxes]))


def _notes(best: BestFrames, chosen: list[BestFrame]) -> tuple[str, ...]:
    notes, (right, left), straight = [], best.reach, abs(chosen[0].yaw)
    if straight > NOT_STRAIGHT:
        notes.append(
            f"Nobody looks into the camera in this clip: the straightest face is turned by {straight:.0f} degrees."
        )
    if len(chosen) == 1:
        notes.append(
            f"The head never turns more than {max(right, left):.0f} degrees in this clip: its sides are invented, "
            "as from one photo."
        )
    return tuple(notes)
