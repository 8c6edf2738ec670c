"""Where a base mesh ends: known cuts of the head model, and the astronaut's splats."""

import numpy as np
import pytest

from core.avatar.ending import Plane, body_places, cut_all, lowest_plane, narrowed
from core.avatar.fit import fit_base_mesh
from core.avatar.views import thinned
from core.gaussians import concatenate
from core.head.model import Region, load_head_model
from core.head.pose import Pose
from core.splats.parts import Part
from tests.helpers.draft import astronaut_head
from tests.helpers.gaussian import random_gaussians

HERE = Pose(np.eye(3), np.zeros(3), 1.0)


def border(model, kept):
    """The vertices of the neck's and torso's open edges."""
    faces = model.faces[kept]
    edges = np.concatenate([faces[:, [a, (a + 1) % 4]] for a in range(4)])
    edges, counts = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], axis=1), axis=0, return_counts=True)
    found = np.unique(edges[counts == 1])
    return found[model.in_regions(Region.NECK, Region.TORSO)[found]]


@pytest.mark.parametrize(
    ("normal", "offset"), [((0, 0, 1), -0.22), ((0.1, -0.05, 1), -0.25), ((0, 0, 1), -0.29), ((0, 0.2, 1), -0.14)]
)
def test_a_cut_leaves_a_straight_border_and_nothing_beyond(normal, offset):
    model = load_head_model()
    normal = np.array(normal, np.float64) / np.linalg.norm(normal)
    plane = Plane(normal, offset)
    result = cut_all(model.mean, plane, model)
    vertices = result.weights @ model.mean
    assert vertices.shape == model.mean.shape and result.kept.shape == (len(model.faces),)
    assert plane.heights(vertices).min() > -1e-6
    open_edge = border(model, result.kept)
    level = open_edge[np.abs(vertices[open_edge, 0]) < 0.2]
    assert len(level) > 20 and np.abs(plane.heights(vertices[level])).max() < 0.001
    # Above, nothing moved; no face is folded over or has lost its area.
    above = plane.heights(model.mean) > 0.005
    above &= (np.abs(model.mean[:, 0]) < 0.22) & (model.mean[:, 2] > -0.3)
    np.testing.assert_allclose(vertices[above], model.mean[above], atol=1e-7)
    # What no face needs lies on the border.
    loose = np.setdiff1d(np.arange(len(vertices)), model.faces[result.kept])
    apart = np.linalg.norm(vertices[loose][:, None] - vertices[open_edge], axis=2).min(axis=1)
    assert len(loose) and apart.max() < 1e-6


def test_without_an_end_of_splats_the_rim_of_the_model_is_straight():
    model = load_head_model()
    result = cut_all(model.mean, None, model)
    vertices = result.weights @ model.mean
    open_edge = vertices[border(model, result.kept)]
    to_rim = np.minimum(np.abs(open_edge[:, 2] + 0.31), np.abs(np.abs(open_edge[:, 0]) - 0.23))
    assert to_rim.max() < 0.001


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (0.12, -0.08)])
def test_the_plane_on_which_splats_end_is_found_and_the_mesh_becomes_as_wide(tilt):
    """The model's own surface as splats, narrower by a fifth, cut and closed below."""
    model = load_head_model()
    rng = np.random.default_rng(1)
    torso = model.triangles[model.in_regions(Region.TORSO, Region.NECK)[model.triangles].all(axis=1)]
    places = np.einsum("nk,nkc->nc", rng.dirichlet(np.ones(3), 20 * len(torso)), model.mean[np.repeat(torso, 20, 0)])
    places = places * [0.8, 1.0, 1.0]
    normal = np.array([*tilt, 1.0]) / np.linalg.norm([*tilt, 1.0])
    plane = Plane(normal, -0.24)
    above = places[plane.heights(places) > 0]
    cap = above[plane.heights(above) < 0.02]
    cap = cap - plane.heights(cap)[:, None] * normal
    places = np.concatenate([above, cap])
    found = lowest_plane(places, model.mean, model)
    assert np.degrees(np.arccos(min(found.normal @ normal, 1))) < 1 and abs(found.offset - plane.offset) < 0.002
    thin = narrowed(model.mean.astype(np.float64), places, found, model)
    low = (np.abs(found.heights(thin)) < 0.01) & model.in_regions(Region.TORSO)
    assert np.ptp(thin[low, 0]) == pytest.approx(0.8 * np.ptp(model.mean[low, 0]), rel=0.07)
    head = ~model.in_regions(Region.TORSO)
    np.testing.assert_array_equal(thin[head], model.mean[head])


def test_hair_and_background_are_no_body():
    model = load_head_model()
    splats = random_gaussians(300)
    low = splats.replace(means=splats.means * 0.01 + np.float32([0, 0, -0.2]), opacities=np.full(300, 0.9, np.float32))
    kinds = [low.replace(parts=np.full(300, part, np.int8)) for part in (Part.HAIR, Part.BACKGROUND, Part.CLOTHES)]
    assert len(body_places(concatenate(kinds), HERE, model.mean, model)) == 300


def test_the_astronauts_mesh_ends_where_her_splats_end():
    gaussians, shape = astronaut_head()[0].gaussians, astronaut_head()[0].shape
    base = fit_base_mesh(thinned(gaussians, 60_000), shape)
    model, metre = base.model, base.pose.scale
    used = np.zeros(len(model.mean), bool)
    used[base.faces] = True
    torso = base.shown[used & model.in_regions(Region.TORSO)]
    splats = gaussians.means[(gaussians.parts == Part.CLOTHES) & (gaussians.opacities > 0.3)]
    assert abs(torso[:, 2].min() - splats[:, 2].min()) < 0.015 * metre
    low = base.shown[:, 2].min() + 0.05 * metre
    for end, side in ((np.min, 1), (np.max, 99)):
        here = np.percentile(splats[splats[:, 2] < low, 0], side)
        assert abs(end(torso[torso[:, 2] < low, 0]) - here) < 0.015 * metre
    assert base.shown.shape == model.mean.shape and 0.7 < base.kept.mean() < 1
    # Expressions are as they were, but for what lies on the border.
    whole = np.linalg.norm(base.expressions, axis=2).max(axis=1) / metre
    expected = np.linalg.norm(model.expressions, axis=2).max(axis=1)
    np.testing.assert_allclose(whole, expected, rtol=1e-4)
