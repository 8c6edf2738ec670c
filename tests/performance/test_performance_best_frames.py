"""The frames of a clip that a head is made of: clips of a head of our own making that turns, whose turns are known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.cameras import Camera
from core.engines.capture import FURTHER, PORTRAIT
from core.errors import Cancelled
from core.moving.shots import capture_of_clip
from core.performance.best_frames import BestFrames, best_frames
from core.progress import Reporter
from core.rasterize.cpu import render
from core.video.clip import open_clip
from core.video.types import ClipError
from tests.helpers.draft import astronaut_head
from tests.helpers.filmed import still_clip
from tests.tools.truth_clip import write_video

FPS, SIDE, LENS = 15, 320, 35.0
BACKDROP = (0.55, 0.57, 0.6)
AWAY = tuple(range(0, 96, 8))
TO_AND_FRO = (0, 0, 0, *(-turn for turn in AWAY), *(-turn for turn in AWAY[::-1]), *AWAY)
"""Degrees to the person's left at each frame: a profile from which the head comes back, and one that ends the clip."""
SLIGHT = (-6, -4, -2, 0, 2, 4, 6)


def picture(turn: float) -> np.ndarray:
    # The camera goes round the other way.
    return render(astronaut_head()[0].gaussians, Camera.orbit(270 - turn, fov=LENS, size=SIDE), BACKDROP).to_uint8()


def filmed(path: Path, turns: Sequence[float], blurred: Sequence[int] = ()) -> Path:
    pictures = [picture(turn) for turn in turns]
    for number in blurred:
        shifted = [np.roll(pictures[number], shift, axis=1).astype(float) for shift in range(-6, 7)]
        pictures[number] = np.rint(np.mean(shifted, axis=0)).astype(np.uint8)
    write_video(path, pictures, (SIDE, SIDE), FPS)
    return path


def found_in(path: Path, **part) -> BestFrames:
    with open_clip(path) as clip:
        return best_frames(clip, Reporter(), **part)


@pytest.fixture(scope="module")
def turning(tmp_path_factory) -> Path:
    return filmed(tmp_path_factory.mktemp("clip") / "turning.mp4", TO_AND_FRO, blurred=[1])


def turn_at(time: float) -> float:
    return TO_AND_FRO[round(time * FPS)]


def test_the_portrait_is_straight_and_sharp(turning):
    portrait = found_in(turning).frames[0]
    assert abs(turn_at(portrait.time)) <= 12 and round(portrait.time * FPS) != 1
    assert portrait.side == "auto"


def test_frames_from_both_sides_are_found_beyond_the_face_mesh(turning):
    found = found_in(turning)
    sides = {frame.side: turn_at(frame.time) for frame in found.frames}
    # Who turns to the own right shows the camera the left side.
    assert -100 < sides["left"] < -70
    assert 70 < sides["right"] < 100
    seen = [(turn_at(frame.time), frame.yaw) for frame in found.frames[1:] if frame.side == "auto"]
    assert {np.sign(true) for true, _ in seen} == {-1, 1}
    assert all(true * yaw > 0 for true, yaw in seen)


def test_all_the_way_round_shows_the_back(tmp_path):
    turns = range(0, 361, 9)
    found = found_in(filmed(tmp_path / "round.mp4", turns))
    sides = {frame.side: turns[round(frame.time * FPS)] for frame in found.frames}
    assert 145 < sides["back"] < 215
    assert 65 < sides["right"] < 115 and 245 < sides["left"] < 295


def test_a_clip_becomes_a_capture_of_whole_frames(turning):
    capture, notes = capture_of_clip(turning, Reporter())
    assert [shot.role for shot in capture.shots] == [PORTRAIT, *[FURTHER] * (len(capture.shots) - 1)]
    assert 4 <= len(capture.shots) <= 5 and not notes
    assert all(photo.rgba.shape[:2] == (SIDE, SIDE) for photo in capture.photos)
    assert len({photo.name for photo in capture.photos}) == len(capture.photos)


def test_a_head_that_hardly_turns_says_so(tmp_path):
    capture, notes = capture_of_clip(filmed(tmp_path / "still.mp4", SLIGHT), Reporter())
    assert len(capture.shots) == 1
    assert any("never turns more than" in note for note in notes)


def test_after_a_cut_nothing_is_taken_for_a_turn(tmp_path):
    wall = [np.full((SIDE, SIDE, 3), shade, np.uint8) for shade in (40, 42, 44)]
    wall[1][:160], wall[0][:, :160], wall[2][:160] = 220, 200, 210
    away = [picture(turn) for turn in range(0, -50, -8)]
    write_video(tmp_path / "cut.mp4", [*away, *wall, *away[::-1]], (SIDE, SIDE), FPS)
    assert all(frame.side == "auto" for frame in found_in(tmp_path / "cut.mp4").frames)


def test_parts_of_a_clip_are_kept_to(turning):
    assert all(1.5 <= frame.time for frame in found_in(turning, start=1.5).frames)
    with pytest.raises(ClipError, match="holds nothing"):
        found_in(turning, start=50.0)


def test_no_face_and_cancelling(turning, tmp_path):
    with pytest.raises(ClipError, match="No face was found"):
        found_in(still_clip(tmp_path / "wall.mp4"))
    reporter = Reporter()
    reporter.cancel_event.set()
    with open_clip(turning) as clip, pytest.raises(Cancelled):
        best_frames(clip, reporter)
