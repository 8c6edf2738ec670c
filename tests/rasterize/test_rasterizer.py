"""The reference rasterizer against a plain loop over Gaussians, and its rules one by one."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from core.cameras import Camera, front_camera
from core.gaussians import Gaussians, concatenate
from core.rasterize import Rendering, metrics, render, tile_lists, tiles, to_uint8
from core.rasterize.projection import project
from core.splats import spherical_harmonics as harmonics
from tests.helpers.gaussian import random_gaussians, render_plainly

SMALL = Camera(45, 37, 50.0, 48.0, 20.0, 19.0, Camera.orbit(285, 10, radius=1.5).c2w)
"""Not square, off-centre, not a multiple of the tiles, and close enough for culling to matter."""


def assert_matches_plain_loop(gaussians: Gaussians, camera: Camera = SMALL, background=(0.2, 0.5, 1.0)) -> Rendering:
    rendering = render(gaussians, camera, background)
    image, alpha, depth = render_plainly(gaussians, camera, background)
    covered = alpha > 0.01
    assert_close(rendering.image, image)
    assert_close(rendering.alpha, alpha)
    assert_close(rendering.depth[covered], depth[covered])
    return rendering


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to rounding; a few pixels may have an alpha rounded to the other side of a limit."""
    difference = np.abs(actual - expected)
    assert np.quantile(difference, 0.998) < 1e-5
    assert difference.max() < 0.02


def single(mean=(0, 0, 0), scale=0.1, opacity=0.8, color=(0.9, 0.2, 0.4)) -> Gaussians:
    """One round Gaussian."""
    sh = harmonics.from_colors(np.array([color]))
    return Gaussians(np.array([mean]), np.full((1, 3), scale), np.array([[1, 0, 0, 0]]), np.array([opacity]), sh)


@pytest.mark.parametrize("degree", range(4))
def test_matches_a_plain_loop(degree):
    gaussians = random_gaussians(400, degree, seed=degree)
    depths = SMALL.to_camera(gaussians.means)[:, 2]
    assert (depths <= 0.2).any() and (depths > 0.2).any()
    rendering = assert_matches_plain_loop(gaussians)
    assert 0.3 < rendering.alpha.mean() < 1


def test_matches_a_plain_loop_for_needles_and_sheets():
    generator = np.random.default_rng(1)
    scales = np.exp(generator.uniform(np.log(1e-5), np.log(2), (300, 3)))
    assert_matches_plain_loop(random_gaussians(300, seed=2, scales=scales))


def test_matches_a_plain_loop_where_pixels_become_opaque():
    """Termination: most pixels stop before the last Gaussian, inside and between the steps of a batch."""
    gaussians = random_gaussians(1500, seed=3, size=0.2)
    gaussians = gaussians.replace(opacities=np.linspace(0.3, 1, 1500))
    rendering = assert_matches_plain_loop(gaussians)
    assert (rendering.alpha > 0.999).mean() > 0.5


def test_slices_do_not_show(monkeypatch):
    """What bounds the memory, a few Gaussians at a time, gives the same picture."""
    gaussians = random_gaussians(500, seed=4, size=0.15)
    whole = render(gaussians, SMALL)
    monkeypatch.setattr(tile_lists, "_SLICE_PAIRS", 40)
    sliced = render(gaussians, SMALL)
    np.testing.assert_allclose(sliced.image, whole.image, atol=2e-6)
    np.testing.assert_allclose(sliced.alpha, whole.alpha, atol=2e-6)


def test_splat_that_crosses_the_limit_is_dropped_with_all_behind_it():
    layers = [single((0, -0.5, 0), 500.0, 0.98, (0, 0, 0)), single((0, -0.4, 0), 500.0, 0.99, (0, 0, 0))]
    # Transmittance is 2e-4 here. The third would cross 1e-4; the fourth alone would not, but comes too late.
    behind = [single((0, -0.3, 0), 500.0, 0.6, (1, 1, 1)), single((0, -0.2, 0), 500.0, 0.01, (1, 1, 1))]
    camera = front_camera(16)
    front_only = render(concatenate(layers), camera, (0, 0, 0))
    all_of_them = render(concatenate(layers + behind), camera, (0, 0, 0))
    np.testing.assert_array_equal(all_of_them.image, front_only.image)
    assert front_only.alpha[8, 8] == pytest.approx(1 - 2e-4, abs=2e-6)


def test_alpha_is_capped_and_faint_rims_are_cut():
    camera = front_camera(65)
    rendering = render(single(scale=0.15, opacity=1.0), camera)
    assert rendering.alpha.max() == pytest.approx(0.99)
    assert rendering.alpha[rendering.alpha > 0].min() >= 1 / 255
    assert not render(single(opacity=0.9 / 255), camera).alpha.any()


def test_blur_keeps_a_point_visible():
    """A Gaussian without size covers a pixel's neighbourhood with variance 0.3."""
    camera = Camera(9, 9, 20.0, 20.0, 4.5, 4.5, front_camera().c2w)
    alpha = render(single(scale=1e-6), camera).alpha
    assert alpha[4, 4] == pytest.approx(0.8, rel=1e-4)
    assert alpha[4, 5] == pytest.approx(0.8 * np.exp(-0.5 / 0.3), rel=1e-4)


def test_pixel_centres_lie_half_a_pixel_in():
    camera = front_camera(32)
    target = camera.unproject(np.array([[10.5, 20.5]]), np.array([2.7]))[0]
    alpha = render(single(target, 0.05), camera).alpha
    assert np.unravel_index(alpha.argmax(), alpha.shape) == (20, 10)
    np.testing.assert_allclose(alpha[20, 9], alpha[20, 11], rtol=1e-4)


@pytest.mark.parametrize(("depth", "visible"), [(0.21, True), (0.2, False), (0.05, False), (-1.0, False)])
def test_near_plane(depth, visible):
    camera = Camera(16, 16, 16.0, 16.0, 8.0, 8.0, np.eye(4))
    assert render(single((0, 0, depth), 0.01), camera).alpha.any() == visible


def test_nearer_covers_farther_whatever_their_order():
    red, blue = single((0, -0.5, 0), 0.3, 0.99, (1, 0, 0)), single((0, 0.5, 0), 0.3, 0.99, (0, 0, 1))
    for pair in ([red, blue], [blue, red]):
        rendering = render(concatenate(pair), front_camera(17))
        assert rendering.image[8, 8, 0] > 0.9 > 0.1 > rendering.image[8, 8, 2]
        assert rendering.depth[8, 8] == pytest.approx(2.2, abs=0.02)


def test_nothing_to_see_is_background():
    camera = replace(front_camera(20), height=12, cy=6.0)
    for gaussians in (random_gaussians(0), single((0, -10, 0)), single((30, 0, 0))):
        rendering = render(gaussians, camera, (0.25, 0.5, 0.75))
        assert rendering.image.shape == (12, 20, 3)
        np.testing.assert_array_equal(rendering.image, np.broadcast_to(np.float32([0.25, 0.5, 0.75]), (12, 20, 3)))
        assert not rendering.alpha.any() and not rendering.depth.any()


def test_absurd_sizes_and_places_stay_finite():
    gaussians = random_gaussians(60, seed=6)
    scales = gaussians.scales.copy()
    scales[:20] = 1e-38
    scales[20:40] = 1e30
    means = gaussians.means.copy()
    means[40:] *= 1e30
    rendering = render(gaussians.replace(scales=scales, means=means), SMALL)
    for values in (rendering.image, rendering.alpha, rendering.depth):
        assert np.isfinite(values).all()


def test_layers_are_counted_inside_the_picture():
    camera = front_camera(32)
    assert project(random_gaussians(0), camera).layers(32, 32) == 0
    covering = single(scale=10.0)
    assert project(concatenate([covering] * 3), camera).layers(32, 32) == pytest.approx(3)
    reach = np.sqrt(2 * np.log(255 * 0.8) * (0.01**2 * (camera.fx / 2.7) ** 2 + 0.3))
    assert project(single(scale=0.01), camera).layers(32, 32) == pytest.approx((2 * reach / 32) ** 2, rel=1e-4)


def test_memory_is_bounded_when_every_gaussian_covers_the_picture():
    gaussians = random_gaussians(20_000, size=1.0, spread=0.3, opacities=np.full(20_000, 0.02))
    camera = front_camera(256)
    tracemalloc.start()
    try:
        render(gaussians, camera)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A list of 20,000 Gaussians in each of 1,024 tiles would take 164 MB for one 64-bit number a pair.
    assert peak < 120e6


def test_bright_splats_are_not_clipped_above_but_below():
    rendering = render(single(color=(2.0, -1.0, 0.5), scale=0.5), front_camera(16), (0, 0, 0))
    assert rendering.image[8, 8, 0] > 1.5
    assert rendering.image[8, 8, 1] == 0
    assert rendering.to_uint8()[8, 8, 0] == 255


def test_to_uint8_truncates_as_the_reference_does():
    values = np.array([-0.1, 0.0, 0.5, 0.9999, 1.0, 1.7], np.float32)
    np.testing.assert_array_equal(to_uint8(values), [0, 0, 127, 254, 255, 255])


def test_psnr():
    a = np.zeros((4, 5, 3))
    assert metrics.psnr(a, a) == float("inf")
    assert metrics.psnr(a, a + 0.1) == pytest.approx(20)
    b = a.copy()
    b[0, 0] = 1
    mask = np.ones((4, 5), bool)
    assert metrics.psnr(a, b, mask) == pytest.approx(10 * np.log10(20))
    mask[0, 0] = False
    assert metrics.psnr(a, b, mask) == float("inf")
    for bad in ((a, a[:2]), (a, to_uint8(a)), (a, b, np.zeros((4, 5), bool))):
        with pytest.raises(ValueError):
            metrics.psnr(*bad)


def test_silhouette_iou():
    a, b = np.zeros((2, 6)), np.zeros((2, 6))
    assert metrics.silhouette_iou(a, b) == 1
    a[:, :4], b[:, 2:] = 0.9, 0.6
    assert metrics.silhouette_iou(a, b) == pytest.approx(1 / 3)
    assert metrics.silhouette_iou(a, b, threshold=0.7) == 0
    assert metrics.silhouette_iou(a > 0.5, a) == 1


def test_shade_is_what_blending_lets_through_and_stops_where_it_is_dark():
    camera = front_camera(60)
    splats = project(random_gaussians(400, seed=3), camera)
    alpha = tiles.blend(splats, np.ones((len(splats), 1), np.float32), camera.width, camera.height)[..., 0]
    rows, columns = np.indices((camera.height, camera.width)).reshape(2, -1)
    shade = tiles.Shade(camera.width, camera.height, 0.1)
    assert (shade.at(columns, rows) == 1).all()
    for part in np.array_split(np.arange(len(splats)), 5):
        shade.draw(splats.select(part))
    passing = shade.at(columns, rows).reshape(alpha.shape)
    bright = 1 - alpha >= 0.1
    assert 0.1 < bright.mean() < 0.9
    np.testing.assert_allclose(passing[bright], (1 - alpha)[bright], atol=1e-5)
    assert (passing[~bright] < 0.1).all()
