"""Photos placed by hand: what is kept travels, and the engine sees the head exactly so."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from scipy.spatial.transform import Rotation

from core.cameras import Camera, front_camera
from core.engines.capture import FURTHER, Shot
from core.errors import PhotoError
from core.head.fitting import fit_head
from core.head.landmark_solver import UNITS_PER_METRE
from core.head.model import Region, load_head_model
from core.head.pose import Pose
from core.photo.alignment import ALIGNED_SIZE
from core.photo.decode import from_array
from core.photo.edits import NO_EDITS, Crop, PhotoEdits
from core.photo.hand_placement import HandPlacement
from core.photo.prepare import prepare_photo
from core.photo.sides import BACK, FRONT, LEFT, LEFT_OUT, PLACED, RIGHT, THREE_QUARTER
from core.placing import place_shots
from core.placing.by_hand import camera_of, kept, pins_of, side_from
from core.placing.pins import Pin
from core.progress import Reporter

MODEL = load_head_model()
TURNED = Pose(Rotation.from_euler("xyz", [10, -5, 30], degrees=True).as_matrix(), np.array([0.1, 0.2, -0.3]), 5.5)
PLACES = MODEL.landmark_vertices[[1, 33, 263, 152, 10], 0]


def example(shape: bool = False) -> HandPlacement:
    pins = [Pin.at_vertex(int(place), (100.0 + 50 * number, 200.0)) for number, place in enumerate(PLACES)]
    camera = replace(front_camera(fov=30).moved(about_z(25)), cx=270.0, cy=240.0)
    return kept(camera, TURNED, Crop(0.4, 0.3, 0.5), pins, shape)


def about_z(degrees: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    return matrix


def seen(camera: Camera, pose: Pose) -> np.ndarray:
    """Return where a camera sees the head model, in widths of its picture."""
    return camera.project(pose.apply(MODEL.mean))[0] / camera.width


def test_a_placement_travels_as_json_and_is_seen_the_same_in_any_frame():
    placement = example()
    assert HandPlacement.from_facts(json.loads(json.dumps(placement.facts()))) == placement
    camera = replace(front_camera(fov=30).moved(about_z(25)), cx=270.0, cy=240.0)
    for pose in (TURNED, Pose(np.eye(3), np.zeros(3), 1.0), Pose(np.eye(3), np.ones(3), 3.0)):
        assert np.allclose(seen(camera_of(placement, pose), pose), seen(camera, TURNED), atol=1e-9)
    assert [pin.pixel for pin in pins_of(placement, MODEL)] == [(100.0 + 50 * number, 200.0) for number in range(5)]


@pytest.mark.parametrize(
    "change",
    [
        {"focal": 0.0},
        {"focal": float("nan")},
        {"center": [1.0]},
        {"camera": [0.0] * 12},
        {"camera": [1.0] * 11},
        {"pins": [[1, 2, 3, 0.5, 0.5, 0.5, 0.0, 0.0]]},
        {"pins": [[-1, 2, 3, 1.0, 0.0, 0.0, 0.0, 0.0]]},
        {"pins": [[1, 2]]},
        {"crop": [0.5]},
        {"crop": None},
    ],
)
def test_placements_that_are_none_are_refused(change):
    with pytest.raises(PhotoError, match="placed by hand"):
        HandPlacement.from_facts(example().facts() | change)


def test_pins_of_another_head_model_are_left_away():
    pins = kept(front_camera(), TURNED, Crop(0.5, 0.5, 1.0), [Pin.at_vertex(10**6, (1.0, 1.0))])
    assert pins_of(pins, MODEL) == ()


@pytest.mark.parametrize(
    ("azimuth", "side"), [(270, FRONT), (310, THREE_QUARTER), (230, THREE_QUARTER), (0, LEFT), (180, RIGHT), (90, BACK)]
)
def test_where_the_camera_stands_says_which_side_it_sees(azimuth, side):
    assert side_from(Camera.orbit(azimuth)) == side


@pytest.fixture(scope="module")
def portrait():
    photo = from_array(np.asarray(skimage.data.astronaut()), "astronaut")
    prepared = prepare_photo(photo, None, Reporter())
    camera = front_camera(fov=27)
    return photo, prepared, fit_head(prepared.landmarks.points, camera, prepared.alpha > 0.5)


def placed(portrait, *placements, edits=NO_EDITS, photo=None):
    own, prepared, fit = portrait
    shots = [Shot(photo or own, edits=edits, role=FURTHER, placement=each) for each in placements]
    return place_shots(prepared, fit, fit.camera, shots, Reporter())


def placement_in(portrait, degrees: float, pins=(), shape=False) -> HandPlacement:
    """Return the portrait's photo as seen by a camera that stands elsewhere."""
    _, prepared, fit = portrait
    camera = fit.camera.moved(about_z(degrees))
    return kept(camera, fit.pose, Crop.of_alignment(prepared.alignment), pins, shape)


@pytest.mark.parametrize("degrees", [7.0, -35.0, 160.0])
def test_a_photo_stays_where_it_was_placed(portrait, degrees):
    placement = placement_in(portrait, degrees)
    (shot,), refined = placed(portrait, placement)
    assert (shot.state, shot.message, shot.side) == (PLACED, "", side_from(camera_of(placement)))
    again = kept(shot.camera, refined.pose, Crop.of_alignment(shot.alignment))
    assert np.allclose(again.camera, placement.camera, atol=1e-9)
    # Photo and head lie on each other as before, whatever the crop.
    size = shot.rgb.shape[1::-1]
    parts = []
    for camera, crop in ((shot.camera, again.crop), (camera_of(placement, refined.pose), placement.crop)):
        left, top, side = crop.square(size)
        parts.append(seen(camera, refined.pose) * side + [left, top])
    assert np.abs(parts[0] - parts[1]).max() < 0.2
    assert np.array_equal(shot.alignment.apply(shot.matte, fill=0), shot.picture[..., 3])


def test_it_is_cut_out_where_it_was_placed_and_as_the_user_cropped_it(portrait):
    photo, prepared, fit = portrait
    size = photo.rgba.shape[1::-1]
    whole = Crop.around(size)
    left, top, side = Crop.of_alignment(prepared.alignment).square(size)
    small = fit.camera.resized(round(ALIGNED_SIZE * side / whole.square(size)[2]))
    x, y, length = whole.square(size)
    k = ALIGNED_SIZE / length
    camera = replace(small, width=512, height=512, cx=small.cx + (left - x) * k, cy=small.cy + (top - y) * k)
    placement = kept(camera, fit.pose, whole)
    (shot,), _ = placed(portrait, placement)
    assert np.allclose(Crop.of_alignment(shot.alignment).square(size), (left, top, side), atol=0.05 * side)
    own = Crop(0.5, 0.3, 0.6)
    (shot,), _ = placed(portrait, placement, edits=PhotoEdits(own))
    assert np.allclose(Crop.of_alignment(shot.alignment).values(), own.values(), atol=0.005)


@pytest.mark.parametrize("degrees", [0.0, 90.0, 170.0])
def test_where_nobody_is_told_from_the_dark_the_placed_head_is_the_person(portrait, degrees):
    own = portrait[0]
    noise = np.random.default_rng(1).normal(7, 2, own.rgba[..., :3].shape).clip(0, 255).astype(np.uint8)
    dark = from_array(noise, "dark.png")
    (left_out,), _ = placed(portrait, None, photo=dark)
    assert left_out.state == LEFT_OUT and "Place it by hand" in left_out.message
    placement = placement_in(portrait, degrees)
    (shot,), refined = placed(portrait, placement, photo=dark)
    assert (shot.state, shot.message, shot.side) == (PLACED, "", side_from(camera_of(placement)))
    # The cut-out is the head as it was placed, with room for hair, and no more than that.
    mask = shot.picture[..., 3] > 127
    pixels = shot.camera.project(refined.vertices[MODEL.in_regions(Region.FACE, Region.SCALP)])[0]
    inside = pixels[((pixels >= 4) & (pixels < ALIGNED_SIZE - 4)).all(1)].astype(int)
    assert mask[inside[:, 1], inside[:, 0]].mean() > 0.97
    assert not mask[:20].any() and mask[: ALIGNED_SIZE // 2].mean() < 0.6
    assert np.array_equal(shot.alignment.apply(shot.matte, fill=0), shot.picture[..., 3])


def test_who_is_seen_where_the_head_was_placed_is_cut_out_himself(portrait):
    """The head's own outline is for photos in which nobody is told from the background."""
    (shot,), _ = placed(portrait, placement_in(portrait, 0))
    (other,), _ = placed(portrait, placement_in(portrait, 0), photo=portrait[0])
    _, prepared, _ = portrait
    same = (shot.picture[..., 3] > 127) == (shot.alignment.apply(prepared.matte, fill=0) > 127)
    assert same.mean() > 0.98 and np.array_equal(shot.picture, other.picture)


def test_a_photo_that_lies_elsewhere_is_left_out(portrait):
    placement = placement_in(portrait, 0)
    aside = replace(placement, crop=Crop(9.0, 9.0, 0.5))
    (shot,), _ = placed(portrait, aside)
    assert shot.state == LEFT_OUT and shot.message


def test_the_shape_follows_pins_where_it_may_and_the_camera_stays(portrait):
    _, _, fit = portrait
    camera = fit.camera.moved(about_z(90))
    pixels = camera.project(fit.vertices)[0]
    pins = [
        Pin.at_vertex(int(each), (pixels[each][0] - 12.0 * (number == 0), pixels[each][1]))
        for number, each in enumerate(PLACES)
    ]
    errors = []
    for shape in (False, True):
        placement = placement_in(portrait, 90, pins, shape)
        (shot,), refined = placed(portrait, placement)
        again = kept(shot.camera, refined.pose, Crop.of_alignment(shot.alignment))
        assert np.allclose(again.camera, placement.camera, atol=1e-9)
        found = camera_of(placement, refined.pose).project(refined.vertices[PLACES])[0]
        errors.append(np.linalg.norm(found - [pin.pixel for pin in pins], axis=1).max())
    assert errors[1] < errors[0] / 2
    assert UNITS_PER_METRE / 2 < refined.pose.scale < UNITS_PER_METRE * 2
