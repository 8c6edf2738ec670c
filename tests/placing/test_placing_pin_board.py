"""Placing by hand, step by step: pins on the surface that is seen, undo, reset, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.cameras import Camera, front_camera
from core.head.landmark_solver import UNITS_PER_METRE
from core.head.model import Region, load_head_model
from core.head.pose import Pose
from core.head.shape import HeadShape
from core.photo.edits import Crop
from core.placing.by_hand import camera_of
from core.placing.pin_board import PinBoard
from core.placing.seen_mesh import SeenMesh

MODEL = load_head_model()
POSE = Pose(np.eye(3), np.zeros(3), UNITS_PER_METRE)
# Nothing that the model could express: what the fit has beyond it.
HEAD = HeadShape(POSE.apply(MODEL.mean * [1.02, 0.99, 1.03]), np.zeros(len(MODEL.expressions)), POSE)
TRUTH = front_camera(fov=27)
CROP = Crop(0.5, 0.4, 0.3)
PLACES = MODEL.landmark_vertices[[1, 33, 263, 152, 10], 0]
"""Nose, eyes, chin and forehead."""
TRUE_PIXELS = TRUTH.project(HEAD.vertices)[0][PLACES]


def turned(degrees: float) -> Camera:
    axis = np.array([0.3, 0.2, 0.93])
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    return TRUTH.moved(matrix)


def angle(first: Camera, second: Camera) -> float:
    turn = first.c2w[:3, :3].T @ second.c2w[:3, :3]
    return float(np.degrees(np.linalg.norm(Rotation.from_matrix(turn).as_rotvec())))


def board(degrees: float = 15.0) -> PinBoard:
    return PinBoard(MODEL, HEAD, turned(degrees), CROP)


def pull(board: PinBoard, number: int) -> None:
    """Press on a landmark and drag it to where it truly is."""
    (start,) = board.camera.project(board.seen.vertices[PLACES[number]][None])[0]
    pin = board.add(board.pick(tuple(start)))
    for share in (0.3, 0.7, 1.0):
        board.drag(pin, tuple(start + share * (TRUE_PIXELS[number] - start)))


def test_five_pins_bring_a_camera_that_is_15_degrees_off_back_within_one():
    placing = board()
    assert angle(placing.camera, TRUTH) == pytest.approx(15, abs=0.1)
    for number in range(5):
        pull(placing, number)
    assert angle(placing.camera, TRUTH) < 1
    assert placing.step.placement.error < 1
    kept = placing.kept()
    assert kept.crop == CROP and len(kept.pins) == 5
    assert np.allclose(camera_of(kept, POSE).c2w, placing.camera.c2w, atol=1e-9)


def test_every_step_is_undone_and_done_again():
    placing = board()
    for number in range(3):
        pull(placing, number)
    cameras = [placing.camera]
    placing.remove(1)
    cameras.append(placing.camera)
    placing.allow(lens=True, shape=True)
    placing.reset()
    assert placing.is_automatic and placing.kept() is None
    assert placing.camera is board().camera or np.array_equal(placing.camera.c2w, turned(15).c2w)
    assert placing.undo() and placing.undo() and len(placing.step.pins) == 2 and not placing.step.shape
    assert np.array_equal(placing.camera.c2w, cameras[1].c2w)
    assert placing.undo() and len(placing.step.pins) == 3
    assert np.array_equal(placing.camera.c2w, cameras[0].c2w)
    while placing.can_undo:
        placing.undo()
    assert placing.is_automatic and not placing.undo()
    while placing.can_redo:
        placing.redo()
    assert placing.is_automatic and not placing.redo()
    placing.undo()
    pull(placing, 4)
    assert not placing.can_redo


def test_what_was_placed_goes_on_where_it_was():
    placing = board()
    for number in range(4):
        pull(placing, number)
    again = PinBoard(MODEL, HEAD, turned(15), CROP, placing.kept())
    assert np.allclose(again.camera.c2w, placing.camera.c2w, atol=1e-9)
    assert [pin.vertices for pin in again.step.pins] == [pin.vertices for pin in placing.step.pins]
    assert not again.is_automatic and again.kept().pins == placing.kept().pins
    again.reset()
    assert again.kept() is None


def test_lens_and_shape_follow_only_where_they_may():
    placing = board(0)
    for number in range(5):
        pull(placing, number)
    (start,) = placing.camera.project(placing.seen.vertices[PLACES[0]][None])[0]
    placing.drag(0, (start[0], start[1] + 25))
    rigid = placing.step.placement.error
    placing.allow(lens=False, shape=True)
    assert placing.step.placement.error < rigid / 2 and placing.step.placement.identity.any()
    assert placing.camera.fx == TRUTH.fx and placing.kept().shape
    placing.allow(lens=True, shape=False)
    assert not placing.step.placement.identity.any() and placing.camera.fx != TRUTH.fx
    placing.allow(lens=False, shape=False)
    assert placing.camera.fx == TRUTH.fx


def test_pins_hold_on_to_what_is_seen_in_front():
    seen = SeenMesh(MODEL, HEAD.vertices, TRUTH, POSE.scale)
    for place, pixel in zip(PLACES, TRUE_PIXELS, strict=True):
        vertices, weights = seen.at(tuple(pixel), 0)
        found = np.array(weights) @ HEAD.vertices[list(vertices)]
        assert np.linalg.norm(found - HEAD.vertices[place]) / POSE.scale < 2e-3
        assert np.allclose(TRUTH.project(found[None])[0], pixel, atol=0.05)
    # From behind the nose is hidden, and the scalp lies where it would be.
    behind = replace(TRUTH, c2w=np.diag([-1.0, -1, 1, 1]) @ TRUTH.c2w)
    seen = SeenMesh(MODEL, HEAD.vertices, behind, POSE.scale)
    assert not seen.visible[PLACES].any()
    vertices, _ = seen.at(tuple(behind.project(HEAD.vertices[PLACES[:1]])[0][0]), 0)
    assert set(MODEL.regions[list(vertices)]) <= {Region.SCALP, Region.EARS}


def test_a_click_beside_the_head_snaps_to_its_outline_or_takes_nothing():
    placing = board(0)
    pixels = placing.camera.project(placing.seen.vertices)[0][placing.seen.visible & MODEL.in_regions(Region.SCALP)]
    top = pixels[pixels[:, 1].argmin()]
    assert placing.pick((top[0], top[1] - 6)) is not None
    assert placing.pick((top[0], top[1] - 60)) is None
    assert placing.near((0, 0), 10) is None
    pull(placing, 0)
    assert placing.near(tuple(TRUE_PIXELS[0] + 3), 10) == 0 and placing.near(tuple(TRUE_PIXELS[0] + 30), 10) is None


def test_the_wireframe_has_no_hidden_lines():
    seen = SeenMesh(MODEL, HEAD.vertices, TRUTH, POSE.scale)
    front = seen.edges()
    every = len(np.unique(np.sort(MODEL.faces[:, :2], axis=1), axis=0))
    assert 1000 < len(front) < every
    shown = HEAD.vertices[seen.visible & MODEL.in_regions(Region.SCALP)]
    # The back of the head is not among what is seen from the front.
    assert (shown[:, 1] > 0.08 * POSE.scale).mean() < 0.02
