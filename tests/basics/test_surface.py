"""The surface made from splats: closed, where the splats are, facing outward, unmoved by floaters and gaps."""

import numpy as np
import pytest

from core.gaussians import concatenate
from core.surface import relief_of
from core.surface.mesh import surface_net
from tests.helpers.addon import surface_gaussians

RADII = np.array([0.5, 0.55, 0.65])
"""Of the ellipsoid of the tests' splats."""


@pytest.fixture(scope="module")
def ellipsoid():
    return surface_gaussians(20_000)


@pytest.fixture(scope="module")
def relief(ellipsoid):
    return relief_of(ellipsoid)


def edge_uses(mesh):
    """Return how often each edge is walked in each direction, as a dictionary of directed edges."""
    walked = np.concatenate([mesh.faces[:, [i, (i + 1) % 4]] for i in range(4)])
    edges, counts = np.unique(walked, axis=0, return_counts=True)
    return {tuple(edge): count for edge, count in zip(edges.tolist(), counts.tolist(), strict=True)}


def assert_closed(mesh):
    """Every edge must be walked as often in one direction as in the other: no border, one orientation."""
    uses = edge_uses(mesh)
    assert uses and all(uses.get((b, a)) == count for (a, b), count in uses.items())


def volume(mesh):
    a, b, c, d = (mesh.vertices[mesh.faces[:, i]].astype(np.float64) for i in range(4))
    return sum((x * np.cross(y, z)).sum() for x, y, z in ((a, b, c), (a, c, d))) / 6


def test_the_mesh_is_closed_and_lies_just_below_the_splats(relief):
    mesh = relief.mesh()
    assert_closed(mesh)
    heights = np.linalg.norm(mesh.vertices / RADII, axis=1)
    assert 0.9 < heights.min() and heights.max() < 1.0
    assert 0.8 < volume(mesh) / (4 / 3 * np.pi * RADII.prod()) < 1.0


def test_vertices_and_splats_face_outward(relief, ellipsoid):
    mesh = relief.mesh()
    for points, normals in ((mesh.vertices, mesh.normals()), (ellipsoid.means, relief.normals(ellipsoid))):
        expected = points / RADII**2
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        cosines = (normals * expected).sum(axis=1)
        assert np.quantile(cosines, 0.01) > 0.95 and cosines.mean() > 0.99


def test_colors_are_those_of_the_splats_above(ellipsoid):
    red_left = np.where(ellipsoid.means[:, :1] < 0, 1.0, -1.0) * [1, -1, -1] * 1.7
    painted = ellipsoid.replace(sh=red_left[:, None, :])
    relief = relief_of(painted)
    vertices = relief.mesh().vertices
    colors = relief.colors(vertices)
    assert (colors[vertices[:, 0] < -0.1] @ [1, -1, 0] > 0.8).all()
    assert (colors[vertices[:, 0] > 0.1] @ [1, -1, 0] < -0.8).all()


def test_an_open_bottom_and_floaters_make_no_difference(relief, ellipsoid):
    """Busts are open below, and splats have strays."""
    open_below = ellipsoid.select(np.flatnonzero(ellipsoid.means[:, 2] > -0.45))
    floaters = ellipsoid.select(np.arange(15))
    floaters = floaters.replace(means=floaters.means * [3, 3, 1])
    changed = relief_of(concatenate([open_below, floaters])).mesh()
    assert_closed(changed)
    assert np.linalg.norm(changed.vertices / RADII, axis=1).max() < 1.01
    assert 0.85 < volume(changed) / volume(relief.mesh()) < 1.0


def test_splats_without_an_inside_have_no_mesh():
    few = surface_gaussians(30)
    relief = relief_of(few.replace(scales=few.scales * 1e-3))
    assert len(relief.mesh().faces) == 0
    assert np.isfinite(relief.normals(few)).all()


def test_a_single_splat_and_none():
    one = surface_gaussians(1)
    assert np.isfinite(relief_of(one).normals(one)).all()
    with pytest.raises(ValueError, match="no splats"):
        relief_of(one.select(np.arange(0)))


def test_a_net_in_float64_is_the_same_surface_more_exactly():
    offsets = np.indices((24, 26, 28)).reshape(3, -1).T - np.array([11.2, 12.4, 13.1])
    field = (np.linalg.norm(offsets, axis=1) - 8.3).reshape(24, 26, 28)
    single, double = surface_net(field.astype(np.float32), 0.0), surface_net(field, 0.0, np.float64)
    assert single.vertices.dtype == np.float32 and double.vertices.dtype == np.float64
    np.testing.assert_array_equal(single.faces, double.faces)
    np.testing.assert_allclose(single.vertices, double.vertices, atol=1e-5)
    assert_closed(double)
    # A net cuts the corners between the points where edges pass the level.
    assert 0.97 < volume(double) / (4 / 3 * np.pi * 8.3**3) < 1
