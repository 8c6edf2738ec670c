"""The z-buffer rasterizer against geometry that can be checked by hand or by a plain loop."""

import numpy as np
import pytest

from core.cameras import Camera, front_camera
from core.head.mesh_raster import rasterize_mesh


def random_triangles(count=40, seed=0):
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-0.6, 0.6, (count * 3, 3))
    return vertices, np.arange(count * 3).reshape(-1, 3)


def ray_cast(camera, vertices, triangles):
    """The nearest triangle along every pixel's ray, by solving for the intersection directly."""
    rows, columns = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    directions = camera.unproject(pixels, np.ones(len(pixels))) - camera.position
    best = np.full(len(pixels), np.inf)
    owner = np.full(len(pixels), -1)
    for index, (a, b, c) in enumerate(vertices[triangles]):
        for pixel, direction in enumerate(directions):
            system = np.stack([b - a, c - a, -direction], axis=1)
            u, v, depth = np.linalg.solve(system, camera.position - a)
            if u >= 0 and v >= 0 and u + v <= 1 and 0 < depth < best[pixel]:
                best[pixel], owner[pixel] = depth, index
    return owner.reshape(rows.shape), best.reshape(rows.shape)


def test_agrees_with_ray_casting():
    camera = Camera.orbit(250, 20, size=24)
    vertices, triangles = random_triangles(16, seed=3)
    maps = rasterize_mesh(camera, vertices, triangles)
    owner, depth = ray_cast(camera, vertices, triangles)
    assert (owner >= 0).sum() > 60
    np.testing.assert_array_equal(maps.triangles, owner)
    np.testing.assert_allclose(maps.depth[owner >= 0], depth[owner >= 0], rtol=1e-5)
    assert np.isinf(maps.depth[owner < 0]).all()


def test_interpolation_is_perspective_correct():
    camera = front_camera(96)
    # A floor that runs away from the camera: linear interpolation in the picture would bend it.
    vertices = np.array([[-2.0, -1.5, -0.4], [2.0, -1.5, -0.4], [2.0, 6.0, -0.4], [-2.0, 6.0, -0.4]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    maps = rasterize_mesh(camera, vertices, triangles)
    seen = maps.mask
    assert seen.sum() > 500
    rows, columns = np.nonzero(seen)
    expected = camera.unproject(np.stack([columns + 0.5, rows + 0.5], axis=1), maps.depth[seen])
    np.testing.assert_allclose(maps.interpolate(triangles, vertices)[seen], expected, atol=1e-5)
    np.testing.assert_allclose(expected[:, 2], -0.4, atol=1e-5)


def test_shared_edges_leave_no_cracks():
    camera = front_camera(64)
    grid = np.linspace(-0.5, 0.5, 12)
    x, z = np.meshgrid(grid, grid)
    vertices = np.stack([x.ravel(), np.zeros(x.size), z.ravel()], axis=1)
    corner = np.arange(11 * 12).reshape(11, 12)[:, :11].ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 13], 1), np.stack([corner, corner + 13, corner + 12], 1)]
    )
    mask = rasterize_mesh(camera, vertices, triangles).mask
    rows, columns = np.nonzero(mask)
    assert mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
    assert len(rows) > 200


@pytest.mark.parametrize(("order", "seen"), [((0, 1, 2), True), ((0, 2, 1), False)])
def test_culls_faces_seen_from_inside(order, seen):
    vertices = np.array([[-0.3, 0, -0.3], [0.3, 0, -0.3], [0, 0, 0.3]])
    maps = rasterize_mesh(front_camera(32), vertices, np.array([order]), cull_back_faces=True)
    assert maps.mask.any() == seen


def test_what_lies_behind_the_camera_is_left_out():
    camera = front_camera(32)
    vertices = np.array([[-0.3, -3, -0.3], [0.3, -3, -0.3], [0, 3, 0.3]])
    assert not rasterize_mesh(camera, vertices, np.array([[0, 1, 2]])).mask.any()


def test_an_empty_mesh_gives_empty_maps():
    maps = rasterize_mesh(front_camera(16), np.zeros((3, 3)), np.zeros((0, 3), int))
    assert maps.triangles.shape == (16, 16)
    assert not maps.mask.any()
