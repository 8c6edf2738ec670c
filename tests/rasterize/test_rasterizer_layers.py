"""How many squares of splats light passes, and how many a renderer must be allowed to pass."""

import numpy as np

from core.cameras import Camera
from core.gaussians import Gaussians
from core.rasterize import cpu
from core.rasterize.layers import SIZE, SOLID_FROM, UNKNOWN, bounces_for, passing
from tests.helpers.addon import surface_gaussians

FRONT = Camera.orbit(270, size=SIZE)


def stack(count, opacity, width=0.5):
    """Splats one behind the other as seen from the front, each a flat disc."""
    means = np.zeros((count, 3), np.float32)
    means[:, 1] = np.linspace(-0.2, 0.2, count)
    scales = np.tile(np.float32([width, 1e-3, width]), (count, 1))
    rotations = np.tile(np.float32([1, 0, 0, 0]), (count, 1))
    return Gaussians(means, scales, rotations, np.full(count, opacity, np.float32), np.zeros((count, 1, 3), np.float32))


def test_a_ray_meets_each_splat_once_and_loses_what_it_covers():
    ray, place, light = passing(stack(5, 0.5), FRONT)
    middle = ray == 32 * 64 + 32
    assert place[middle].tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(light[middle], 0.5 ** np.arange(1, 6), rtol=0.05)


def test_what_is_left_is_what_the_rasterizer_leaves():
    gaussians = surface_gaussians(3000)
    ray, _, light = passing(gaussians, FRONT, rays=SIZE)
    left = np.ones(SIZE * SIZE)
    np.minimum.at(left, ray, light)
    alpha = cpu.render(gaussians, FRONT).alpha
    # The rasterizer stops where a hundredth or less is left.
    np.testing.assert_allclose(1 - left.reshape(SIZE, SIZE), alpha, atol=0.02)


def test_rays_that_passed_enough_end_at_the_next_solid_splat():
    ray, place, light = passing(stack(40, 0.6), FRONT, solid=True)
    middle = ray == 32 * 64 + 32
    left = light[middle][np.argsort(place[middle])]
    np.testing.assert_allclose(left[: SOLID_FROM - 1], 0.4 ** np.arange(1, SOLID_FROM), rtol=0.1)
    assert left[SOLID_FROM] < 1e-9
    assert (passing(stack(40, 0.4), FRONT, solid=True)[2] > 1e-9).all(), "none of these is solid"


def test_faint_splats_need_more_bounces_than_opaque_ones():
    opaque, faint = bounces_for(stack(300, 0.9, 0.2)), bounces_for(stack(300, 0.02, 0.2))
    assert opaque < 300 <= faint <= 1024, "there must be no black behind"
    assert bounces_for(stack(300, 0.9, 0.2).transform(np.diag([9.0, 9, 9, 1]))) == opaque


def test_nothing_and_too_much_is_not_looked_at(monkeypatch):
    assert bounces_for(stack(1, 0.5).select(np.zeros(0, int))) == UNKNOWN
    monkeypatch.setattr("core.rasterize.layers.MOST_SPLATS", 10)
    assert bounces_for(stack(11, 0.5)) == UNKNOWN
    assert bounces_for(stack(9, 0.5)) != UNKNOWN
