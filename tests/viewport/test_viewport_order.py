"""Splats as texels, and the order in which they are drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.cameras import Camera
from core.viewing import irradiance, order, texels
from tests.helpers.gaussian import random_gaussians, random_rotation

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays.arrays(np.float32, st.integers(0, 300), elements=FLOATS))
def test_far_to_near_is_a_stable_descending_sort(depths):
    expected = np.argsort(-(depths + np.float32(0)), kind="stable")
    np.testing.assert_array_equal(depths[order.far_to_near(depths)], depths[expected])


def test_equal_depths_keep_their_order():
    depths = np.random.default_rng(0).integers(-3, 4, 5000).astype(np.float32)
    np.testing.assert_array_equal(order.far_to_near(depths), np.argsort(-depths, kind="stable"))


def world_to_view(camera):
    return np.linalg.inv(camera.blender_matrix())


def placed(seed, scale=(1, 1, 1), offset=(0, 0, 0)):
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(seed) * scale
    matrix[:3, 3] = offset
    return matrix


def test_depths_of_several_objects_follow_the_camera():
    camera = Camera.orbit(200, 20)
    means = [random_gaussians(50, seed=seed).means for seed in (0, 1)]
    objects = [placed(3, (0.5, 2, 1)), placed(4, offset=(0.3, -1, 2))]
    rows = order.depth_rows(np.stack([world_to_view(camera) @ matrix for matrix in objects]))
    world = np.concatenate(
        [points @ matrix[:3, :3].T + matrix[:3, 3] for points, matrix in zip(means, objects, strict=True)]
    )
    expected = camera.to_camera(world)[:, 2]
    actual = order.depths(means, rows)
    np.testing.assert_allclose(actual - actual[0], expected - expected[0], atol=2e-6)


@pytest.mark.parametrize(("angle", "moved"), [(0, False), (1e-4, False), (0.02, True)])
def test_only_turning_asks_for_another_order(angle, moved):
    before, after = Camera.orbit(200), Camera.orbit(200 + np.degrees(angle), radius=5.0)
    rows = [order.depth_rows(world_to_view(camera)[None]) for camera in (before, after)]
    assert order.has_moved(*rows, size=1.0) is moved


def test_an_object_that_moves_against_another_asks_for_another_order():
    view = world_to_view(Camera.orbit(270))
    before = order.depth_rows(np.stack([view, view]))
    after = order.depth_rows(np.stack([view, view @ placed(0)]))
    nearer = np.eye(4)
    nearer[1, 3] = 0.1
    assert order.has_moved(before, after, 1.0)
    assert order.has_moved(before, order.depth_rows(np.stack([view, view @ nearer])), 1.0)
    both = order.depth_rows(np.stack([view @ nearer, view @ nearer]))
    assert not order.has_moved(before, both, 1.0), "what moves together keeps its order"


def packed(gaussians, selected=None):
    base = np.concatenate([gaussians.sh[:, 0], gaussians.opacities[:, None]], axis=1)
    return texels.splat_texels(gaussians.means, gaussians.scales, gaussians.rotations * 3, base, selected)


def test_texels_hold_what_the_shader_reads():
    gaussians = random_gaussians(200)
    selected = np.arange(200) % 3 == 0
    values = packed(gaussians, selected).reshape(200, 4, 4)
    np.testing.assert_array_equal(values[:, 0, :3], gaussians.means)
    covariances = gaussians.covariances()
    upper = np.concatenate([values[:, 1, :3], values[:, 2, :3]], axis=1)
    np.testing.assert_allclose(upper, covariances[:, *np.triu_indices(3)], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(values[:, 1, 3], gaussians.opacities)
    np.testing.assert_array_equal(values[:, 2, 3], selected)
    np.testing.assert_allclose(values[:, 3, :3], gaussians.colors, atol=1e-6)


def test_joined_objects_know_whose_they_are():
    parts = [packed(random_gaussians(count)) for count in (3, 5)]
    joined = texels.join(parts)
    np.testing.assert_array_equal(joined[:, 3], [0, 0, 0, 1, 1, 1, 1, 1])
    assert not parts[1][:, 3].any(), "what was read of an object serves other batches too"


def test_missing_harmonics_count_as_zero():
    values = texels.harmonics_texels([np.ones((2, 3, 3)), np.zeros((4, 0, 3)), np.ones((1, 8, 3))])
    assert values.shape == (7, 8, 4)
    np.testing.assert_array_equal(values[..., 0].sum(axis=1), [3, 3, 0, 0, 0, 0, 8])


@pytest.mark.parametrize("count", [1, texels.WIDTH // texels.TEXELS, 5000])
def test_rows_keep_the_texels_in_their_order(count):
    values = np.arange(count * 16, dtype=np.float32).reshape(count, 16)
    rows = texels.as_rows(values)
    assert rows.shape[1] == texels.WIDTH * 4
    np.testing.assert_array_equal(rows.ravel()[: count * 16], values.ravel())
    assert not rows.ravel()[count * 16 :].any()


def test_normals_survive_as_numbers():
    """Within a fifth of a degree, octants and axes alike; no normal is zero."""
    axes = np.concatenate([np.eye(3), -np.eye(3), np.random.default_rng(0).normal(size=(500, 3))])
    normals = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    codes = texels.pack_normals(np.concatenate([normals, np.zeros((1, 3))]).astype(np.float32))
    assert codes[-1] == 0 and codes[:-1].min() >= 1 and codes.max() < 2**24 and (codes == np.rint(codes)).all()
    row, column = np.divmod(codes[:-1] - 1, texels.NORMAL_STEPS)
    x, y = (value / (texels.NORMAL_STEPS - 1) * 2 - 1 for value in (column, row))
    z = 1 - np.abs(x) - np.abs(y)
    folded = [np.where(z < 0, (1 - np.abs(b)) * np.where(a < 0, -1, 1), a) for a, b in ((x, y), (y, x))]
    unpacked = np.stack([*folded, z], axis=1)
    unpacked /= np.linalg.norm(unpacked, axis=1, keepdims=True)
    assert (unpacked * normals).sum(axis=1).min() > np.cos(np.radians(0.2))


def test_a_polynomial_holds_the_light_of_lamps_and_surroundings():
    """Within the few percent of Ramamoorthi and Hanrahan, and never turned with the axes."""
    normals = np.random.default_rng(1).normal(size=(200, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    towards = np.array([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]])
    exact = np.maximum(normals @ towards.T, 0) @ np.array([[2.0, 1, 0], [0, 1, 1]]) / np.pi + 0.05
    found = irradiance.terms(normals) @ irradiance.polynomial(towards, [[2, 1, 0], [0, 1, 1]], np.full(3, 0.05))
    assert np.abs(found - exact).max() < 0.1 * 2 / np.pi
    alone = irradiance.polynomial(np.zeros((0, 3)), np.zeros((0, 3)), np.array([0.2, 0.3, 0.4]))
    np.testing.assert_allclose(irradiance.terms(normals) @ alone, np.tile([0.2, 0.3, 0.4], (200, 1)), atol=1e-9)
