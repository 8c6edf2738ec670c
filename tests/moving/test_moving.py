"""A clip becomes a head a frame: steady, resumable, and not stopped by a bad frame."""

import json
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from core import formats
from core.command_line.cli import main
from core.engines.registry import create_engine
from core.errors import Cancelled, FaceLiftError, PhotoError
from core.moving import pictures
from core.moving.at_rest import RIGID, at_rest
from core.moving.framing import Framed, framing_of, wanted_frames
from core.moving.making import make_moving
from core.moving.manifest import recipe_of
from core.moving.pictures import aligned_frames
from core.moving.shots import capture_of_clip
from core.photo.alignment import reference_box
from core.photo.edits import Crop
from core.photo.landmarks import Landmarks
from core.photo.prepare import find_faces
from core.photo.sides import AUTO
from core.photo.types import FaceBox
from core.processes.job import JobState
from core.progress import Reporter
from core.video.clip import Clip, open_clip
from core.video.types import ClipError, ClipFacts, Frame
from tests.helpers.clips import write
from tests.helpers.filmed import filmed_astronaut
from tests.helpers.gaussian import random_gaussians
from tests.helpers.photo import astronaut
from tests.helpers.worker import make_client, wait_for
from tests.tools.truth_clip import write_video

SIDE = 400


class Quick:
    """An engine that makes something at once; it refuses what it is told to."""

    def __init__(self, refuses=(), error=None):
        self.taken, self.refuses, self.pictures = [], refuses, {}
        self.error = error or PhotoError("This one is no good.", "Skip it.", code="bad-frame")

    def generate(self, capture, settings, reporter):
        photo = capture.portrait.photo
        assert capture.portrait.options.aligned and photo.rgba.shape == (512, 512, 4)
        self.taken.append(photo.name)
        self.pictures[photo.name] = photo.rgba
        if photo.name in self.refuses:
            raise self.error
        return type("Result", (), {"gaussians": random_gaussians(50)})()


class Pictures(Clip):
    """Frames in memory, with the times that they are given."""

    def __init__(self, times, rate, picture=None):
        super().__init__()
        self.times, self.picture = times, picture or (lambda number: np.zeros((8, 8, 3), np.uint8))
        self.facts = ClipFacts(Path("clip.mp4"), (SIDE, SIDE), len(times) / rate, rate, len(times), False)

    def frames(self, start=0.0, end=np.inf, longest_side=None):
        for number, time in enumerate(self.times):
            if start <= time <= end:
                yield Frame(number, time, self.picture(number))

    def frame_at(self, seconds, longest_side=None):
        raise NotImplementedError


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """Her photo for half a second, with a camera's noise."""
    rng = np.random.default_rng(0)
    photo = astronaut()[:360, 60:420].astype(np.int16)
    noisy = [np.clip(photo + rng.normal(0, 6, photo.shape), 0, 255).astype(np.uint8) for _ in range(10)]
    path = tmp_path_factory.mktemp("still") / "still.mp4"
    write_video(path, noisy, (360, 360), 20)
    return path


@pytest.fixture
def quick_mattes(monkeypatch):
    """Mattes at once, for tests of what becomes of the pictures."""
    matte = np.zeros((360, 360), np.float32)
    matte[60:, 90:270] = 1
    monkeypatch.setattr(pictures, "estimate_matte", lambda rgb, landmarks: matte)


def recipe(path, **more):
    return recipe_of(path, "draft", {}, rate=20.0, **more)


def make(path, folder, engine, reporter=None, **more):
    return make_moving(path, folder, recipe(path, **more), engine, {}, reporter or Reporter())


def shift(one, other):
    """Return by how many pixels (x, y), and what share in size, a face moved from one aligned picture to another."""
    one, other = (ndimage.gaussian_filter(photo.rgba[..., :3].mean(axis=2), 2) for photo in (one, other))
    face = np.s_[190:380, 160:345]
    down, across = np.gradient(one)
    rows, columns = np.mgrid[:512, :512]
    growth = across * (columns - 256) + down * (rows - 280)
    terms = np.stack([part[face].ravel() for part in (across, down, growth)], axis=1)
    return np.linalg.lstsq(terms, (one - other)[face].ravel(), rcond=None)[0]


def test_crops_and_mattes_of_a_still_face_are_still(still):
    with open_clip(still) as clip:
        framed = framing_of(clip, Reporter(), rate=20.0)
        found = list(aligned_frames(clip, framed, range(1, 6), Reporter(), rate=20.0, start=0.0, end=np.inf))
    squares = np.array([one.crop.square((360, 360)) for one in framed])
    corners = np.hstack([squares[:, :2], squares[:, :2] + squares[:, 2:]])
    assert len(framed) == 10 and np.abs(np.diff(corners, axis=0)).max() < 0.2, (
        "pixels of the frame, from one to the next"
    )
    mattes = np.stack([photo.rgba[..., 3].astype(int) for _, photo in found])
    assert np.abs(np.diff(mattes, axis=0)).mean() < 1


def test_a_head_that_drifts_by_parts_of_a_pixel_stays_where_it_is():
    photo = astronaut()
    face = find_faces(photo)[0][1]
    box = reference_box(face)

    def square(number):
        return 40 + 0.13 * number, 0.21 * number, 440 - 0.11 * number

    def picture(number):
        left, top, side = square(number)
        part = (left, top, left + side, top + side)
        return np.asarray(Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.BICUBIC, part))

    clip, framed = Pictures([number / 30 for number in range(6)], 30.0, picture), []
    for number, time in enumerate(clip.times):
        left, top, side = square(number)
        zoom = SIDE / side
        edges = [
            (edge - low) * zoom for edge, low in zip((box.x0, box.y0, box.x1, box.y1), (left, top) * 2, strict=True)
        ]
        seen = face.transformed((zoom,) * 3, (-left * zoom, -top * zoom))
        framed.append(Framed(number + 1, time, Crop.of_box((SIDE, SIDE), FaceBox(*edges, 1.0)), seen))
    found = aligned_frames(clip, framed, range(1, 7), Reporter(), rate=30.0, start=0.0, end=np.inf)
    first, *others = (aligned for _, aligned in found)
    moves = np.array([shift(first, other) for other in others])
    assert np.abs(moves[:, :2]).max() < 0.05 and np.abs(moves[:, 2]).max() < 5e-4


@pytest.mark.parametrize(
    ("times", "rate", "wanted", "taken"),
    [
        # Matroska and WebM note milliseconds.
        ([0.0, 0.033, 0.067, 0.1, 0.133, 0.167], 30.0, 30.0, [0, 1, 2, 3, 4, 5]),
        # A phone's frames come when they come.
        ([0.0, 0.02, 0.08, 0.1, 0.15], 30.0, 30.0, [0, 1, 2, 3, 4]),
        ([number / 30 for number in range(7)], 30.0, 15.0, [0, 2, 4, 6]),
        ([number / 30 for number in range(7)], 30.0, 20.0, [0, 2, 3, 5, 6]),
        ([round(number / 30, 3) for number in range(7)], 30.0, 10.0, [0, 3, 6]),
    ],
)
def test_frames_are_taken_at_the_rate_that_is_asked_for(times, rate, wanted, taken):
    found = [frame.number for _, frame in wanted_frames(Pictures(times, rate), wanted, 0.0, np.inf)]
    assert found == taken


def uneven_times(seed, count):
    """Return times as a phone gives them in changing light: 15 to 30 frames a second, trembling, with a stop."""
    rng = np.random.default_rng(seed)
    steps = 1 / np.interp(np.arange(count), [0, 0.4 * count, 0.6 * count, count], [30, 30, 15, 24])
    steps[count // 2] = 1.5
    return [0.0, *np.cumsum(steps * rng.uniform(0.6, 1.4, count)).tolist()]


@pytest.mark.parametrize("wanted", [60.0, 24.0, 12.0])
@pytest.mark.parametrize("seed", range(3))
def test_heads_of_uneven_frames_keep_up_with_the_sound(seed, wanted):
    times = uneven_times(seed, 600)
    rate = len(times) / times[-1]
    heads = min(wanted, rate)
    found = list(wanted_frames(Pictures(times, rate), heads, 0.0, np.inf))
    late = [(number - 1) / heads - frame.time for number, frame in found]
    assert np.abs(late).max() * heads < 1 + 1e-6
    assert (np.diff([number for number, _ in found]) > 0).all()
    if heads == rate:
        assert len(found) > 0.8 * len(times), "as good as all of them"


def test_where_a_clip_stands_still_its_head_stays(tmp_path, quick_mattes):
    path = tmp_path / "uneven.mkv"
    photo = np.ascontiguousarray(astronaut()[:360, 60:420])
    write(path, 6, times=[0, 100, 200, 600, 700, 800], size=(360, 360), picture=lambda number, size: photo)
    engine = Quick()
    made = make(path, tmp_path / "heads", engine)
    names = [file.name[-9:-4] for file in sorted((tmp_path / "heads").glob("*.spz"))]
    numbers = [int(name) for name in names]
    assert made.made == len(engine.taken) < len(numbers) and numbers == list(range(1, numbers[-1] + 1))
    stays = [(tmp_path / "heads" / f"uneven_{number:05}.spz").read_bytes() for number in numbers]
    held = next(number for number in numbers if f"frame {number}" not in engine.taken)
    assert stays[held - 1] == stays[held - 2]
    (tmp_path / "heads" / f"uneven_{held:05}.spz").unlink()
    again = Quick()
    assert make(path, tmp_path / "heads", again).made == 0 and not again.taken
    assert (tmp_path / "heads" / f"uneven_{held:05}.spz").read_bytes() == stays[held - 2]


def test_faces_at_rest_have_the_place_and_size_of_their_upper_part():
    face = find_faces(astronaut())[0][1]
    opened = face.points.copy()
    opened[np.setdiff1d(np.flatnonzero(opened[:, 1] > np.median(opened[:, 1])), RIGID), 1] += 25
    farther = Landmarks(opened, 1.0).transformed((1.5, 1.5, 1.5), (30.0, -8.0))
    closed, absent, there, _ = at_rest([face, None, farther, face])
    assert absent is None and np.abs(closed.points - face.points).max() < 0.01
    assert np.abs(there.points - face.transformed((1.5, 1.5, 1.5), (30.0, -8.0)).points).max() < 0.02
    assert list(at_rest([None, None])) == [None, None]


def test_an_open_mouth_does_not_change_the_size_of_the_crop():
    filmed = filmed_astronaut()
    with open_clip(filmed.path) as clip:
        framed = framing_of(clip, Reporter(), rate=30.0)
    size = np.array([one.crop.size for one in framed])
    jaw = filmed.truth.values[:, filmed.truth.names.index("jawOpen")]
    whole = np.array([Crop.of_box((480, 360), reference_box(one.landmarks)).size for one in framed])

    def growth(sizes):
        return sizes[jaw > 0.5 * jaw.max()].mean() / sizes[jaw < 0.1 * jaw.max()].mean() - 1

    assert jaw.max() > 0.5 and growth(whole) > 0.03, "the face itself grows"
    assert abs(growth(size)) < 0.01


def test_frames_without_a_face_have_the_crops_between(monkeypatch):
    clip = filmed_astronaut().path
    with open_clip(clip) as opened:
        whole = framing_of(opened, Reporter(), rate=30.0, end=0.5)
    from core.performance.tracker import FaceTracker

    track = FaceTracker.track
    monkeypatch.setattr(FaceTracker, "track", lambda self, frame: None if 4 <= frame.number < 8 else track(self, frame))
    with open_clip(clip) as opened:
        gaps = framing_of(opened, Reporter(), rate=30.0, end=0.5)
        found = list(aligned_frames(opened, gaps, [5, 6], Reporter(), rate=30.0, start=0.0, end=0.5))
    apart = np.abs([np.subtract(one.crop.values(), two.crop.values()) for one, two in zip(whole, gaps, strict=True)])
    assert apart.max() * 512 / whole[0].crop.size < 4
    assert all(one.landmarks is None for one, _ in found)
    assert all(0.15 < (photo.rgba[..., 3] > 128).mean() < 0.8 for _, photo in found)


def test_frames_are_numbered_files_and_a_second_start_makes_what_is_missing(still, tmp_path):
    engine = Quick()
    made = make(still, tmp_path, engine, end=0.2)
    assert made.made == 5 and made.first == tmp_path / "still_00001.spz" and not made.failed
    assert made.frame_rate == 20.0 and len(formats.load(made.first)) == 50
    (tmp_path / "still_00003.spz").unlink()
    again = Quick()
    made = make(still, tmp_path, again, end=0.2)
    assert made.made == 1 and made.there == 4 and again.taken == ["frame 3"]
    assert np.array_equal(again.pictures["frame 3"], engine.pictures["frame 3"]), "as if it had never stopped"
    with pytest.raises(FaceLiftError, match="made otherwise: end"):
        make(still, tmp_path, Quick(), end=0.4)


def test_damaged_and_half_files_are_made_anew(still, tmp_path, quick_mattes):
    make(still, tmp_path, Quick(), end=0.2)
    half, damaged = tmp_path / "still_00002.spz", tmp_path / "still_00004.spz"
    half.write_bytes(half.read_bytes()[:100])
    damaged.write_bytes(bytes(damaged.stat().st_size))
    again = Quick()
    made = make(still, tmp_path, again, end=0.2)
    assert made.made == 2 and again.taken == ["frame 2", "frame 4"]
    assert len(formats.load(half)) == len(formats.load(damaged)) == 50


def test_another_clip_of_the_same_name_is_not_mixed_in(still, tmp_path, quick_mattes):
    make(still, tmp_path / "heads", Quick(), end=0.1)
    other = tmp_path / still.name
    other.write_bytes(still.read_bytes())
    assert make(other, tmp_path / "heads", Quick(), end=0.1).made == 0, "a copy is the same clip"
    data = bytearray(still.read_bytes())
    data[len(data) // 2] ^= 1
    other.write_bytes(data)
    with pytest.raises(FaceLiftError, match="made otherwise: digest") as caught:
        make(other, tmp_path / "heads", Quick(), end=0.1)
    assert caught.value.code == "other-sequence"


def test_where_an_engine_runs_is_no_part_of_how_heads_are_made(still):
    plain = recipe_of(still, "facelift", {}, rate=20.0)
    here = {"low_memory": True, "checkpoint": "/somewhere", "device": "cpu", "acceleration": "off"}
    assert recipe_of(still, "facelift", {"steps": 50, **here}, rate=20.0) == plain
    assert recipe_of(still, "facelift", {"steps": 20}, rate=20.0) != plain


def test_bad_frames_are_told_however_many(still, tmp_path, quick_mattes):
    refuses = [f"frame {number}" for number in range(2, 9)]
    made = make(still, tmp_path, Quick(refuses))
    assert made.made == 3 and list(made.failed) == [2, 3, 4, 5, 6, 7, 8] and "no good" in made.failed[2]
    assert any(note.startswith("Frames without a head: 7 (2, 3, 4, 5, 6, 7, 8).") for note in made.notes)
    assert list(json.loads((tmp_path / "sequence.json").read_text())["failed"]) == list("2345678")
    again = make(still, tmp_path, Quick())
    assert again.made == 7 and not again.failed
    assert json.loads((tmp_path / "sequence.json").read_text())["failed"] == {}


def test_what_is_not_in_the_frames_ends_it_and_keeps_what_is_done(still, tmp_path, quick_mattes):
    refuses = [f"frame {number}" for number in range(2, 9)]
    with pytest.raises(FaceLiftError, match="3 frames in a row gave no head: Something went wrong inside") as caught:
        make(still, tmp_path / "bug", Quick(refuses, RuntimeError("a bug")))
    assert caught.value.code == "internal" and (tmp_path / "bug" / "still_00001.spz").is_file()
    assert make(still, tmp_path / "once", Quick(["frame 3"], RuntimeError("a bug")), end=0.2).made == 4
    lost = Quick(["frame 3"], RuntimeError("CUDA error: unspecified launch failure"))
    with pytest.raises(FaceLiftError, match="graphics driver") as caught:
        make(still, tmp_path / "lost", lost)
    assert caught.value.code == "card-lost" and lost.taken[-1] == "frame 3"
    with pytest.raises(FaceLiftError, match="No frame gave a head"):
        make(still, tmp_path / "none", Quick([f"frame {number}" for number in range(1, 11)]))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_ends_it_and_keeps_what_is_done(still, tmp_path, quick_mattes):
    (tmp_path / "still_00003.spz").symlink_to("/dev/full")
    with pytest.raises(FaceLiftError) as caught:
        make(still, tmp_path, Quick())
    assert caught.value.code == "disk-full" and "still_00003.spz" in caught.value.message
    assert "What was made is kept" in caught.value.advice
    assert len(formats.load(tmp_path / "still_00002.spz")) == 50
    (tmp_path / "still_00003.spz").unlink()
    assert make(still, tmp_path, Quick()).made == 8


def test_a_stop_keeps_what_is_done(still, tmp_path, quick_mattes):
    stop = threading.Event()

    def told(progress):
        if progress.stage == "Making the heads" and progress.step == 2:
            stop.set()

    with pytest.raises(Cancelled):
        make(still, tmp_path, Quick(), Reporter(told, cancel=stop))
    assert len(list(tmp_path.glob("*.spz"))) == 2


def test_a_worker_that_dies_in_the_middle_loses_nothing(still, tmp_path):
    client, folder = make_client(tmp_path), tmp_path / "heads"

    def begin(seconds):
        asked = {"rate": 20.0, "start": 0.0, "end": np.inf, "suffix": ".spz"}
        return client.moving(still, folder, "steps", {"steps": 1, "seconds": seconds}, **asked)

    try:
        job = begin(0.3)
        wait_for(client, lambda: len(list(folder.glob("*.spz"))) >= 2)
        os.kill(client.pid, signal.SIGKILL)
        wait_for(client, lambda: job.finished)
        assert job.state is JobState.FAILED and job.error.code == "worker-crashed"
        there = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.spz")}
        job = begin(0.3)
        wait_for(client, lambda: job.finished)
        assert job.state is JobState.DONE, job.error
        assert job.result["there"] == len(there) and job.result["made"] == 10 - len(there)
        assert all((folder / name).stat().st_mtime_ns == time for name, time in there.items())
        assert len(formats.load(job.result["first"])) == 100
    finally:
        client.close()


def test_a_folder_that_can_not_be_written_says_so(still, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FaceLiftError, match="could not be made"):
        make(still, tmp_path / "file" / "folder", Quick())


def test_parts_and_rates_that_hold_nothing_are_refused_in_words(still, tmp_path, capsys):
    with pytest.raises(ClipError, match="no frame from"):
        make(still, tmp_path / "late", Quick(), start=99.0)
    with pytest.raises(SystemExit):
        main(["generate", str(still), "--every-frame", "--frames-per-second", "0", "-o", str(tmp_path / "none")])
    assert "must be above 0" in capsys.readouterr().err


def test_draft_heads_of_a_clip(tmp_path):
    path = filmed_astronaut().path
    settings = {"quality": "low"}
    asked = recipe_of(path, "draft", settings, rate=30.0, end=0.05)
    made = make_moving(path, tmp_path, asked, create_engine("draft"), settings, Reporter())
    heads = [formats.load(tmp_path / f"astronaut_0000{number}.spz") for number in (1, 2)]
    assert made.made == 2 and not made.failed
    middles = [np.median(head.means, axis=0) for head in heads]
    assert np.abs(middles[1] - middles[0]).max() < 0.02


def test_the_best_frames_of_a_clip_make_a_head():
    capture, notes = capture_of_clip(filmed_astronaut().path, Reporter())
    assert capture.portrait.options.side == AUTO and capture.portrait.photo.rgba.shape[:2] == (270, 480)
    assert any("sides are invented" in note for note in notes)
    assert create_engine("draft").prepare(capture, {}, Reporter()).faces
