"""A face in a clip becomes a recording: what it did, what is told, and what a stop keeps."""

import threading

import numpy as np
import pytest
from PIL import Image

from core.avatar.recording import calibrated, encode_recording, in_mirror, parse_recording, with_strengths
from core.avatar.turns import to_turns
from core.command_line.cli import main
from core.errors import Cancelled
from core.performance.capturing import capture
from core.performance.faces import face_of
from core.performance.smoothing import steadied
from core.performance.tracker import FaceTracker
from core.performance.types import CaptureOptions
from core.photo.types import FaceBox
from core.progress import Reporter
from core.video.types import ClipError, Frame
from tests.helpers.avatar import astronaut_base
from tests.helpers.filmed import filmed_astronaut, still_clip
from tests.helpers.photo import astronaut


@pytest.fixture(scope="module")
def captured():
    """The astronaut's clip, captured as her own and as a stranger's."""
    clip = filmed_astronaut()
    own, stranger = (
        capture(clip.path, face, CaptureOptions(), Reporter()) for face in (face_of(astronaut_base()), None)
    )
    return clip.truth, own, stranger


def column(recording, name):
    return recording.values[:, recording.names.index(name)]


def true(truth, name):
    return truth.values[:, truth.names.index(name)]


@pytest.mark.parametrize("which", [1, 2])
def test_expressions_turns_and_blinks_are_found(captured, which):
    truth, recording = captured[0], captured[which].recording
    assert recording.names == truth.names and len(recording.times) == len(truth.times)
    for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "browInnerUp"):
        assert np.corrcoef(column(recording, name), true(truth, name))[0, 1] > 0.9, name
    assert np.abs(recording.values - truth.values).mean() < 0.04
    error = np.degrees((to_turns(recording.rotations["head"]).inv() * to_turns(truth.head)).magnitude())
    assert error.mean() < 2
    blinks = true(truth, "eyeBlinkLeft")
    assert abs(int(column(recording, "eyeBlinkLeft")[:20].argmax()) - int(blinks[:20].argmax())) <= 1


def test_what_a_stop_leaves_is_kept_and_nothing_is_told_as_cancelled(captured):
    stop = threading.Event()

    def told(progress):
        if progress.stage == "Capturing the face" and progress.step > 5:
            stop.set()

    part = capture(filmed_astronaut().path, None, CaptureOptions(), Reporter(told, cancel=stop))
    assert not part.is_complete and 1 <= len(part.frames) < len(captured[1].frames)
    assert any("Stopped" in note for note in part.notes)
    stop.set()
    with pytest.raises(Cancelled):
        capture(filmed_astronaut().path, None, CaptureOptions(), Reporter(cancel=stop))


def test_a_part_of_a_clip_begins_at_zero():
    part = capture(filmed_astronaut().path, None, CaptureOptions(start=0.5, end=0.8), Reporter())
    assert part.frames[0] == 15 and part.frames[-1] == 24 and part.recording.times[0] == 0
    with pytest.raises(ClipError, match="holds nothing"):
        capture(filmed_astronaut().path, None, CaptureOptions(start=99.0), Reporter())


def test_a_picture_is_a_moment_and_a_wall_no_face(tmp_path):
    Image.fromarray(astronaut()[:480, :480]).save(tmp_path / "her.png")
    still = capture(tmp_path / "her.png", None, CaptureOptions(), Reporter())
    assert len(still.frames) == 1 and any("picture" in note for note in still.notes)
    assert column(still.recording, "mouthSmileLeft")[0] > 0.2, "she smiles"
    with pytest.raises(ClipError, match="No face"):
        capture(still_clip(tmp_path / "wall.mp4"), None, CaptureOptions(), Reporter())


def test_a_lost_face_is_found_again():
    photo = astronaut()
    tracker, empty = FaceTracker(), np.full_like(photo, 100)
    shown = [photo, photo, empty, empty, *[np.roll(photo, 90, axis=1)] * 8]
    seen = [tracker.track(Frame(number, number / 30, rgb)) for number, rgb in enumerate(shown)]
    assert seen[1] is not None and seen[2] is None and seen[-1] is not None
    moved = seen[-1].landmarks.points[:, 0].mean() - seen[0].landmarks.points[:, 0].mean()
    assert moved == pytest.approx(90, abs=3)
    assert np.isfinite(seen[0].irises).all()
    assert seen[0].irises[0, 0] > seen[0].irises[1, 0], "her left eye is at the picture's right"


def test_steadying_takes_noise_away_and_keeps_blinks():
    rng = np.random.default_rng(0)
    times = np.arange(120) / 30
    values = np.zeros((120, 2), np.float32)
    values[:, 1] = 0.4
    values[60:64, 0] = (0.5, 1.0, 1.0, 0.5)
    noisy = np.clip(values + 0.02 * rng.normal(size=values.shape), 0, 1).astype(np.float32)
    calm = steadied(times, noisy, ("eyeBlinkLeft", "mouthSmileLeft"), 1.0)
    assert calm[:, 1].std() < 0.5 * noisy[:, 1].std()
    assert calm[61:63, 0].min() > 0.9 and calm[58, 0] < 0.1
    assert np.array_equal(steadied(times, noisy, ("eyeBlinkLeft", "mouthSmileLeft"), 0.0), noisy)


def test_recordings_are_written_and_read_again_mirrored_calibrated_and_strengthened(captured):
    recording = captured[1].recording
    again = parse_recording(encode_recording(recording))
    assert np.allclose(again.values, recording.values, atol=1e-5)
    assert np.allclose(again.times, recording.times, atol=1e-3)
    assert np.allclose(again.rotations["head"], recording.rotations["head"], atol=1e-5)
    other = in_mirror(recording)
    assert np.array_equal(column(other, "eyeBlinkLeft"), column(recording, "eyeBlinkRight"))
    assert np.allclose(other.rotations["head"], recording.rotations["head"] * [-1, 1, -1])
    rest = calibrated(recording, 0.0)
    assert rest.values[0].max() < 0.1 and np.abs(rest.rotations["head"][0]).max() < 0.02
    strong = with_strengths(recording, {"Jaw": 0.5})
    assert np.allclose(column(strong, "jawOpen"), column(recording, "jawOpen") / 2)
    assert np.array_equal(column(strong, "eyeBlinkLeft"), column(recording, "eyeBlinkLeft"))


def test_the_command_line_captures_tells_people_and_refuses_in_words(tmp_path, capsys):
    out = tmp_path / "take.csv"
    clip = str(filmed_astronaut().path)
    assert main(["capture", clip, "-o", str(out), "--end", "0.3", "--mirror", "--json"]) == 0
    assert '"complete": true' in capsys.readouterr().out and len(parse_recording(out.read_bytes()).times) == 10
    assert main(["capture", clip, "--people"]) == 0
    assert capsys.readouterr().out.startswith("1: from 0.0 s")
    assert main(["capture", clip, "-o", str(out), "--start", "0.2", "--end", "0.5", "--neutral", "0.3"]) == 0
    rest = parse_recording(out.read_bytes())
    around = np.median(rest.values[:8], axis=0)
    assert around.max() < 0.05 and np.abs(rest.rotations["head"][:8].mean(axis=0)).max() < 0.02
    assert main(["capture", clip, "-o", str(tmp_path / "no" / "take.csv")]) == 2
    assert "no folder" in capsys.readouterr().err
    assert main(["capture", clip]) == 2 and main(["capture", str(tmp_path / "no.mp4"), "-o", str(out)]) == 2
    assert "not there" in capsys.readouterr().err


def test_a_face_box_grows_with_its_picture():
    assert FaceBox(1, 2, 3, 4, 0.5, 7.0).scaled(2.0) == FaceBox(2, 4, 6, 8, 0.5, 7.0)
