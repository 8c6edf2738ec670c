"""What clips with known truth say of their heads, by the head model itself."""

from __future__ import annotations

import av
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.avatar.anatomy import vertex_groups
from core.avatar.arkit import ARKIT_NAMES
from core.avatar.joints import EYEBALLS
from core.avatar.turns import to_turns
from core.photo.faces import detect_faces
from core.photo.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER, detect_landmarks
from tests.helpers import performances
from tests.helpers.avatar import astronaut_base, bound_astronaut
from tests.helpers.performances import Performance
from tests.helpers.truth import FORWARD, Truth, eye_turns
from tests.tools.truth_clip import TruthHead, camera_of, film, write_video

TURNS = np.array([[0.0, 0.0, 0.0], [40.0, 0.0, 0.0], [0.0, 20.0, 0.0], [0.0, 0.0, 15.0]])


def still(count: int) -> np.ndarray:
    return np.zeros((count, len(ARKIT_NAMES)))


@pytest.fixture(scope="module")
def filmed() -> tuple[list[np.ndarray], Truth]:
    """Four frames, 480 pixels wide: ahead, turned to the person's left, down, and to the right shoulder."""
    head = TruthHead(bound_astronaut(), astronaut_base())
    camera = camera_of(head.base, elevation=0.0).resized(480)
    pictures, truth = film(head, Performance(still(4), TURNS), camera)
    return list(pictures), truth


def test_turns_are_told_against_the_camera(filmed):
    _, truth = filmed
    ahead = to_turns(truth.head[:1])
    assert np.degrees(ahead.magnitude()) < 8, "she looks at the photographer"
    turned = to_turns(truth.head[1:]) * ahead.inv()
    assert np.degrees(turned.magnitude()) == pytest.approx([40, 20, 15], abs=0.01)
    ways = np.degrees(truth.head[1:] - truth.head[0])
    assert np.diag(ways) == pytest.approx([40, 20, 15], abs=1.5)
    assert truth.lens_degrees == pytest.approx(55)


def test_pictures_show_the_turns(filmed):
    pictures, _ = filmed
    faces = [detect_landmarks(picture, detect_faces(picture)[0]) for picture in pictures]
    # Where the tip of the nose is, against the middle between the eyes and as a share of their distance.
    right, left, nose = (np.stack([face.points[i, :2] for face in faces]) for i in (RIGHT_EYE_OUTER, LEFT_EYE_OUTER, 1))
    places = (nose - (left + right) / 2) / np.linalg.norm(left - right, axis=1, keepdims=True)
    assert places[1, 0] > places[0, 0] + 0.2, "her left is the viewer's right"
    assert places[2, 1] > places[0, 1] + 0.1, "down"
    assert faces[3].roll - faces[0].roll == pytest.approx(-15, abs=3), "her right shoulder is on the viewer's left"


def test_gazes_are_where_the_eyeballs_point():
    base = astronaut_base()
    names = list(base.model.expression_names)
    values = np.zeros((3, len(names)))
    values[1, [names.index("eyeLookOutLeft"), names.index("eyeLookInRight")]] = 1
    values[2, [names.index("eyeLookDownLeft"), names.index("eyeLookDownRight")]] = 1
    eyes = eye_turns(base, values)
    assert np.abs(eyes[0]).max() < 1e-9
    assert (eyes[1, :, 0] > np.radians(12)).all() and (eyes[2, :, 1] > np.radians(10)).all()
    truth = Truth(np.arange(3.0), tuple(names), values, np.zeros((3, 3)), eyes, 55.0)
    assert truth.gazes[0] == pytest.approx(np.stack([FORWARD, FORWARD]))
    # The pole of the left eyeball's mesh, in the model's own axes: left, back, up.
    ball = vertex_groups(base.model)[EYEBALLS[0]]
    at_rest = (base.neutral[ball] - base.pose.translation) @ base.pose.rotation
    looking = (base.vertices(values[1])[ball] - base.pose.translation) @ base.pose.rotation
    front = at_rest[:, 1].argmin()
    assert looking[front, 0] > at_rest[front, 0], "to her left"


def test_truth_and_video_are_read_again(tmp_path, filmed):
    pictures, truth = filmed
    truth.save(tmp_path / "truth.npz")
    again = Truth.load(tmp_path / "truth.npz")
    assert again.names == truth.names and again.lens_degrees == truth.lens_degrees
    assert np.array_equal(again.head, truth.head) and np.array_equal(again.values, truth.values)
    height, width = pictures[0].shape[:2]
    write_video(tmp_path / "clip.mp4", pictures, (width, height))
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == len(pictures)
    assert np.abs(frames[1].astype(int) - pictures[1]).mean() < 4, "colours as they were"


def test_performances_reach_what_they_must():
    acting, singles = performances.acting(), performances.singles(6)
    assert acting.turns.max(0) == pytest.approx([40, 20, 15], abs=0.5)
    assert acting.turns[:, 0].min() == pytest.approx(-40, abs=0.5)
    look = acting.values[:, [ARKIT_NAMES.index(name) for name in ARKIT_NAMES if name.startswith("eyeLook")]]
    assert look.max(0) == pytest.approx(np.ones(8))
    assert singles.values.max(0) == pytest.approx(np.ones(52)) and len(singles.values) == 52 * 6
    assert (acting.values >= 0).all() and (acting.values <= 1).all()
    steps = Rotation.from_euler("YXZ", np.radians(acting.turns))
    assert np.degrees((steps[1:] * steps[:-1].inv()).magnitude()).max() < 8, "heads have mass"
