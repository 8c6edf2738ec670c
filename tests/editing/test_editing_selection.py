"""Choosing Gaussians: what they are, where they are, what a camera sees of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cameras import Camera, front_camera
from core.editing import floaters, measures, neighbors, regions, selection, visibility
from core.gaussians import Gaussians
from core.splats.parts import Part
from core.splats.spherical_harmonics import from_colors
from tests.helpers.gaussian import random_gaussians, random_rotation


def plate(center, side: float, count: int, color=(0.5, 0.5, 0.5), opacity: float = 0.95) -> Gaussians:
    """A square of overlapping flat Gaussians that faces -Y."""
    line = (np.arange(count) + 0.5) / count * side - side / 2
    x, z = (values.ravel() for values in np.meshgrid(line, line))
    means = np.stack([x, np.zeros_like(x), z], axis=1) + center
    spacing = side / count
    scales = np.broadcast_to([spacing, spacing / 10, spacing], means.shape)
    identity = np.broadcast_to([1.0, 0, 0, 0], (len(means), 4))
    return Gaussians(
        means, scales, identity, np.full(len(means), opacity), from_colors(np.tile(color, (len(means), 1)))
    )


def test_parts_sizes_and_opacities_choose_by_their_limits():
    gaussians = random_gaussians(500, seed=1)
    gaussians = gaussians.replace(parts=np.arange(500) % 8)
    chosen = selection.by_part(gaussians, [Part.HAIR, Part.EYES])
    assert set(gaussians.parts[chosen]) == {Part.HAIR, Part.EYES} and chosen.sum() == 125
    faint = selection.by_opacity(gaussians, high=0.3)
    assert gaussians.opacities[faint].max() <= np.float32(0.3) < gaussians.opacities[~faint].min()
    big = selection.by_size(gaussians, low=0.05)
    assert measures.sizes(gaussians)[big].min() >= 0.05 > measures.sizes(gaussians)[~big].max()


def test_size_ignores_the_thickness_and_the_order_of_axes():
    scales = np.array([[3.0, 2, 0.1], [0.1, 3, 2], [2, 0.1, 3]])
    np.testing.assert_allclose(measures.areas(scales), 6, rtol=1e-6)


def test_colors_are_compared_as_they_look():
    colors = np.array([[0.8, 0.2, 0.2], [0.78, 0.22, 0.2], [0.2, 0.2, 0.8], [0.8, 0.8, 0.8]])
    gaussians = random_gaussians(4).replace(sh=from_colors(colors))
    assert selection.by_color(gaussians, (0.8, 0.2, 0.2), 5).tolist() == [True, True, False, False]
    assert selection.by_color(gaussians, (0.8, 0.2, 0.2), 1e-2).tolist() == [True, False, False, False]
    assert selection.by_color(gaussians, (0.8, 0.2, 0.2), 500).all()


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), distance=st.floats(0.0, 1.0))
def test_growing_is_what_brute_force_finds_and_shrinking_its_mirror(seed, distance):
    random = np.random.default_rng(seed)
    means = random.normal(size=(60, 3)).astype(np.float32)
    mask = random.uniform(size=60) < 0.2
    apart = np.linalg.norm(means[:, None].astype(np.float64) - means[None], axis=2)
    grown = selection.grow(means, mask, distance)
    np.testing.assert_array_equal(grown, mask | ((apart <= distance) & mask).any(axis=1))
    np.testing.assert_array_equal(selection.shrink(means, ~mask, distance), ~grown)


def test_nothing_grows_from_nothing():
    means = np.zeros((3, 3))
    assert not selection.grow(means, np.zeros(3, bool), 1).any()
    assert selection.shrink(means, np.ones(3, bool), 1).all()


def test_typical_spacing_is_that_of_a_lattice():
    assert neighbors.typical_spacing(plate((0, 0, 0), 1, 20).means) == pytest.approx(0.05, rel=1e-3)
    assert neighbors.typical_spacing(np.zeros((1, 3))) == 0


def test_lonely_gaussians_are_found_and_no_others():
    surface = random_gaussians(2000, seed=3).means * 0.1
    far = np.array([[5.0, 0, 0], [0, -4, 0], [0, 0, 9]])
    found = floaters.lonely(np.concatenate([surface, far]))
    assert found[-3:].all() and found[:-3].mean() < 0.01
    assert not floaters.lonely(plate((0, 0, 0), 1, 20).means).any()
    assert floaters.lonely(np.zeros((1, 3))).tolist() == [False]


@pytest.mark.parametrize("tolerance", [0.5, 1.0, 2.0])
def test_looking_at_a_part_finds_the_lonely_ones_that_looking_at_all_finds(monkeypatch, tolerance):
    random = np.random.default_rng(4)
    # A cloud that thins out: some are lonely at every tolerance, many are at the border.
    means = random.normal(size=(3000, 3)) ** 3
    apart = np.sort(np.linalg.norm(means[:, None] - means[None], axis=2), axis=1)[:, 1:13].mean(axis=1)
    monkeypatch.setattr(floaters, "SAMPLES", 300)
    logarithms = np.log(apart[::10])
    usual = np.median(logarithms)
    deviation = floaters.NORMAL_CONSISTENCY * np.median(np.abs(logarithms - usual))
    found = floaters.lonely(means, tolerance=tolerance)
    np.testing.assert_array_equal(found, np.log(apart) > usual + tolerance * deviation)
    assert 0 < found.sum() < 1500


def test_islands_are_counted_from_the_largest_and_never_all_go():
    big, small = plate((0, 0, 0), 1, 30), plate((3, 0, 0), 0.1, 4)
    means = np.concatenate([small.means, big.means, [[0, 1e30, 0], [-1e30, 0, 0]]])
    labels = floaters.islands(means, 0.06)
    assert (labels[16:-2] == 0).all() and (labels[:16] == 1).all() and set(labels[-2:]) == {2, 3}
    gone = floaters.small_islands(means, 0.06, smallest_share=0.05)
    assert gone[:16].all() and gone[-2:].all() and not gone[16:-2].any()
    assert not floaters.small_islands(big.means, 0.06, smallest_share=1.0).any()
    assert floaters.islands(np.zeros((0, 3)), 1).shape == (0,)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), distance=st.floats(0.05, 1.0))
def test_islands_lie_apart_and_near_neighbours_share_one(seed, distance):
    means = np.random.default_rng(seed).uniform(-2, 2, (80, 3))
    labels = floaters.islands(means, distance)
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)
    together = labels[:, None] == labels[None]
    assert together[apart < distance].all(), "touching or same cubes"
    chained = (apart <= 2 * np.sqrt(3) * distance) & ~np.eye(80, dtype=bool)
    for label in range(1, labels.max() + 1):
        members = labels == label
        if members.sum() > 1:
            assert chained[np.ix_(members, members)].any(axis=1).all(), "every member has a partner in reach"


def test_what_leaves_the_silhouette_is_found_only_where_the_picture_knows():
    camera = front_camera(64)
    silhouette = np.zeros((64, 64), bool)
    silhouette[16:48, 16:48] = True
    places = np.array([[32, 32], [20, 20], [49, 30], [60, 30], [200, 30]])
    means = camera.unproject(places + 0.5, np.full(5, 2.7))
    behind = camera.position - camera.c2w[:3, 2]
    found = floaters.outside_silhouette(np.concatenate([means, [behind]]), camera, silhouette, margin=3)
    assert found.tolist() == [False, False, False, True, False, False]


def test_boxes_and_planes_follow_their_matrices():
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(2) * 0.5
    matrix[:3, 3] = (1, 2, 3)
    corners = np.array([[0.99, 0.99, -0.99], [0, 0, 1.01], [0, -1.2, 0], [0, 0, 0.5]])
    means = corners @ matrix[:3, :3].T + matrix[:3, 3]
    assert regions.inside_box(means, matrix).tolist() == [True, False, False, True]
    assert regions.above_plane(means, matrix).tolist() == [False, True, True, True]


def test_only_what_is_in_front_is_visible():
    front, back = plate((0, -0.2, 0), 0.8, 30), plate((0, 0.2, 0), 1.2, 40)
    means = np.concatenate([front.means, back.means])
    both = Gaussians(
        means,
        np.concatenate([front.scales, back.scales]),
        np.concatenate([front.rotations, back.rotations]),
        np.concatenate([front.opacities, back.opacities]),
        np.concatenate([front.sh, back.sh]),
    )
    mask = visibility.visible(both, front_camera(128))
    assert mask[: len(front)].mean() > 0.99
    hidden = (np.abs(back.means[:, [0, 2]]) < 0.36).all(axis=1)
    seen = (np.abs(back.means[:, [0, 2]]) > 0.55).any(axis=1)
    assert not mask[len(front) :][hidden].any()
    assert mask[len(front) :][seen].all()
    from_behind = visibility.visible(both, Camera.orbit(90.0, size=128))
    assert from_behind[len(front) :].mean() > 0.99 and not from_behind[: len(front)].any()
    faint = visibility.visible(both.replace(opacities=np.full(len(both), 0.02)), front_camera(128))
    assert faint.all()


def test_nothing_is_visible_outside_the_picture():
    gaussians = plate((50, 0, 0), 1, 5)
    assert not visibility.visible(gaussians, front_camera(64)).any()
