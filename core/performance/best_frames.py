"""The frames of a clip from which a head is made: a straight one, and sharp ones from the sides.

The clip is looked through once, at some ten frames a second. While the face is seen, the face mesh tells its turn.
Turned further, no face is found; then the head has gone on turning to where it was going. If the face comes back on the
same side, a profile lies in the middle of that time; if it comes back on the other side, the head or the camera went
all the way round, and shows the back; if it does not come back, its speed tells when it was square to the camera.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from ..photo.findings import pose_of
from ..photo.landmarks import EYE_OUTLINES, crop_around
from ..photo.sampling import Square
from ..photo.sides import AUTO, BACK, LEFT, RIGHT
from ..photo.types import FaceBox
from ..progress import Reporter
from ..video.clip import Clip
from ..video.cuts import CutDetector
from ..video.types import NoFace
from .tracker import FaceTracker, box_of, sharpness_in, start_of
from .types import SeenFace

LOOKS_A_SECOND = 12.0
MOST_SECONDS = 60.0
"""That are looked through: whoever films a head being turned is done by then."""
LONGEST_SIDE = 1280
"""Of frames that are looked through; those that are chosen are taken whole."""
BANDS = ((25.0, 42.0), (42.0, 65.0))
"""Degrees to each side of which one frame each is taken."""
GONE_FROM = 30.0
"""Degrees from which a face that is lost has turned away, and was not hidden."""
EDGE_SECONDS = 0.4
"""Before and after it is gone, in which the face mesh may not tell the turn right any more."""
GONE_SECONDS = 0.12, 2.5
"""How long it may be gone, and have been on its way to a profile and back."""
ROUND_SECONDS = 12.0
"""How long it may be gone, and have been on its way round."""
LEAVING_FROM = 20.0
"""Degrees from which on a turn's speed is taken."""
PROFILE = 90.0
SAME_PLACE, SAME_TURN = 0.25, 30.0
"""Crops and degrees by which a face may have moved and turned since the look before, and be the same."""
NEAR_SECONDS = 0.15
"""From a profile's middle, within which the sharpest frame is taken."""
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
        side: As photos' sides are named: "left" and "right" for profiles, "back" from behind, else "auto".
        sharpness: Comparable within the clip.
        face: Where the face is in it, in pixels of the clip; None where it isn't seen.
    """

    time: float
    yaw: float
    side: str
    sharpness: float
    face: FaceBox | None = None


@dataclass(frozen=True)
class BestFrames:
    """What was chosen of a clip.

    Attributes:
        frames: The portrait first, then those from the sides.
        reach: Degrees by which the face is seen turned at most, to the person's right and to the left, 0 or more each.
        notes: What a person should know, a sentence each.
    """

    frames: tuple[BestFrame, ...]
    reach: tuple[float, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Look:
    """What a frame shows, if a face."""

    time: float
    yaw: float = np.nan
    pitch: float = 0.0
    sharpness: float = 0.0
    eyes: float = 0.0
    mouth: float = 0.0
    shot: int = 0
    face: FaceBox | None = None

    @property
    def seen(self) -> bool:
        return bool(np.isfinite(self.yaw))


def best_frames(
    clip: Clip, reporter: Reporter, *, start: float = 0.0, end: float = np.inf, whom: FaceBox | None = None
) -> BestFrames:
    """Choose frames: the portrait first, then those from the sides, as far as the head turns.

    Of a clip with cuts, those of one shot are taken: the one in which the face is seen turned furthest.

    Args:
        clip: The clip.
        reporter: Progress by frames.
        start: Second from which on they are chosen.
        end: Second until which.
        whom: Whose: the face where it is first seen in that part, in pixels of the clip; None takes the largest.
            Frames in which somebody who was chosen of several isn't seen are not taken: others may be.

    Raises:
        ClipError: the part holds nothing ("empty-part"), or no face was found ("no-face-in-clip").
        Cancelled: cancelled through the reporter.
    """
    name, notes = clip.facts.path.name, []
    clip.check_part(start, end)
    last = min(end, start + MOST_SECONDS)
    if last < min(end, clip.facts.seconds):
        notes.append(f"Only {MOST_SECONDS:.0f} seconds of {name} were looked through: choose the part that turns.")
    tracker = FaceTracker(start_of(whom, clip.facts.size, LONGEST_SIDE))
    shots = [list(looks) for _, looks in groupby(_looks(clip, tracker, reporter, start, last), lambda each: each.shot)]
    seeing = [looks for looks in shots if any(look.seen for look in looks)]
    if not seeing:
        raise NoFace(clip.facts.path, "Choose a clip in which somebody looks into the camera, then turns the head.")
    looks = max(seeing, key=lambda each: sum(_reach(each)))
    if len(seeing) > 1:
        span = f"{looks[0].time:.1f} to {looks[-1].time:.1f} s"
        notes.append(f"{name} has cuts: the frames are from the part that turns furthest, {span}.")
    if tracker.others and whom is None:
        notes.append(f"There are several faces in {name}: the largest was taken.")
    return BestFrames(tuple(_best(looks, whom is None)), _reach(looks), tuple(notes))


def _reach(looks: Sequence[_Look]) -> tuple[float, float]:
    """Return by how much the face is turned at most, to the person's right and left."""
    turns = [look.yaw for look in looks if look.seen]
    return max(0.0, -min(turns)), max(0.0, *turns)


def _best(looks: Sequence[_Look], takes_unseen: bool) -> Iterator[BestFrame]:
    seen = [look for look in looks if look.seen]
    sharp = float(np.percentile([look.sharpness for look in seen], 90))
    portrait = min(seen, key=lambda look: _cost(look, 0.0, sharp))
    yield BestFrame(portrait.time, portrait.yaw, AUTO, portrait.sharpness, portrait.face)
    for low, high in BANDS:
        for sign in (1, -1):
            band = [look for look in seen if low <= sign * look.yaw < high and look is not portrait]
            if band:
                best = min(band, key=lambda look: _cost(look, sign * (low + high) / 2, sharp))
                yield BestFrame(best.time, best.yaw, AUTO, best.sharpness, best.face)
    if takes_unseen:
        yield from _unseen(looks)


def _looks(clip: Clip, tracker: FaceTracker, reporter: Reporter, start: float, end: float) -> Iterator[_Look]:
    seconds = min(end, clip.facts.seconds) - start
    reporter.stage("Looking for the best frames", max(1, round(seconds * LOOKS_A_SECOND)))
    due, shot, cuts, crop = start, 0, CutDetector(), Square(0, 0, 1)
    is_cut, last = False, None
    for frame in clip.frames(start, end, LONGEST_SIDE):
        is_cut = cuts.is_cut(frame.rgb) or is_cut
        if frame.time < due - 1e-6:
            continue
        due = frame.time + 1 / LOOKS_A_SECOND
        if is_cut or last is None:
            # Looks are far apart: each of them looks for a face that is gone, not every third.
            tracker.forget(is_cut=is_cut)
        seen = tracker.track(frame)
        if is_cut and not _goes_on(last, seen):
            shot += 1
        is_cut, last = False, seen
        reporter.step()
        if seen is None:
            # How sharp the head is that has turned away, where the face was.
            yield _Look(frame.time, sharpness=sharpness_in(frame.rgb, crop), shot=shot)
            continue
        crop = crop_around(seen.landmarks)
        yaw, pitch = pose_of(seen.landmarks)
        face = box_of(seen.landmarks).scaled(clip.facts.size[0] / seen.size[0])
        yield _Look(frame.time, yaw, pitch, seen.sharpness, _openness(seen), _mouth(seen), shot, face)


def _goes_on(last: SeenFace | None, seen: SeenFace | None) -> bool:
    """Return whether a face is where it was: the picture changed because the head turned fast."""
    if last is None or seen is None:
        return False
    before, now = crop_around(last.landmarks), crop_around(seen.landmarks)
    moved = float(np.hypot(now.x - before.x, now.y - before.y)) / before.side
    turned = abs(pose_of(seen.landmarks)[0] - pose_of(last.landmarks)[0])
    return moved < SAME_PLACE and turned < SAME_TURN


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


def _unseen(looks: Sequence[_Look]) -> Iterator[BestFrame]:
    """Find profiles and backs in the times at which a face had turned away: of each, what is surest."""
    found: dict[str, tuple[float, BestFrame]] = {}
    for before, gone, after in _gaps(looks):
        if before is None and after is None:
            continue
        for time, yaw, side, doubt in _turns_between(looks, before, gone, after):
            near = [look for look in gone if abs(look.time - time) <= NEAR_SECONDS]
            if near and (side not in found or doubt < found[side][0]):
                best = max(near, key=lambda look: look.sharpness)
                found[side] = doubt, BestFrame(best.time, yaw, side, best.sharpness)
    for _, (_, frame) in sorted(found.items()):
        yield frame


def _gaps(looks: Sequence[_Look]) -> Iterator[tuple[_Look | None, list[_Look], _Look | None]]:
    """Yield the times without a face, with the last look that saw it before and the first after, if any."""
    before: _Look | None = None
    runs = [(seen, list(run)) for seen, run in groupby(looks, lambda look: look.seen)]
    for place, (seen, run) in enumerate(runs):
        if seen:
            before = _edge(run[::-1])
            continue
        yield before, run, _edge(runs[place + 1][1]) if place + 1 < len(runs) else None


def _edge(run: Sequence[_Look]) -> _Look:
    """Return the first of some looks, as far turned as those next to it tell."""
    near = [look.yaw for look in run if abs(look.time - run[0].time) <= EDGE_SECONDS]
    return replace(run[0], yaw=max(near, key=abs))


def _turns_between(
    looks: Sequence[_Look], before: _Look | None, gone: Sequence[_Look], after: _Look | None
) -> Iterator[tuple[float, float, str, float]]:
    """Yield (second, degrees, side, doubt) of what a head showed while its face was gone."""
    if before is not None and after is not None:
        length = after.time - before.time
        if min(abs(before.yaw), abs(after.yaw)) < GONE_FROM or length < GONE_SECONDS[0]:
            return
        if before.yaw * after.yaw > 0:
            if length < GONE_SECONDS[1]:
                sign = float(np.sign(before.yaw))
                yield (before.time + after.time) / 2, PROFILE * sign, _side(sign), 0.0
        elif length < ROUND_SECONDS:
            speed = (360 - abs(before.yaw) - abs(after.yaw)) / length
            for one, way in ((before, 1), (after, -1)):
                sign = float(np.sign(one.yaw))
                yield one.time + way * (PROFILE - abs(one.yaw)) / speed, PROFILE * sign, _side(sign), 1.0
            yield (before.time + after.time) / 2, 180.0, BACK, 1.0
        return
    edge, way = (before, 1) if before is not None else (after, -1)
    assert edge is not None
    if abs(edge.yaw) < GONE_FROM:
        return
    speed = _speed(looks, edge, way)
    if speed:
        sign = float(np.sign(edge.yaw))
        time = edge.time + way * (PROFILE - abs(edge.yaw)) / speed
        time = min(time, gone[-1].time) if way > 0 else max(time, gone[0].time)
        yield time, PROFILE * sign, _side(sign), 2.0


def _speed(looks: Sequence[_Look], edge: _Look, way: int) -> float:
    """Return degrees a second at which a face turned away or, with -1 as ``way``, back; 0 where that is not told."""
    sign = float(np.sign(edge.yaw))
    for look in sorted(looks, key=lambda each: abs(each.time - edge.time)):
        if look.seen and way * (edge.time - look.time) > 0 and sign * look.yaw < LEAVING_FROM:
            return float(sign * (edge.yaw - look.yaw) / (way * (edge.time - look.time)))
    return 0.0


def _side(sign: float) -> str:
    # Who looks to the own left shows the camera the right side.
    return RIGHT if sign > 0 else LEFT
