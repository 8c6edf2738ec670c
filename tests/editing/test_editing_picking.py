"""Brush, lasso and sphere: projection, distances, polygons and what is in front."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.cameras import Camera, front_camera
from core.editing import picking, visibility
from tests.helpers.addon import surface_gaussians

NEAR, FAR = 0.1, 30.0


def view_of(camera: Camera) -> picking.View:
    """Return the same view as a core camera has, whose rows count from the top."""
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1] = 2 * camera.fx / camera.width, 2 * camera.fy / camera.height
    matrix[0, 2], matrix[1, 2] = 1 - 2 * camera.cx / camera.width, 2 * camera.cy / camera.height - 1
    matrix[2, 2:] = -(FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    matrix[3, 2] = -1
    return picking.View(camera.width, camera.height, np.linalg.inv(camera.blender_matrix()), matrix)


def orthographic(width, height, scale, to_eye=None) -> picking.View:
    projection = np.diag([2 * scale / width, 2 * scale / height, -2 / FAR, 1.0])
    return picking.View(width, height, np.eye(4) if to_eye is None else to_eye, projection)


@pytest.fixture
def camera():
    front = front_camera(400)
    return Camera(400, 300, front.fx, front.fy, 180, 160, front.c2w)


def test_places_are_those_of_the_camera(camera):
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (500, 3))
    seen = view_of(camera).see(points)
    pixels, depths = camera.project(points)
    np.testing.assert_allclose(seen.places, np.stack([pixels[:, 0], 300 - pixels[:, 1]], axis=1), atol=1e-9)
    np.testing.assert_allclose(seen.depths, depths)
    inside = (pixels >= 0).all(axis=1) & (pixels <= (400, 300)).all(axis=1)
    np.testing.assert_array_equal(seen.ahead, inside)
    np.testing.assert_allclose(seen.pixels[inside], camera.fx / depths[inside])


def test_what_is_behind_the_viewer_is_not_shown(camera):
    position = np.asarray(camera.position)
    seen = view_of(camera).see(np.stack([position * 1.5, position * 0.5]))
    np.testing.assert_array_equal(seen.ahead, [False, True])


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_a_place_and_its_depth_give_the_point_back(camera, kind):
    view = view_of(camera) if kind == "perspective" else orthographic(400, 300, 100, view_of(camera).to_eye)
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (20, 3))
    seen = view.see(points)
    for point, place, depth in zip(points, seen.places, seen.depths, strict=True):
        np.testing.assert_allclose(view.point_at(place, depth), point, atol=1e-9)


def test_orthographic_views_show_the_same_size_everywhere():
    seen = orthographic(200, 100, 50).see(np.array([[0.5, 0.2, -1], [0.5, 0.2, -9]]))
    np.testing.assert_allclose(seen.places, [[125, 60]] * 2)
    np.testing.assert_allclose(seen.pixels, 50)
    np.testing.assert_allclose(seen.depths, [1, 9])


def test_a_stroke_takes_what_is_near_it():
    random = np.random.default_rng(2)
    places, path = random.uniform(0, 300, (3000, 2)), random.uniform(50, 250, (7, 2))
    steps = np.linspace(0, 1, 2001)[:, None]
    dense = np.concatenate([start + steps * (end - start) for start, end in itertools.pairwise(path)])
    distances = np.array([np.sqrt(((dense - place) ** 2).sum(axis=1).min()) for place in places])
    mask = picking.near_path(places, path, 25.0)
    certain = np.abs(distances - 25) > 0.05
    np.testing.assert_array_equal(mask[certain], (distances <= 25)[certain])
    assert 0.1 < mask.mean() < 0.9


def test_a_click_is_a_disc():
    places = np.array([[10.0, 10], [13, 14], [14, 14], [40, 10]])
    for path in ([[10, 10]], [[10, 10], [10, 10]]):
        np.testing.assert_array_equal(picking.near_path(places, np.array(path), 5.0), [True, True, False, False])


def test_polygons_are_filled_as_others_fill_them():
    measure = pytest.importorskip("skimage.measure")
    random = np.random.default_rng(3)
    places = random.uniform(0, 100, (4000, 2))
    for corners in (random.uniform(0, 100, (9, 2)), random.uniform(20, 80, (3, 2)), random.uniform(0, 100, (200, 2))):
        np.testing.assert_array_equal(picking.in_polygon(places, corners), measure.points_in_poly(places, corners))


def test_a_polygon_with_level_edges_and_one_without_area():
    square = np.array([[10, 10], [20, 10], [20, 20], [10, 20]])
    places = np.array([[15.0, 15], [15, 25], [5, 15], [15, 5], [25, 15]])
    np.testing.assert_array_equal(picking.in_polygon(places, square), [True, False, False, False, False])
    assert not picking.in_polygon(places, square[:2]).any()
    assert not picking.in_polygon(places, square[:0]).any()


def test_a_sphere_takes_what_is_in_it():
    points = np.array([[0, 0, 0], [0, 0, 1], [0, 0.8, 0.8], [3, 0, 0.0]])
    np.testing.assert_array_equal(picking.in_sphere(points, np.zeros(3), 1.0), [True, True, False, False])


def test_the_front_layer_is_the_side_towards_the_viewer():
    """On a closed opaque surface: what faces the viewer, but for the narrow rim where that is a matter of taste."""
    gaussians = surface_gaussians(30_000)
    gaussians = gaussians.replace(opacities=np.full(len(gaussians), 0.9))
    camera = front_camera(600)
    front = picking.front_layer(view_of(camera).see(gaussians.means), gaussians.scales.max(axis=1), gaussians.opacities)
    normals = gaussians.means / np.array([0.5, 0.55, 0.65]) ** 2
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    towards = camera.position - gaussians.means
    facing = (normals * towards).sum(axis=1) / np.linalg.norm(towards, axis=1)
    assert front[facing > 0.3].mean() > 0.999
    assert front[facing < -0.3].mean() < 0.001
    # As the slow way has it, where a surface lets no light through.
    exact = visibility.visible(gaussians.replace(scales=gaussians.scales * 2.5), camera)
    assert (front == exact)[np.abs(facing) > 0.3].mean() > 0.98


def test_faint_splats_hide_nothing():
    seen = orthographic(100, 100, 10).see(np.array([[0, 0, -1.0], [0, 0, -5], [0, 0, -9]]))
    front = picking.front_layer(seen, np.full(3, 0.01), np.array([0.1, 0.9, 0.9]))
    np.testing.assert_array_equal(front, [True, True, False])


def test_the_splat_under_the_mouse_is_found():
    seen = orthographic(100, 100, 10).see(np.array([[0, 0, -1.0], [0.3, 0, -1], [0, 0, -5]]))
    front = picking.front_layer(seen, np.full(3, 0.01), np.full(3, 0.9))
    assert picking.touched(seen, front, np.array([50.5, 50])) == 0
    assert picking.touched(seen, front, np.array([53.0, 51])) == 1
    assert picking.touched(seen, front, np.array([90.0, 90])) is None
    assert picking.touched(seen, np.zeros(3, bool), np.array([50.0, 50])) is None


def test_no_points_are_no_trouble():
    seen = orthographic(10, 10, 1).see(np.zeros((0, 3)))
    assert len(picking.front_layer(seen, np.zeros(0), np.zeros(0))) == 0
    assert len(picking.near_path(seen.places, np.array([[1, 1]]), 3)) == 0
    assert len(picking.in_polygon(seen.places, np.array([[0, 0], [1, 0], [0, 1]]))) == 0
