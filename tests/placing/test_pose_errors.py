"""The measure of placing: what counts as an error of a camera that was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.cameras import Camera
from core.photo.alignment import Alignment
from core.photo.types import FaceBox
from tests.bench.pose_errors import SeenHead, pose_errors

SIZE = (900, 700)
ALIGNMENT = Alignment.from_box(SIZE, FaceBox(330, 200, 530, 400, 1.0))


def true_camera(azimuth: float) -> Camera:
    orbit = Camera.orbit(azimuth, 4.0, radius=4.0, fov=40.0, size=SIZE[0])
    return replace(orbit, height=SIZE[1], cy=SIZE[1] / 2)


def found_of(true: Camera, frame: np.ndarray) -> Camera:
    """Return the camera of the crop that sees just what the true one sees there, in another frame."""
    seen = SeenHead.of(Camera.orbit(270), true, ALIGNMENT)
    return seen.true.moved(frame)


def other_frame() -> np.ndarray:
    frame = np.eye(4)
    frame[:3, :3] = Rotation.from_euler("xyz", [7, -4, 12], degrees=True).as_matrix()
    frame[:3, 3] = 0.1, -0.2, 0.05
    return frame


def errors(turned: float = 0.0, longer: float = 1.0):
    truths = [true_camera(azimuth) for azimuth in (270, 315, 0)]
    found = [found_of(each, other_frame()) for each in truths]
    turn = np.eye(4)
    middle = other_frame()[:3, 3]
    turn[:3, :3] = Rotation.from_euler("z", turned, degrees=True).as_matrix()
    turn[:3, 3] = middle - turn[:3, :3] @ middle
    found[1] = replace(found[1].moved(turn), fx=found[1].fx * longer, fy=found[1].fy * longer)
    portrait, *others = (SeenHead.of(own, true, ALIGNMENT) for own, true in zip(found, truths, strict=True))
    return pose_errors(portrait, others)


def test_cameras_that_see_the_true_head_have_no_error_in_any_frame():
    for error in errors():
        assert max(error.places, error.centre, abs(error.size), abs(error.lens)) < 0.01


def test_a_turned_camera_misses_the_head_by_its_turn():
    turned, right = errors(turned=5.0)
    assert turned.turn == pytest.approx(5.0 + right.turn, abs=1.0)
    assert 1 < turned.places < 6
    assert right.places < 0.7
    assert turned.lens == pytest.approx(0, abs=1e-6)


def test_a_longer_lens_from_the_same_place_sees_the_head_larger():
    longer, _ = errors(longer=1.1)
    assert longer.lens == pytest.approx(10)
    assert 5 < longer.size < 12
