"""Placing by hand: pins with known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.cameras import Camera, front_camera
from core.head.landmark_solver import UNITS_PER_METRE
from core.head.model import load_head_model
from core.head.pose import Pose
from core.placing.pins import Pin, PinSolver, Placement

MODEL = load_head_model()
POSE = Pose(np.eye(3), np.zeros(3), UNITS_PER_METRE)
PLACES = MODEL.landmark_vertices[[1, 33, 263, 152, 10, 234, 61], 0]
"""Nose, eyes, chin, forehead, temple and the mouth's corner."""


def solver(identity: np.ndarray | None = None, **allowed) -> PinSolver:
    identity = np.zeros(len(MODEL.identity)) if identity is None else identity
    placement = Placement(front_camera(fov=27), identity)
    expression, offsets = np.zeros(len(MODEL.expressions)), np.zeros((len(MODEL.mean), 3))
    return PinSolver(MODEL, POSE, expression, offsets, placement, **allowed)


def pins_of(camera: Camera, identity: np.ndarray | None = None, places=PLACES) -> list[Pin]:
    pixels = camera.project(POSE.apply(MODEL.vertices(identity)))[0]
    return [Pin.at_vertex(int(place), tuple(pixels[place].tolist())) for place in places]


def turned(camera: Camera, degrees: tuple[float, float, float], move=(0.0, 0.0, 0.0)) -> Camera:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    moved = camera.moved(matrix)
    c2w = moved.c2w.copy()
    c2w[:3, 3] += move
    return replace(moved, c2w=c2w)


def angle(first: Camera, second: Camera) -> float:
    turn = first.c2w[:3, :3].T @ second.c2w[:3, :3]
    return float(np.degrees(np.linalg.norm(Rotation.from_matrix(turn).as_rotvec())))


def test_without_pins_the_automatic_placement_counts():
    solved = solver()
    moved = solved.solve(pins_of(turned(front_camera(fov=27), (0, 0, 20))))
    assert solved.solve([], moved) is solved.automatic


@pytest.mark.parametrize("degrees", [(5, -4, 12), (-10, 6, 35), (0, 0, -60), (8, 0, 90)])
def test_five_pins_bring_the_camera_to_where_it_stood(degrees):
    truth = turned(front_camera(fov=27), degrees, (0.1, -0.2, 0.05))
    pins, placement = pins_of(truth)[:5], None
    for _ in range(6):
        placement = solver().solve(pins, placement)
    # The stiffness towards the automatic place leaves a little.
    assert placement.error < 2
    assert angle(placement.camera, truth) < 2


def test_one_pin_shifts_the_head():
    solved = solver()
    (pin,) = pins_of(front_camera(fov=27), places=PLACES[:1])
    target = (pin.pixel[0] + 20, pin.pixel[1] - 10)
    placement = solved.solve([pin.moved(target)])
    assert placement.error < 0.5
    assert angle(placement.camera, solved.automatic.camera) < 4


def test_the_lens_follows_where_it_may():
    truth = front_camera(fov=45)
    pins, placement = pins_of(truth), None
    for _ in range(10):
        placement = solver(lens=True).solve(pins, placement)
    fixed = solver().solve(pins)
    assert fixed.camera.fx == front_camera(fov=27).fx
    assert placement.error < fixed.error
    assert abs(np.log(placement.camera.fx / truth.fx)) < abs(np.log(fixed.camera.fx / truth.fx))


def test_the_shape_follows_where_it_may():
    identity = np.zeros(len(MODEL.identity))
    identity[:4] = (1.5, -1.0, 1.0, 0.5)
    camera = front_camera(fov=27)
    pins = pins_of(camera, identity)
    rigid, soft = solver().solve(pins), solver(shape=True).solve(pins)
    assert soft.error < 0.5 < rigid.error
    assert not rigid.identity.any()
    assert np.sqrt((soft.identity**2).mean()) < 1
    assert not solver(shape=True).solve(pins[:2]).identity.any()


def test_pins_on_one_spot_or_far_outside_break_nothing():
    camera = front_camera(fov=27)
    pin = pins_of(camera, places=PLACES[:1])[0]
    for pins in ([pin] * 5, [pin, pin.moved((1e5, -1e5))], [pin.moved((-4000.0, 9000.0))]):
        placement = solver(lens=True, shape=True).solve(pins)
        assert np.isfinite(placement.camera.c2w).all()
        assert np.isfinite(placement.identity).all()
        assert np.isfinite(placement.error)


def test_a_pin_inside_a_triangle_is_met():
    triangle = MODEL.triangles[len(MODEL.triangles) // 7]
    weights = (0.2, 0.3, 0.5)
    truth = turned(front_camera(fov=27), (0, 0, 10))
    place = (POSE.apply(MODEL.mean)[triangle] * np.array(weights)[:, None]).sum(0)
    (pixel,) = truth.project(place[None])[0].tolist()
    pins = [*pins_of(truth), Pin(tuple(triangle.tolist()), weights, tuple(pixel))]
    assert solver().solve(pins).error < 1
