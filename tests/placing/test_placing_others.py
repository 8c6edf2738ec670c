"""Photos of somebody else are doubted from whatever side the face is seen, and change nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from PIL import Image

from core.cameras import Camera, front_camera
from core.engines.capture import Shot
from core.head.fitting import HeadFit, fit_head
from core.head.landmark_solver import Solution
from core.head.model import load_head_model
from core.head.pose import Pose
from core.photo.decode import Photo, decode, from_array
from core.photo.prepare import Portrait, prepare_photo
from core.photo.sides import HELP, PLACED, THREE_QUARTER
from core.placing import PlacedShot, place, place_shots
from core.placing.tracks import Tracks, track_rows
from core.progress import Reporter
from core.rasterize.cpu import render
from tests.helpers.draft import astronaut_head
from tests.helpers.photo import PORTRAITS, SHARED, astronaut, needs_portraits

SCAN = SHARED / "truth-heads" / "scan"


@cache
def prepared(name: str) -> tuple[Portrait, HeadFit]:
    """A shared portrait or the astronaut's, and the head fitted to it."""
    if name == "astronaut":
        photo = from_array(astronaut(), "astronaut.png")
    else:
        photo = decode((SHARED / name).read_bytes(), name)
    portrait = prepare_photo(photo, None, Reporter())
    camera = front_camera(fov=Shot(photo).lens(portrait.alignment).degrees)
    return portrait, fit_head(portrait.landmarks.points, camera, portrait.alpha > 0.5)


def placed_with(name: str, *photos: Photo) -> tuple[tuple[PlacedShot, ...], HeadFit]:
    portrait, fit = prepared(name)
    return place_shots(portrait, fit, fit.camera, [Shot(photo) for photo in photos], Reporter())


def shared_photo(path) -> Photo:
    if not path.exists():
        pytest.skip(f"{path.name} is shared material that is not here")
    return decode(path.read_bytes(), path.name)


@cache
def aside() -> Photo:
    """The astronaut's head seen from 40 degrees aside."""
    camera = Camera.orbit(270 + 40, 5, radius=4.5, fov=30)
    return from_array(render(astronaut_head()[0].gaussians, camera, (0.55, 0.6, 0.65)).to_uint8(), "aside.png")


def stretched(photo: Photo, times: float) -> Photo:
    """Another person: one whose face is wider."""
    rgba = photo.rgba
    size = (round(rgba.shape[1] * times), rgba.shape[0])
    return from_array(np.asarray(Image.fromarray(rgba[..., :3]).resize(size, Image.Resampling.BILINEAR)), "other.png")


def test_a_turned_face_of_somebody_else_is_doubted_and_the_own_one_is_not():
    (own, other), _ = placed_with("astronaut", aside(), stretched(aside(), 1.5))
    assert (own.side, own.state, own.message) == (THREE_QUARTER, PLACED, "")
    assert (other.side, other.state) == (THREE_QUARTER, HELP)
    assert "another person" in other.message and "by hand" in other.message


def test_whoever_is_doubted_changes_nothing_of_the_head_and_of_other_photos_cameras():
    (alone,), without = placed_with("astronaut", aside())
    (beside, other), both = placed_with("astronaut", aside(), stretched(from_array(astronaut(), "wide.png"), 1.5))
    assert other.state == HELP
    np.testing.assert_array_equal(both.vertices, without.vertices)
    np.testing.assert_array_equal(beside.camera.c2w, alone.camera.c2w)


def test_a_face_that_does_not_fit_the_head_of_all_is_taken_out_of_it_again(monkeypatch):
    (alone,), without = placed_with("astronaut", aside())
    # What is doubted by its shape before all are solved together is so no more: only the misfit is left.
    monkeypatch.setattr("core.placing.candidates.MOST_UNLIKE", 100.0)
    monkeypatch.setattr(place, "MOST_LANDMARK_ERROR", 1.5 * alone.error)
    (beside, other), both = placed_with("astronaut", aside(), stretched(aside(), 1.6))
    assert (beside.state, other.state) == (PLACED, HELP)
    np.testing.assert_array_equal(both.vertices, without.vertices)


@needs_portraits
@pytest.mark.parametrize("name", ["photo_35_left.png", "shot_045.png", "shot_315.png"])
def test_turned_photos_of_a_scan_are_his_and_not_another_portraits(name):
    photo = shared_photo(SCAN / name)
    (own,), _ = placed_with("truth-heads/scan/photo_35.png", photo)
    assert (own.state, own.message) == (PLACED, "")
    if name != "shot_315.png":
        (other,), _ = placed_with(f"portraits/{PORTRAITS[0].name}", photo)
        assert other.state == HELP and "another person" in other.message


def test_no_place_in_common_says_nothing():
    model = load_head_model()
    solution = Solution(
        Pose(np.eye(3), np.zeros(3), 4.8), np.zeros(len(model.identity)), np.zeros(len(model.expressions))
    )
    nothing = Tracks(0, 1, np.zeros(0, np.int64), np.zeros((2, 0, 2)))
    camera = front_camera(fov=27)
    residuals, parts = track_rows(model, nothing, (camera, camera), (solution, solution))
    unknowns = 7 + len(model.identity) + len(model.expressions)
    assert residuals.shape == (0,) and [each.shape for each in parts] == [(0, unknowns)] * 2
