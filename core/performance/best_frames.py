"""The frames of a clip from which a head is made: a straight one, and sharp ones from the sides.

The clip is looked through once, at some ten frames a second. While the face is seen, the face mesh tells its turn.
Turned further, no face is found; then the head has gone on turning to where it was going, and a profile lies in the
middle of that time, which ends with the face coming back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..photo.findings import pose_of
from ..photo.landmarks import EYE_OUTLINES
from ..photo.sides import AUTO, LEFT, RIGHT
from ..progress import Reporter
from ..video.clip import Clip
from ..video.types import ClipError
from .tracker import FaceTracker
from .types import SeenFace

LOOKS_A_SECOND, MOST_LOOKS = 12.0, 160
LONGEST_SIDE = 1280
"""Of frames that are looked through; those that are chosen are taken whole."""
STRAIGHT = 12.0
"""Degrees of turn that a portrait may have without counting as turned."""
BANDS = ((25.0, 42.0), (42.0, 65.0))
"""Degrees to each side of which one frame each is taken."""
GONE_FROM = 40.0
"""Degrees from which a face that is lost has turned away, and was not hidden."""
PROFILE_SECONDS = 0.12, 2.5
"""How long it may be gone for a profile to be in the middle."""
OPEN_EYES = 0.18
"""Height over width of an eye that is open."""
SHARP_WEIGHT, EYES_WEIGHT, SMILE_WEIGHT, NOD_WEIGHT = 12.0, 60.0, 40.0, 1.0
"""What half the sharpness, a closed eye, an open mouth and a degree of nodding cost, in degrees of turn."""


@dataclass(frozen=True)
class BestFrame:
    """A frame to make a head of.

    Attributes:
        time: Seconds in the clip.
        yaw: Degrees by which the face is turned, to the person's left positive; beyond what is seen, a guess.
        side: As photos' sides are named: "left" and "right" for profiles, else "auto".
        sharpness: Comparable within the clip; 0 for profiles.
    """

    time: float
    yaw: float
    side: str
    sharpness: float


@dataclass(frozen=True)
class _Look:
    """What a frame shows, if a face."""

    time: float
    yaw: float = np.nan
    pitch: float = 0.0
    sharpness: float = 0.0
    eyes: float = 0.0
    mouth: float = 0.0

    @property
    def seen(self) -> bool:
        return bool(np.isfinite(self.yaw))


def best_frames(clip: Clip, reporter: Reporter, *, start: float = 0.0, end: float = np.inf) -> tuple[BestFrame, ...]:
    """Choose frames: the portrait first, then those from the sides, as far as the head turns.

    Args:
        clip: The clip.
        reporter: Progress by frames.
        start: Second from which on they are chosen.
        end: Second until which.

    Raises:
        ClipError: no face was found ("no-face-in-clip").
        Cancelled: cancelled through the reporter.
    """
    looks = list(_looks(clip, reporter, start, end))
    seen = [look for look in looks if look.seen]
    if not seen:
        raise ClipError(
            f"No face was found in {clip.facts.path.name}.",
            "Choose a clip in which somebody looks into the camera, then turns the head.",
            code="no-face-in-clip",
        )
    sharp = float(np.percentile([look.sharpness for look in seen], 90))
    portrait = min(seen, key=lambda look: _cost(look, 0.0, sharp))
    chosen = [BestFrame(portrait.time, portrait.yaw, AUTO, portrait.sharpness)]
    for low, high in BANDS:
        for sign in (1, -1):
            band = [look for look in seen if low <= sign * look.yaw < high]
            if band:
                best = min(band, key=lambda look: _cost(look, sign * (low + high) / 2, sharp))
                chosen.append(BestFrame(best.time, best.yaw, AUTO, best.sharpness))
    return (*chosen, *_profiles(looks))


def _looks(clip: Clip, reporter: Reporter, start: float, end: float) -> Iterator[_Look]:
    seconds = min(end, clip.facts.seconds) - start
    step = max(1 / LOOKS_A_SECOND, seconds / MOST_LOOKS)
    reporter.stage("Looking for the best frames", max(1, round(seconds / step)))
    tracker, due = FaceTracker(), start
    for frame in clip.frames(start, end, LONGEST_SIDE):
        if frame.time < due - 1e-6:
            continue
        due = frame.time + step
        seen = tracker.track(frame)
        reporter.step()
        if seen is None:
            yield _Look(frame.time)
            continue
        yaw, pitch = pose_of(seen.landmarks)
        yield _Look(frame.time, yaw, pitch, seen.sharpness, _openness(seen), _mouth(seen))


def _openness(seen: SeenFace) -> float:
    """Return the height over the width of the eye that is more closed."""
    found = []
    for outline in EYE_OUTLINES:
        eye = seen.landmarks.points[list(outline), :2]
        across = eye[8] - eye[0]
        width = float(np.linalg.norm(across))
        away = (eye - eye[0]) @ np.array([-across[1], across[0]]) / max(width, 1e-6)
        found.append(float(np.ptp(away)) / max(width, 1e-6))
    return min(found)


def _mouth(seen: SeenFace) -> float:
    """Return how far the mouth is open, in widths of the mouth."""
    points = seen.landmarks.points[:, :2]
    return float(np.linalg.norm(points[13] - points[14]) / max(float(np.linalg.norm(points[61] - points[291])), 1e-6))


def _cost(look: _Look, yaw: float, sharp: float) -> float:
    """Return how little a frame is wished for, in degrees."""
    blurred = max(0.0, float(np.log2(max(sharp, 1e-9) / max(look.sharpness, 1e-9))))
    closed = max(0.0, 1 - look.eyes / OPEN_EYES)
    return (
        abs(look.yaw - yaw)
        + NOD_WEIGHT * abs(look.pitch)
        + SHARP_WEIGHT * blurred
        + EYES_WEIGHT * closed
        + SMILE_WEIGHT * look.mouth
    )


def _profiles(looks: Sequence[_Look]) -> Iterator[BestFrame]:
    """Find the middles of times at which a face had turned away, the longest to each side."""
    gone: dict[int, tuple[float, float]] = {}
    last: _Look | None = None
    for look in looks:
        if not look.seen:
            continue
        if last is not None and abs(last.yaw) > GONE_FROM and abs(look.yaw) > GONE_FROM and last.yaw * look.yaw > 0:
            length, sign = look.time - last.time, int(np.sign(look.yaw))
            if PROFILE_SECONDS[0] < length < PROFILE_SECONDS[1] and length > gone.get(sign, (0.0, 0.0))[0]:
                gone[sign] = length, (look.time + last.time) / 2
        last = look
    for sign, (_, middle) in sorted(gone.items(), reverse=True):
        # Who looks to the own left shows the camera the right side.
        yield BestFrame(middle, 90.0 * sign, RIGHT if sign > 0 else LEFT, 0.0)
