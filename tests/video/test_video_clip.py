"""Clips as people have them are read as they are to be seen, or refused in words."""

import sys
import threading
import time
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from core.system.ahead import Ahead
from core.video.clip import open_clip
from core.video.cuts import CutDetector
from core.video.types import ClipError
from tests.helpers.clips import (
    PATCHES,
    SIZE,
    number_of,
    patches_of,
    ramp,
    repeated,
    write,
    write_cutout,
    write_from_browser,
    write_patches,
    write_sound,
)


def read(path, **part):
    with open_clip(path) as clip:
        return list(clip.frames(**part)), clip.facts, clip.notes


@pytest.mark.parametrize(
    ("codec", "pixels"), [("libx264", "yuv420p"), ("libx265", "yuv420p10le"), ("mpeg4", "yuv420p")]
)
def test_frames_come_in_order_with_their_times(tmp_path, codec, pixels):
    frames, facts, notes = read(write(tmp_path / "a.mp4", codec=codec, pixel_format=pixels))
    # Codecs lose a little.
    assert np.abs(np.array([number_of(frame.rgb) for frame in frames]) - np.arange(12)).max() <= 1
    assert np.allclose([frame.time for frame in frames], np.arange(12) / 30, atol=1e-3)
    assert facts.size == SIZE and facts.frame_rate == pytest.approx(30) and not facts.has_sound and not notes
    assert np.abs(frames[0].rgb[4, 4].astype(int) - (220, 30, 30)).max() < 25


def test_a_changing_frame_rate_is_kept(tmp_path):
    times = [0, 20, 40, 140, 160, 400]
    frames, _, _ = read(write(tmp_path / "a.mkv", 6, times=times))
    assert np.allclose([frame.time for frame in frames], np.array(times) / 1000, atol=2e-3)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_videos_of_turned_phones_are_upright(tmp_path, rotation):
    upright = np.rot90(ramp(3), rotation // 90)
    frames, facts, _ = read(write(tmp_path / "a.mp4", rotation=rotation))
    assert frames[3].rgb.shape == upright.shape and facts.size == upright.shape[1::-1]
    corners = [frames[3].rgb[y, x, 0] > 150 for y, x in ((2, 2), (2, -3), (-3, -3), (-3, 2))]
    assert sum(corners) == 1
    assert corners == [upright[y, x, 0] > 150 for y, x in ((2, 2), (2, -3), (-3, -3), (-3, 2))]


def test_pixels_become_square(tmp_path):
    frames, facts, _ = read(write(tmp_path / "a.mp4", aspect=Fraction(2, 1)))
    assert facts.size == (2 * SIZE[0], SIZE[1]) and frames[0].rgb.shape[:2] == (SIZE[1], 2 * SIZE[0])


@pytest.mark.parametrize("matrix", ["601", "709", "2020"])
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_those_that_the_file_means(tmp_path, matrix, full):
    path = write_patches(tmp_path / "a.mp4", matrix, full=full)
    for side in (None, 224):
        frames, _, _ = read(path, longest_side=side)
        assert np.abs(patches_of(frames[0].rgb) - PATCHES).max() < 6


@pytest.mark.parametrize("matrix", ["601", "709"])
def test_small_and_large_videos_that_say_nothing_have_their_usual_colours(tmp_path, matrix):
    frames, _, _ = read(write_patches(tmp_path / "a.mp4", matrix, told=False))
    assert np.abs(patches_of(frames[0].rgb) - PATCHES).max() < 6


@pytest.mark.parametrize("curve", ["pq", "hlg", "wide"])
def test_high_dynamic_ranges_and_wide_colours_are_brought_to_a_screens(tmp_path, curve):
    frames, _, _ = read(write_patches(tmp_path / "a.mp4", "2020", curve=curve))
    off = np.abs(patches_of(frames[1].rgb) - PATCHES).max(axis=1)
    # Colours at sRGB's edge are brought in a little by FFmpeg, greys and skin are not.
    assert off[3:].max() < 6 and off.max() < 25


def test_transparent_pictures_are_over_white(tmp_path):
    frames, _, _ = read(write_cutout(tmp_path / "a.mov"))
    assert (frames[0].rgb[10] == 200).all() and (frames[0].rgb[-10] == 255).all()


def test_odd_sizes_stay(tmp_path):
    frames, facts, _ = read(write(tmp_path / "a.mp4", size=(97, 65), pixel_format="yuv444p"))
    assert facts.size == (97, 65) and frames[0].rgb.shape == (65, 97, 3) and number_of(frames[5].rgb) == 5


def test_numbers_of_frames_are_never_the_same(tmp_path):
    frames, _, _ = read(write(tmp_path / "a.mp4", 8, times=[0, 20, 40, 140, 160, 400, 900, 910]))
    assert (np.diff([frame.number for frame in frames]) > 0).all() and len(frames) == 8


def test_a_video_that_begins_late_begins_at_zero_and_ends_in_time(tmp_path):
    times = [900 + 33 * number for number in range(8)]
    frames, facts, notes = read(write(tmp_path / "a.mkv", 8, times=times))
    assert len(frames) == 8 and frames[0].time == 0 and facts.seconds < 0.4 and not notes


def test_recordings_of_browsers_tell_their_length_by_their_frames(tmp_path):
    path = write_from_browser(tmp_path / "a.webm", 40)
    frames, facts, notes = read(path)
    assert len(frames) == facts.frames == 40 and not notes
    assert facts.seconds == pytest.approx(40 / 30, abs=0.04) and facts.frame_rate == pytest.approx(30, abs=0.5)
    with open_clip(path) as clip:
        assert [number_of(clip.frame_at(number / 30).rgb) for number in (35, 7, 0)] == [35, 7, 0]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_an_hour_of_video_is_opened_and_searched_at_once(tmp_path, suffix):
    piece = write(tmp_path / "piece.mp4", 50, size=(64, 48))
    path = repeated(tmp_path / f"hour.{suffix}", piece, 50 / 30, 2160)
    began = time.process_time()
    with open_clip(path) as clip:
        assert clip.facts.seconds == pytest.approx(3600, abs=0.1)
        for seconds in (1800.5, 3599.9, 10.0, 0.0):
            frame = clip.frame_at(seconds)
            assert frame.time == pytest.approx(seconds, abs=0.034)
            assert number_of(frame.rgb) == round(frame.time * 30) % 50
        assert [frame.number for frame in clip.frames(3000, 3000.1)] == [90000, 90001, 90002, 90003]
        assert next(iter(clip.frames())).time == 0
    # All of it takes some ten seconds.
    assert time.process_time() - began < 2


def test_without_a_decoder_it_is_said_who_has_one(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ClipError, match="macOS 14") as caught:
        open_clip(path)
    assert caught.value.code == "no-decoder"


def test_a_part_and_a_moment_are_found(tmp_path):
    path = write(tmp_path / "a.mp4", 50)
    frames, _, _ = read(path, start=0.5, end=0.7)
    assert [number_of(frame.rgb) for frame in frames] == list(range(15, 22))
    with open_clip(path) as clip:
        for seconds, number in ((0.0, 0), (1.0, 30), (0.99, 29), (99.0, 49), (0.34, 10)):
            assert number_of(clip.frame_at(seconds).rgb) == number
        assert max(clip.frame_at(0.2, 48).rgb.shape) == 48
        assert [frame.number for frame in clip.frames(0, 0.07)] == [0, 1, 2]


def test_sound_is_told_and_alone_refused(tmp_path):
    assert read(write(tmp_path / "a.mp4", sound=True))[1].has_sound
    with pytest.raises(ClipError, match="sound only"):
        open_clip(write_sound(tmp_path / "b.m4a"))


def test_damaged_files_are_read_as_far_as_they_go_or_refused(tmp_path):
    noise = np.random.default_rng(0)

    def busy(number, size):
        return noise.integers(0, 255, (size[1], size[0], 3), np.uint8)

    data = write(tmp_path / "a.mkv", 60, picture=busy).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) // 2])
    frames, _, notes = read(cut)
    assert 5 < len(frames) < 60 and "ends early" in " ".join(notes)
    for name, content in (
        ("none.mp4", b""),
        ("text.mp4", b"no video at all" * 50),
        ("half.mp4", b"\0\0\0\x20ftypisom"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ClipError, match="can't be read"):
            open_clip(tmp_path / name)
    with pytest.raises(ClipError, match="not there"):
        open_clip(tmp_path / "gone.mp4")


def test_numbered_pictures_are_a_clip_and_one_is_a_still(tmp_path):
    for number in (1, 2, 10):
        Image.fromarray(ramp(number)).save(tmp_path / f"face_{number}.png")
    Image.fromarray(ramp(5)).save(tmp_path / "other.png")
    with open_clip(tmp_path / "face_2.png", frame_rate=10.0) as clip:
        frames = list(clip.frames())
        assert [number_of(frame.rgb) for frame in frames] == [1, 2, 10]
        assert [frame.time for frame in frames] == [0.0, 0.1, 0.2] and not clip.notes
    frames, facts, _ = read(tmp_path / "other.png")
    assert len(frames) == facts.frames == 1
    (tmp_path / "face_2.png").write_bytes(b"broken")
    frames, _, notes = read(tmp_path / "face_1.png")
    assert len(frames) == 2 and any("face_2.png" in note for note in notes)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClipError, match="no pictures"):
        open_clip(tmp_path / "empty")


def test_cuts_are_told_from_motion_and_light():
    rng = np.random.default_rng(1)
    scene, other = (np.kron(rng.integers(0, 255, (9, 16, 3)), np.ones((20, 20, 1))).astype(np.uint8) for _ in range(2))
    moving = [np.roll(scene, 4 * step, axis=1) for step in range(8)]
    lit = [(scene * factor).astype(np.uint8) for factor in (1.0, 0.6, 0.3, 1.0)]
    detector = CutDetector()
    assert not any(detector.is_cut(picture) for picture in moving)
    assert not any(CutDetector().is_cut(picture) for picture in lit)
    detector = CutDetector()
    assert [detector.is_cut(picture) for picture in (*moving[:4], other, other)] == [False] * 4 + [True, False]


def test_work_ahead_stops_with_who_takes_it_and_passes_errors_on():
    made, ended = [], threading.Event()

    def items():
        try:
            for number in range(1000):
                made.append(number)
                yield number
        finally:
            ended.set()

    with Ahead(items()) as row:
        assert [next(row) for _ in range(3)] == [0, 1, 2]
    assert ended.is_set() and len(made) < 50

    def failing():
        yield 1
        raise ClipError("broken")

    with Ahead(failing()) as row, pytest.raises(ClipError, match="broken"):
        list(row)
