"""Cameras: FaceLift's rig against the reference's values, projection, JSON, Blender's axes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.cameras import VIEW_NAMES, Camera, front_camera, six_view_rig, turntable
from core.rasterize import metrics, render
from tests.helpers.gaussian import random_gaussians, random_rotation

ODD = Camera(80, 45, 70.0, 65.0, 37.0, 24.0, Camera.orbit(20, 35, radius=3).c2w)


def test_rig_is_the_references(shared):
    official = json.loads((shared / "facelift-parity" / "cameras-official.json").read_text())
    rig = six_view_rig()
    assert len(rig) == len(official["views"]) == len(VIEW_NAMES)
    for camera, name, view in zip(rig, VIEW_NAMES, official["views"], strict=True):
        assert name.replace("_", " ") == view["label"].replace("_", " ").replace("-", " ")
        np.testing.assert_allclose([camera.fx, camera.fy, camera.cx, camera.cy], view["fxfycxcy"], rtol=1e-6)
        np.testing.assert_allclose(camera.c2w, view["c2w"], atol=2e-7)


@pytest.mark.parametrize("fov", [18, 27, 50, 80])
def test_front_cameras_of_all_lenses_frame_the_head_alike(fov):
    camera = front_camera(fov=fov)
    assert np.degrees(2 * np.arctan(256 / camera.fx)) == pytest.approx(fov)
    at_head = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, -0.7], [-1.2, 0.0, 0.9]])
    np.testing.assert_allclose(camera.project(at_head)[0], front_camera().project(at_head)[0], atol=1e-9)
    (near, _), (at_origin, _) = camera.project(np.array([[0.3, -0.4, 0.2], [0.3, 0, 0.2]]))[0] - 256
    grown = near / at_origin
    assert grown == pytest.approx(1 / (1 - 0.4 / np.linalg.norm(camera.position)))


def test_front_camera_faces_the_face():
    camera = front_camera()
    np.testing.assert_allclose(camera.position, [0, -2.7, 0], atol=1e-12)
    pixels, depths = camera.project(np.array([[0, 0, 0], [0.5, 0, 0], [0, 0, 0.5]]))
    np.testing.assert_allclose(depths, 2.7)
    np.testing.assert_allclose(pixels[0], [256, 256], atol=1e-9)
    assert pixels[1, 0] > 256 > pixels[2, 1]


def test_field_of_view_spans_the_picture():
    camera = Camera.orbit(270, radius=2.0, fov=60, size=100)
    edge = 2.0 * np.tan(np.radians(30))
    np.testing.assert_allclose(camera.project(np.array([[edge, 0, 0]]))[0], [[100, 50]], atol=1e-9)


@pytest.mark.parametrize("elevation", [-60, 0, 45])
def test_orbits_look_at_the_origin_upright(elevation):
    for azimuth in (0, 100, 270):
        camera = Camera.orbit(azimuth, elevation, radius=1.5)
        assert np.linalg.norm(camera.position) == pytest.approx(1.5)
        rotation = camera.c2w[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
        assert camera.position[2] == pytest.approx(1.5 * np.sin(np.radians(elevation)))
        pixels, depths = camera.project(np.array([[0, 0, 0], [0, 0, 0.1]]))
        np.testing.assert_allclose(pixels[0], [256, 256], atol=1e-9)
        assert depths[0] == pytest.approx(1.5)
        assert pixels[1, 1] < 256 and pixels[1, 0] == pytest.approx(256)


def test_unproject_undoes_project():
    points = np.random.default_rng(0).normal(size=(50, 3)) * 0.5
    np.testing.assert_allclose(ODD.unproject(*ODD.project(points)), points, atol=1e-12)
    np.testing.assert_allclose(ODD.to_camera(points), points @ ODD.w2c[:3, :3].T + ODD.w2c[:3, 3], atol=1e-12)


def test_json_round_trip():
    back = Camera.from_dict(json.loads(json.dumps(ODD.to_dict())))
    assert back.to_dict() == ODD.to_dict()
    np.testing.assert_array_equal(back.c2w, ODD.c2w)


def test_resized_camera_sees_the_same():
    """A picture at three times the size, averaged down, is the small picture."""
    gaussians = random_gaussians(100, size=0.2, spread=0.4)
    camera = front_camera(48)
    large = render(gaussians, camera.resized(144)).image
    averaged = large.reshape(48, 3, 48, 3, 3).mean(axis=(1, 3))
    assert metrics.psnr(averaged, render(gaussians, camera).image) > 40
    half = ODD.resized(40)
    assert (half.width, half.height) == (40, 22)
    points = np.random.default_rng(0).normal(size=(5, 3)) * 0.3
    np.testing.assert_allclose(half.project(points)[0] * 2, ODD.project(points)[0])


def test_moved_camera_sees_moved_points_where_they_were():
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = random_rotation(4), (1, -2, 0.5)
    points = np.random.default_rng(0).normal(size=(5, 3)) * 0.3
    moved = ODD.moved(matrix).project(points @ matrix[:3, :3].T + matrix[:3, 3])
    np.testing.assert_allclose(moved[0], ODD.project(points)[0])
    np.testing.assert_allclose(moved[1], ODD.project(points)[1])


def test_blender_camera_looks_along_its_negative_z_with_y_up():
    matrix = front_camera().blender_matrix()
    np.testing.assert_allclose(matrix[:3, 3], [0, -2.7, 0], atol=1e-12)
    np.testing.assert_allclose(-matrix[:3, 2], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 1], [0, 0, 1], atol=1e-12)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)


def test_turntable_goes_around_once_from_the_front():
    cameras = turntable(8, size=64)
    np.testing.assert_allclose(cameras[0].c2w, front_camera().c2w, atol=1e-12)
    np.testing.assert_allclose(cameras[2].position, [2.7, 0, 0], atol=1e-12)
    np.testing.assert_allclose(cameras[4].position, [0, 2.7, 0], atol=1e-12)
    assert len({tuple(camera.position.round(6)) for camera in cameras}) == 8


def test_extrinsics_are_checked_and_read_only():
    with pytest.raises(ValueError, match="c2w"):
        Camera(8, 8, 8, 8, 4, 4, np.eye(3))
    with pytest.raises(ValueError, match="read-only"):
        ODD.c2w[0, 0] = 0
