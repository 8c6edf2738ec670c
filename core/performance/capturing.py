"""Captures a face from a clip: its frames are followed, solved and steadied, and become a recording."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..avatar.recording import Recording
from ..avatar.turns import from_turns
from ..errors import Cancelled
from ..photo.landmarks import ATTENTION_MESH
from ..photo.types import FaceBox
from ..progress import Reporter
from ..system.ahead import Ahead
from ..video.clip import Clip, open_clip
from ..video.cuts import CutDetector
from ..video.types import Frame, NoFace
from .faces import ARKIT_AXES, eye_turns
from .identify import Person, identify
from .preview import preview_png
from .smoothing import steadied, steadied_turns
from .solver import Moment
from .tracker import FaceTracker, start_of
from .types import Capture, CaptureOptions, PersonFace, SeenFace

logger = logging.getLogger(__name__)

SAMPLE = 32
"""Frames from all over the clip by which person and lens are found."""
LONGEST_SIDE = 1920
"""Larger frames are reduced: the networks see faces with 192 pixels."""
PREVIEW_SECONDS = 0.25
CAMERA_AXES = np.diag([1.0, -1.0, -1.0])
"""Turns a camera's axes (right, down, forward) to those of a head that looks into it."""
STILL_SECONDS = 0.2
"""A clip shorter than that is taken for a picture."""
LONG_SECONDS = 600.0
"""Captures longer than that make many keyframes, which is told."""
SHUT = 0.8
"""Of a blink, at which lids are shut: the networks hardly ever see them closed all the way."""
CLOSED = 0.6
"""Of a blink, from which on the eye itself isn't seen: it goes on looking where it did."""


@dataclass(eq=False)
class _Found:
    """What was found so far. An hour of video is 70 megabytes."""

    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    expressions: list[np.ndarray] = field(default_factory=list)
    rotations: list[np.ndarray] = field(default_factory=list)
    missing: int = 0
    cuts: int = 0
    people: int = 1

    def take(self, seen: SeenFace, moment: Moment) -> None:
        self.frames.append(seen.number)
        self.times.append(seen.time)
        self.expressions.append(moment.expression.astype(np.float32))
        self.rotations.append(moment.rotation)


def capture(path: Path, face: PersonFace | None, options: CaptureOptions, reporter: Reporter) -> Capture:
    """Capture a clip.

    Cancelling ends the capture there, and what was done until then is returned.

    Args:
        path: Video, picture of a numbered sequence, or a folder of one.
        face: The avatar's face where it is the same person's; None finds the face of whoever it is.
        options: Which part of the clip, and how.
        reporter: Stages, progress by frames, and previews "frame".

    Raises:
        ClipError: the clip can't be read, or shows no face ("no-face-in-clip").
        Cancelled: cancelled before the first face was solved.
    """
    looking, capturing = reporter.parts(1, 6)
    with open_clip(path) as clip:
        part = options.start, options.end
        clip.check_part(*part)
        start = start_of(options.whom, clip.facts.size, LONGEST_SIDE)
        found, is_complete = _Found(), True
        person = _person(clip, face, options, part, start, found, looking)
        try:
            _follow(clip, person, part, start, found, capturing)
        except Cancelled:
            is_complete = False
            if not found.frames:
                raise
        if not found.frames:
            raise NoFace(path)
        return _finished(clip, person, options, found, is_complete)


def _person(
    clip: Clip,
    face: PersonFace | None,
    options: CaptureOptions,
    part: tuple[float, float],
    start: FaceBox | None,
    found: _Found,
    reporter: Reporter,
) -> Person:
    begin, end = part[0], min(part[1], max(clip.facts.seconds, part[0]))
    moments = np.linspace(begin, max(begin, end - 0.5 / clip.facts.frame_rate), SAMPLE)
    if options.neutral >= 0:
        moments = np.append(moments, np.clip(options.neutral, begin, end))
    moments = np.unique(np.floor(moments * clip.facts.frame_rate + 1e-6)) / clip.facts.frame_rate
    reporter.stage("Looking through the clip", len(moments) + 1)
    tracker, seen = FaceTracker(start, ATTENTION_MESH), []
    for frame in clip.frames_at(moments, LONGEST_SIDE):
        # Frames are far apart: nothing is followed, but whoever was chosen stays preferred.
        tracker.forget(is_cut=False)
        one = tracker.track(frame)
        if one is not None:
            seen.append(one)
        found.people = max(found.people, tracker.others + 1)
        reporter.step()
    if not seen:
        # A face that is small or turned most of the time: the first of all frames will do.
        seen = [one for _, one in zip(range(1), _faces_of(clip, part, start), strict=False)]
    if not seen:
        raise NoFace(clip.facts.path)
    person = identify(seen, face, options, reporter.check)
    reporter.step()
    return person


def _faces_of(clip: Clip, part: tuple[float, float], start: FaceBox | None) -> Iterator[SeenFace]:
    tracker = FaceTracker(start, ATTENTION_MESH)
    for frame in clip.frames(*part, LONGEST_SIDE):
        one = tracker.track(frame)
        if one is not None:
            yield one


def _follow(
    clip: Clip, person: Person, part: tuple[float, float], start: FaceBox | None, found: _Found, reporter: Reporter
) -> None:
    """Solve all frames of a part; what is found is there even when it ends early."""
    frames = max(1, round((min(part[1], clip.facts.seconds) - part[0]) * clip.facts.frame_rate))
    reporter.stage("Capturing the face", frames)
    solver, before, shown = None, None, 0.0
    with Ahead(_tracked(clip, part, FaceTracker(start, ATTENTION_MESH))) as row:
        for frame, seen, is_cut in row:
            if is_cut:
                found.cuts += 1
            if seen is None:
                found.missing += 1
                before = None
            else:
                solver = solver or person.solver(seen.size)
                before = solver.solve(seen, None if is_cut else before)
                found.take(seen, before)
            now = time.monotonic()
            if now - shown > PREVIEW_SECONDS:
                shown = now
                reporter.preview("frame", preview_png(frame.rgb, seen))
            reporter.step()
    reporter.finish()


def _tracked(
    clip: Clip, part: tuple[float, float], tracker: FaceTracker
) -> Iterator[tuple[Frame, SeenFace | None, bool]]:
    cuts = CutDetector()
    with Ahead(clip.frames(*part, LONGEST_SIDE)) as frames:
        for frame in frames:
            is_cut = cuts.is_cut(frame.rgb)
            if is_cut:
                tracker.forget()
            yield frame, tracker.track(frame), is_cut


def _finished(clip: Clip, person: Person, options: CaptureOptions, found: _Found, is_complete: bool) -> Capture:
    times = np.array(found.times)
    names = person.face.names
    rotations = steadied_turns(times, np.array(found.rotations), options.steadiness)
    steady = steadied(times, _shutting(np.array(found.expressions), names), names, options.steadiness)
    values = _holding_gaze(steady, names)
    turns = Rotation.from_matrix(CAMERA_AXES.T @ rotations @ ARKIT_AXES.T)
    recording = Recording(
        times=times - times[0],
        names=names,
        values=values,
        rotations={"head": from_turns(turns), **eye_turns(person.face, values)},
    )
    notes = tuple(_notes(clip, found, options, is_complete, float(times[-1] - times[0])))
    facts = clip.facts
    return Capture(
        recording,
        np.array(found.frames),
        is_complete,
        person.lens_degrees,
        facts.frame_rate,
        facts.has_sound,
        notes,
    )


def _shutting(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return coefficients [T, E] in which lids that are seen shut are shut."""
    blinks = [place for place, name in enumerate(names) if name.startswith("eyeBlink")]
    values = values.copy()
    values[:, blinks] = np.minimum(values[:, blinks] / SHUT, 1)
    return values


def _holding_gaze(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return coefficients [T, E] whose gazes are held from before to after a closed eye."""
    values = values.copy()
    for side in ("Left", "Right"):
        open_ = np.flatnonzero(values[:, names.index(f"eyeBlink{side}")] < CLOSED)
        if not len(open_):
            continue
        for column in (names.index(f"eyeLook{way}{side}") for way in ("In", "Out", "Up", "Down")):
            values[:, column] = np.interp(np.arange(len(values)), open_, values[open_, column])
    return values


def _notes(clip: Clip, found: _Found, options: CaptureOptions, is_complete: bool, seconds: float) -> Iterator[str]:
    yield from clip.notes
    count = len(found.frames)
    if not is_complete:
        yield f"Stopped: {seconds:.1f} s were captured."
    if count == 1 or seconds < STILL_SECONDS:
        yield "The clip is a picture: its expression was taken over, nothing moves."
    if found.people > 1 and options.whom is None:
        yield f"{found.people} people are in the clip: the largest face was followed. Choose another by its number."
    if found.missing:
        whose = "no face" if options.whom is None else "nothing of the chosen face"
        yield f"{found.missing:,} of {found.missing + count:,} frames show {whose}: left out."
    if found.cuts:
        cuts = "one cut" if found.cuts == 1 else f"{found.cuts} cuts"
        yield f"The clip has {cuts}: the face was looked for anew, and may jump or be somebody else's there."
    if seconds > LONG_SECONDS:
        yield f"{seconds / 60:.0f} minutes are many keyframes: capture parts of the clip if Blender becomes slow."
