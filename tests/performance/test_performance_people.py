"""Of several people in a clip, the chosen one is followed, whatever is made of the clip."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.command_line.cli import main
from core.moving.framing import framing_of
from core.moving.manifest import recipe_of
from core.moving.shots import capture_of_clip
from core.performance import capturing
from core.performance.capturing import capture
from core.performance.people import chosen, people_in
from core.performance.preview import SIDE, preview_png
from core.performance.tracker import FaceTracker
from core.performance.types import CaptureOptions
from core.photo.prepare import find_faces
from core.photo.types import FaceBox, corners_of, face_at
from core.progress import Reporter
from core.video.clip import open_clip
from core.video.types import ClipError
from tests.helpers.filmed import two_people

MIDDLE = 330
"""Column of the clip between the two."""


@pytest.fixture(scope="module")
def people():
    with open_clip(two_people()) as clip:
        return people_in(clip, Reporter())


def test_who_is_there_is_shown_and_the_larger_is_followed_unless_somebody_is_chosen(people):
    assert len(people) == 2 and people[0].box.size > people[1].box.size
    assert people[0].box.center[0] < MIDDLE < people[1].box.center[0]
    for person in people:
        (face, _), *others = find_faces(person.picture)
        assert not others and face.size > person.picture.shape[0] / 3
    found = capture(two_people(), None, CaptureOptions(end=0.3), Reporter())
    assert any("2 people" in note for note in found.notes)


def test_only_the_chosen_part_is_looked_through():
    with open_clip(two_people()) as clip:
        late = people_in(clip, Reporter(), start=0.4)
        with pytest.raises(ClipError, match="holds nothing"):
            people_in(clip, Reporter(), start=9.0)
    assert all(person.time >= 0.4 - 1e-3 for person in late)


def test_the_chosen_one_is_followed_and_others_are_not_taken_until_then(people):
    with open_clip(two_people()) as clip:
        frames = list(clip.frames())
    tracker = FaceTracker(people[1].box)
    seen = [tracker.track(frame) for frame in frames]
    assert all(one is not None and one.landmarks.points[:, 0].mean() > MIDDLE for one in seen)
    nobody = FaceTracker(FaceBox(560.0, 10.0, 620.0, 70.0, 1.0))
    assert not any(nobody.track(frame) for frame in frames)


def test_who_leaves_is_not_exchanged_for_who_stays_but_after_a_cut(people):
    with open_clip(two_people()) as clip:
        first = next(clip.frames())
    alone = np.where(np.arange(640)[None, :, None] > MIDDLE, 120, first.rgb).astype(np.uint8)
    tracker = FaceTracker(people[1].box)
    assert tracker.track(first) is not None
    assert not any(tracker.track(replace(first, rgb=alone)) for _ in range(20))
    tracker.forget()
    assert tracker.track(replace(first, rgb=alone)).landmarks.points[:, 0].mean() < MIDDLE
    largest = FaceTracker()
    assert largest.track(first) is not None and largest.track(replace(first, rgb=alone)) is not None


def test_the_chosen_one_is_found_in_frames_that_are_reduced(people, monkeypatch):
    seen = []

    class Watched(FaceTracker):
        def track(self, frame):
            one = super().track(frame)
            seen.append((frame, one))
            return one

    monkeypatch.setattr(capturing, "LONGEST_SIDE", 400)
    monkeypatch.setattr(capturing, "FaceTracker", Watched)
    found = capture(two_people(), None, CaptureOptions(whom=people[1].box, end=0.2), Reporter())
    assert seen and all(frame.rgb.shape[1] == 400 for frame, _ in seen)
    assert all(one is not None and one.landmarks.points[:, 0].mean() > 210 for _, one in seen)
    assert not any("people" in note for note in found.notes)


def test_heads_are_made_of_the_chosen_one(people):
    for number, person in enumerate(people):
        made, notes = capture_of_clip(two_people(), Reporter(), whom=person.box)
        # Faces of a photo are counted by their size, as these people are.
        assert [shot.options.face for shot in made.shots] == [number] * len(made.shots)
        assert not any("several faces" in note for note in notes)
        with open_clip(two_people()) as clip:
            framed = framing_of(clip, Reporter(), rate=30.0, whom=person.box)
        middle = np.array([one.crop.box((640, 360)).center[0] for one in framed])
        assert len(framed) == 16 and ((middle > MIDDLE) == (number == 1)).all()


def test_a_moving_head_knows_whose_it_is(people):
    whole, other = (
        recipe_of(two_people(), "draft", {}, rate=20.0, whom=corners_of(whom)) for whom in (None, people[1].box)
    )
    assert whole.face is None and whole != other and abs(other.face.x0 - people[1].box.x0) <= 0.5
    assert corners_of(face_at(other.whom)) == json.loads(json.dumps(other.whom))


def test_people_are_chosen_by_number_in_command_lines(people, tmp_path, capsys):
    clip = str(two_people())
    assert chosen(people, 2, two_people()) is people[1]
    for number in (0, 3):
        with pytest.raises(ClipError, match=f"no person {number}"):
            chosen(people, number, two_people())
    assert main(["capture", clip, "--people", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["person"] for row in told] == [1, 2] and told[1]["box"] == corners_of(people[1].box)
    for command in (["capture", clip, "-o", str(tmp_path / "take.csv")], ["generate", clip, "-o", str(tmp_path)]):
        assert main([*command, "--person", "3"]) != 0
        assert "no person 3" in capsys.readouterr().err


def test_the_picture_of_a_capture_shows_the_face_that_is_followed(people):
    with open_clip(two_people()) as clip:
        frame = next(clip.frames())
    seen = FaceTracker(people[1].box).track(frame)
    picture = np.asarray(Image.open(io.BytesIO(preview_png(frame.rgb, seen))).convert("RGB"))
    (face, _), *others = find_faces(picture)
    assert picture.shape == (SIDE, SIDE, 3) and not others and face.size > SIDE / 3
    assert Image.open(io.BytesIO(preview_png(frame.rgb, None))).size == (SIDE, SIDE)
