"""Strands on a ball: where they run, how they look, that they hang together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from core.editing.joining import join
from core.editing.symmetry import symmetrize
from core.geometry.vectors import unit
from core.hair.backing import backing
from core.hair.build import build_hair
from core.hair.directions import luminance
from core.hair.flow import combing, photo_witness, tangent_field
from core.hair.grid import FlowGrid
from core.hair.look import PLAIN, measure_look
from core.hair.seeds import spread
from core.hair.splats import strand_gaussians
from core.hair.strands import GAIN, grow
from core.hair.tones import follow
from core.hair.tracing import trace
from core.hair.volume import HairVolume, thickness_over
from core.hair.waves import STRAIGHT, Wave
from core.rasterize.cpu import render
from core.splats import attributes as names
from core.splats.parts import Part
from tests.helpers.hair import RADIUS, THICKNESS, ball, photo_of_ball, stripes

PAINT = (0.4, 0.3, 0.2)


@pytest.fixture(scope="module")
def volume() -> HairVolume:
    return ball()


def painted(volume: HairVolume) -> np.ndarray:
    return np.tile(PAINT, (len(volume.vertices), 1))


def test_hair_falls_from_the_crown(volume):
    usual = combing(volume)
    np.testing.assert_allclose((usual * volume.normals).sum(1), 0, atol=1e-9)
    sides = np.abs(volume.vertices[:, 2]) < 0.1
    assert (usual[sides, 2] < -0.95).all()
    given = np.zeros_like(volume.vertices)
    given[sides] = [1.0, 0.0, 0.0]
    aside = combing(replace(volume, combing=given))
    assert (aside[sides, 0] >= 0).all()
    np.testing.assert_allclose(aside[~sides], usual[~sides])


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2])
def test_directions_of_the_photo_are_kept_and_flow_on(volume, angle):
    photo = photo_of_ball(stripes(angle, 256))
    field = tangent_field(volume, [photo_witness(volume, photo)])
    hair = volume.hairiness > 0.5
    np.testing.assert_allclose(np.linalg.norm(field[hair], axis=1), 1, atol=1e-6)
    assert not field[~hair & (volume.hairiness < 0.5)].any()
    front = (volume.normals[:, 1] < -0.9) & (volume.hairiness > 0.9)
    # The camera looks along +y: x is right, z is up.
    along = np.array([np.cos(angle), 0, -np.sin(angle)])
    seen = field[front] * [1, 0, 1]
    assert (np.abs(unit(seen) @ along) > 0.97).all()
    edges = volume.quads[hair[volume.quads].all(1)][:, :2]
    far = np.linalg.norm(volume.vertices[edges].mean(1) - volume.crown, axis=1) > 0.3
    together = (field[edges[far, 0]] * field[edges[far, 1]]).sum(1)
    # Nowhere but at the crown, and where the photo's direction meets its opposite, does the field break.
    assert np.mean(together > 0.7) > 0.97


def test_strands_follow_a_known_field_and_keep_their_depth(volume):
    random = np.random.default_rng(0)
    east = unit(np.cross([0.0, 0.0, 1.0], volume.normals))
    everywhere = replace(volume, hairiness=np.ones(len(volume.vertices)))
    grid = FlowGrid(everywhere, east, painted(volume), STRAIGHT, random)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    start = RADIUS * np.stack([np.cos(angles), np.sin(angles), np.zeros(40)], axis=1)
    depth = np.linspace(0, 0.03, 40)
    steps = np.full(40, 10)
    paths = trace(grid, start, depth, steps, steps, 0.02, random)
    assert paths.alive.all() and paths.alive.shape[1] == 21
    np.testing.assert_allclose(np.linalg.norm(paths.points, axis=2), (RADIUS - depth)[:, None].repeat(21, 1), atol=4e-3)
    np.testing.assert_allclose(paths.points[..., 2], 0, atol=4e-3)
    turned = np.unwrap(np.arctan2(paths.points[..., 1], paths.points[..., 0]), axis=1)
    assert (np.diff(turned, axis=1) > 0).all()
    np.testing.assert_allclose(turned[:, -1] - turned[:, 0], 20 * 0.02 / (RADIUS - depth), rtol=0.03)
    assert paths.places[0, 0] == 0 and paths.places[0, -1] == 1
    np.testing.assert_allclose(paths.values, np.broadcast_to(PAINT, paths.values.shape), atol=1e-3)


def test_strands_end_where_hair_ends(volume):
    strands = grow(volume, [], painted(volume), PLAIN, 4000, np.random.default_rng(1))
    paths = strands.paths
    assert paths.points[paths.alive][:, 2].min() > -0.3
    # Alive in one run each, from the first column on.
    assert paths.alive[:, 0].all() and (np.diff(paths.alive.astype(int), axis=1) <= 0).all()
    assert paths.alive[paths.seeds].all()


def test_seeds_are_even(volume):
    seeds = spread(volume.vertices, volume.quads, np.ones(len(volume.quads)), 3000, np.random.default_rng(0))
    points = seeds.interpolate(volume.quads, volume.vertices)
    octants = np.bincount((points > 0) @ [1, 2, 4], minlength=8)
    assert octants.min() > 0.9 * octants.mean()
    assert seeds.spacing == pytest.approx(np.sqrt(4 * np.pi * RADIUS**2 / 3000), rel=0.02)


def test_curls_are_as_wide_as_measured(volume):
    curly = replace(PLAIN, wave=Wave(0.9, 0.12))
    straight = grow(volume, [], painted(volume), PLAIN, 8000, np.random.default_rng(2)).paths
    wound = grow(volume, [], painted(volume), curly, 8000, np.random.default_rng(2)).paths
    assert wound.step == pytest.approx(0.12 / 7)

    def wiggle(paths):
        """Root mean square of the turn between neighbouring segments, in radians per world unit."""
        inner = paths.alive[:, :-1] & paths.alive[:, 1:]
        turn = np.arccos(np.clip((paths.tangents[:, :-1] * paths.tangents[:, 1:]).sum(-1), -1, 1))
        return np.sqrt((turn[inner] ** 2).mean()) / paths.step

    assert wiggle(wound) > 5 * wiggle(straight)


def test_what_the_photo_shows_follows_the_strand(volume):
    paths = grow(volume, [], painted(volume), PLAIN, 2000, np.random.default_rng(3)).paths
    shown, weights = np.zeros((*paths.alive.shape, 3)), np.zeros(paths.alive.shape)
    shown[:, 5], weights[:, 5] = [0.2, 0.1, 0.0], 1
    colors, known = follow(paths, shown, weights)
    np.testing.assert_allclose(known[:, 5], 1)
    np.testing.assert_allclose(colors[:, 5], np.broadcast_to([0.2, 0.1, 0.0], colors[:, 5].shape), atol=1e-6)
    assert (np.diff(known[:, 5:], axis=1) < 0).all() and (np.diff(known[:, :6], axis=1) > 0).all()
    np.testing.assert_allclose(colors[:, 9], colors[:, 5], atol=1e-6)


@pytest.mark.parametrize("shade", (1.0, 0.5))
def test_tones_have_the_photos_contrast_over_the_light_that_there_is(volume, shade):
    random = np.random.default_rng(4)
    look = replace(
        measure_look([]),
        contrasts=np.array([0.03, 0.02, 0.01]),
        highlight=0.0,
        range=(0.0, 1.0),
        lightness=float(luminance(np.array(PAINT))),
    )
    strands = grow(volume, [], shade * painted(volume), look, 20000, random)
    shallow = strands.paths.heights[strands.paths.seeds] > -0.002
    light = strands.colors[shallow].mean(-1)[strands.paths.alive[shallow]]
    assert light.mean() == pytest.approx(shade * np.mean(PAINT), rel=0.1)
    assert light.std() == pytest.approx(shade * GAIN * look.contrast, rel=0.2)


def test_strands_are_numbered_and_hang_together(volume):
    photo = photo_of_ball()
    hair = build_hair(volume, [photo], painted(volume), 20000, np.random.default_rng(5))
    assert (hair.parts == Part.HAIR).all()
    number, place = hair.extras[names.STRAND], hair.extras[names.STRAND_PLACE]
    assert number.dtype == np.int32 and place.dtype == np.float32
    strands = number[number > 0]
    np.testing.assert_array_equal(np.unique(strands), np.arange(1, strands.max() + 1))
    assert (np.diff(strands) >= 0).all() and np.bincount(strands)[1:].min() >= 3
    assert place.min() >= 0 and place.max() <= 1
    means, place = hair.means[number > 0], place[number > 0]
    chained = strands[1:] == strands[:-1]
    assert (place[1:] > place[:-1])[chained].all()
    gaps = np.linalg.norm(np.diff(means, axis=0), axis=1)[chained]
    # Neighbours overlap: no more than two and a half steps apart.
    assert gaps.max() < 2.5 * 0.022
    axes = hair.scales[number > 0]
    assert np.median(axes[:, 0] / axes[:, 1]) > 3
    assert 0.5 * 20000 < len(hair) < 1.2 * 20000


def test_the_photo_stays_in_front(volume):
    photo = photo_of_ball()
    strands = grow(volume, [photo], painted(volume), PLAIN, 20000, np.random.default_rng(6))
    hair = strand_gaussians(strands, [photo])
    rows, columns, depths, inside = photo.look_up(hair.means)
    facing = (unit(hair.means) * unit(photo.camera.position - hair.means)).sum(1)
    covered = inside & photo.used[rows, columns] & (np.abs(facing) > 0.4)
    before = (photo.depth[rows, columns] - depths)[covered]
    assert covered.sum() > 5000 and np.mean(before > 0) < 0.001
    # Where the photo grazes the hair they lie on it, no farther before it than the hair is thick.
    assert (photo.depth[rows, columns] - depths)[inside & photo.used[rows, columns]].max() < 2 * THICKNESS + 0.01
    assert (photo.alpha[rows, columns] > 0)[inside].mean() > 0.99
    behind = hair.means[:, 1] > 0.2
    assert behind.sum() > 3000


def test_large_discs_under_the_strands_stay_inside_the_outline(volume):
    whole = photo_of_ball()
    # An outline inside the ball's own: there discs face the camera.
    solid = ndimage.binary_erosion(whole.used, iterations=20)
    photo = replace(whole, alpha=solid.astype(float), used=np.zeros_like(solid), hair=whole.hair & solid)
    under = backing(volume, [photo], np.full((len(volume.vertices), 3), 0.3), 400, np.random.default_rng(0))
    alpha = render(under, photo.camera).alpha
    outside = ndimage.distance_transform_edt(photo.alpha < 0.5)
    assert alpha[outside > 3].max() < 0.5
    deep = ndimage.binary_erosion(photo.hair, iterations=24)
    assert alpha[deep].min() > 0.95, "and are closed"


def test_thickness_is_measured_down_to_the_skull():
    outer, inner = ball(), ball()
    skull = inner.vertices * 0.8
    thickness = thickness_over(outer.vertices, skull, inner.normals)
    assert thickness == pytest.approx(0.2 * RADIUS, rel=0.02)


def test_bald_heads_have_no_hair(volume):
    bald = replace(volume, hairiness=np.zeros(len(volume.vertices)))
    assert build_hair(bald, [], painted(volume), 1000, np.random.default_rng(0)) is None
    assert not tangent_field(bald, []).any()


def test_strands_of_joined_and_mirrored_heads_stay_apart(volume):
    hair = build_hair(volume, [], painted(volume), 2000, np.random.default_rng(7))
    count = int(hair.extras[names.STRAND].max())
    two = join([hair, hair.replace(extras={}), hair])
    numbers = two.extras[names.STRAND]
    assert numbers.dtype == np.int32 and numbers.max() == 2 * count
    assert not numbers[len(hair) : 2 * len(hair)].any()
    backing = hair.extras[names.STRAND] == 0
    assert backing.any() and not numbers[-len(hair) :][backing].any()
    mirrored = symmetrize(hair, (0, 0, 0), (1, 0, 0)).gaussians
    half = len(mirrored) // 2
    first, second = mirrored.extras[names.STRAND][:half], mirrored.extras[names.STRAND][half:]
    assert not np.intersect1d(first[first > 0], second[second > 0]).size
