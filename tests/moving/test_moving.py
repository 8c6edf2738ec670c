"""A clip becomes a head a frame: steady, resumable, and not stopped by a bad frame."""

import threading

import numpy as np
import pytest

from core import formats
from core.command_line.cli import main
from core.engines.registry import create_engine
from core.errors import Cancelled, FaceLiftError, PhotoError
from core.moving.framing import framing_of
from core.moving.making import make_moving, recipe_of
from core.moving.pictures import aligned_frames
from core.moving.shots import capture_of_clip
from core.photo.sides import AUTO
from core.progress import Reporter
from core.video.clip import open_clip
from tests.helpers.filmed import filmed_astronaut
from tests.helpers.gaussian import random_gaussians
from tests.helpers.photo import astronaut
from tests.tools.truth_clip import write_video


class Quick:
    """An engine that makes something at once; it refuses what it is told to."""

    def __init__(self, refuses=(), error=None):
        self.taken, self.refuses = [], refuses
        self.error = error or PhotoError("This one is no good.", "Skip it.", code="bad-frame")

    def generate(self, capture, settings, reporter):
        photo = capture.portrait.photo
        assert capture.portrait.options.aligned and photo.rgba.shape == (512, 512, 4)
        self.taken.append(photo.name)
        if photo.name in self.refuses:
            raise self.error
        return type("Result", (), {"gaussians": random_gaussians(50)})()


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """Her photo for half a second, with a camera's noise."""
    rng = np.random.default_rng(0)
    photo = astronaut()[:360, 60:420].astype(np.int16)
    noisy = [np.clip(photo + rng.normal(0, 6, photo.shape), 0, 255).astype(np.uint8) for _ in range(10)]
    path = tmp_path_factory.mktemp("still") / "still.mp4"
    write_video(path, noisy, (360, 360), 20)
    return path


def recipe(path, **more):
    return recipe_of(path, "draft", {}, rate=20.0, **more)


def test_crops_and_mattes_of_a_still_face_are_still(still):
    with open_clip(still) as clip:
        framed = framing_of(clip, Reporter(), rate=20.0)
        pictures = list(aligned_frames(clip, framed[:5], Reporter(), rate=20.0, start=0.0, end=np.inf))
    crops = np.array([one.crop.values() for one in framed]) * 360
    assert len(framed) == 10 and np.abs(np.diff(crops, axis=0)).max() < 0.3, "pixels from frame to frame"
    assert np.ptp(crops, axis=0).max() < 3
    mattes = np.stack([photo.rgba[..., 3].astype(int) for _, photo in pictures])
    assert np.abs(np.diff(mattes, axis=0)).mean() < 1


def test_frames_are_numbered_files_and_a_second_start_makes_what_is_missing(still, tmp_path):
    engine = Quick()
    made = make_moving(still, tmp_path, recipe(still, end=0.2), engine, Reporter())
    assert made.made == 5 and made.first == tmp_path / "still_00001.spz" and not made.failed
    assert len(formats.load(made.first)) == 50
    (tmp_path / "still_00003.spz").unlink()
    again = Quick()
    made = make_moving(still, tmp_path, recipe(still, end=0.2), again, Reporter())
    assert made.made == 1 and made.there == 4 and again.taken == ["frame 3"]
    with pytest.raises(FaceLiftError, match="other settings"):
        make_moving(still, tmp_path, recipe(still, end=0.4), Quick(), Reporter())


def test_a_bad_frame_is_told_and_three_alike_end_it(still, tmp_path):
    made = make_moving(still, tmp_path / "one", recipe(still, end=0.2), Quick(["frame 2"]), Reporter())
    assert made.made == 4 and list(made.failed) == [2] and "no good" in made.failed[2]
    assert any("1 frames gave no head (2)" in note for note in made.notes)
    refuses = [f"frame {number}" for number in range(2, 9)]
    made = make_moving(still, tmp_path / "hidden", recipe(still), Quick(refuses), Reporter())
    assert made.made == 3 and len(made.failed) == 7, "a face may be hidden for a while"
    full = FaceLiftError("The card's memory is full.", "Close other programs.", code="out-of-memory")
    with pytest.raises(FaceLiftError, match="3 frames in a row"):
        make_moving(still, tmp_path / "many", recipe(still), Quick(refuses, full), Reporter())
    assert (tmp_path / "many" / "still_00001.spz").is_file()
    lost = FaceLiftError("The card is gone.", "Restart.", code="card-lost")
    with pytest.raises(FaceLiftError, match="card is gone"):
        make_moving(still, tmp_path / "lost", recipe(still), Quick(["frame 3"], lost), Reporter())


def test_parts_and_rates_that_hold_nothing_are_refused_in_words(still, tmp_path, capsys):
    with pytest.raises(FaceLiftError, match="no frame from"):
        make_moving(still, tmp_path / "late", recipe(still, start=99.0), Quick(), Reporter())
    with pytest.raises(SystemExit):
        main(["generate", str(still), "--every-frame", "--frames-per-second", "0", "-o", str(tmp_path / "none")])
    assert "must be above 0" in capsys.readouterr().err


def test_a_stop_keeps_what_is_done(still, tmp_path):
    stop = threading.Event()

    def told(progress):
        if progress.stage == "Making the heads" and progress.step == 2:
            stop.set()

    with pytest.raises(Cancelled):
        make_moving(still, tmp_path, recipe(still), Quick(), Reporter(told, cancel=stop))
    assert len(list(tmp_path.glob("*.spz"))) == 2


def test_a_folder_that_can_not_be_written_says_so(still, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((FaceLiftError, OSError)):
        make_moving(still, tmp_path / "file" / "folder", recipe(still), Quick(), Reporter())


def test_the_best_frames_of_a_clip_make_a_head():
    capture, notes = capture_of_clip(filmed_astronaut().path, Reporter())
    assert capture.portrait.options.side == AUTO and capture.portrait.photo.rgba.shape[:2] == (270, 480)
    assert any("sides are invented" in note for note in notes)
    assert create_engine("draft").prepare(capture, {}, Reporter()).faces
