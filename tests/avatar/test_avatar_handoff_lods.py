"""Levels of detail: what they keep, how far they are from the mesh, and that eyes and mouths still close."""

from functools import lru_cache

import numpy as np
import pytest

from core.avatar import anatomy
from core.avatar.closest import closest_on_triangles
from core.avatar.handoff.lods import IMPORTANCE, SHARES, Corners, levels, poses_of
from core.cameras import Camera
from core.head.mesh_raster import rasterize_mesh
from core.head.model import Region, load_head_model, triangulate


@lru_cache(maxsize=1)
def reduced():
    """The head model's mean as corners, and its levels."""
    model = load_head_model()
    triangles, uvs = model.triangles, triangulate(model.face_uvs)
    unique, wedges = np.unique(np.stack([triangles.ravel(), uvs.ravel()], axis=1), axis=0, return_inverse=True)
    full = Corners(wedges.reshape(-1, 3), unique[:, 0], np.arange(len(triangles)))
    importance = np.ones(len(model.mean))
    for name, vertices in anatomy.vertex_groups(model).items():
        importance[vertices] = IMPORTANCE.get(name, 1.0)
    expressions = dict(zip(model.expression_names, model.expressions, strict=True))
    return full, levels(poses_of(model.mean, expressions), full, importance), unique[:, 1]


def borders(triangles):
    """How many edges belong to one triangle, and the most triangles that share an edge."""
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    counts = np.unique(pairs, axis=0, return_counts=True)[1]
    return (counts == 1).sum(), counts.max()


def test_levels_have_the_wanted_size_and_stay_whole():
    full, found, _ = reduced()
    for share, level in zip(SHARES, found, strict=True):
        assert len(level.wedges) == pytest.approx(share * len(full.wedges), rel=0.02)
        edges, most = borders(level.triangles)
        assert most == 2 and 0 < edges <= borders(full.triangles)[0]
        a, b, c = level.triangles.T
        assert not ((a == b) | (b == c) | (c == a)).any()


def flat_area(corners):
    """The area of triangles [T, 3, 2]."""
    first, second = (corners[:, index] - corners[:, 0] for index in (1, 2))
    return np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() / 2


def test_small_pieces_do_not_vanish():
    # Of a closed mesh a tetrahedron is left, of an open one a triangle.
    cube = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    closed = np.array([[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)])
    grid = np.array([[x, y, 0.1 * x * y] for x in range(5) for y in range(5)], float)
    opened = [[5 * i + j, 5 * i + j + 5, 5 * i + j + 6] for i in range(4) for j in range(4)]
    opened += [[5 * i + j, 5 * i + j + 6, 5 * i + j + 1] for i in range(4) for j in range(4)]
    for vertices, triangles, least in ((cube, closed, 4), (grid, np.array(opened), 1)):
        corners = Corners(triangles, np.arange(len(vertices)), np.arange(len(triangles)))
        (level,) = levels(vertices[None], corners, np.ones(len(vertices)), (0.0,))
        assert len(level.wedges) >= least
        assert len(np.unique(np.sort(level.triangles, axis=1), axis=0)) == len(level.triangles)


def test_seams_of_the_uv_map_stay_seams():
    full, found, uvs = reduced()
    model = load_head_model()
    for level in found:
        corners = model.uvs[uvs[level.wedges]]
        sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
        # A triangle across a seam would span half the map.
        assert sides.max() < 0.35
        area, full_area = flat_area(corners), flat_area(model.uvs[uvs[full.wedges]])
        assert area == pytest.approx(full_area, rel=0.06)


def test_levels_lie_near_the_mesh_in_every_expression():
    model = load_head_model()
    _, found, _ = reduced()
    seen = model.in_regions(Region.FACE, Region.SCALP, Region.EARS, Region.NECK, Region.LIPS)
    for level, most in zip(found, (0.0006, 0.0015, 0.004), strict=True):
        for name in (None, "jawOpen", "mouthSmileLeft", "eyeBlinkLeft"):
            moved = model.mean if name is None else model.mean + model.expressions[model.expression_names.index(name)]
            away = closest_on_triangles(moved[seen], moved, level.triangles)[2]
            assert np.percentile(away, 95) < most


def visible(vertices, triangles, part):
    """Pixels from the front in which a part of the head shows."""
    camera = Camera.orbit(270, 0, radius=0.55, fov=30.0, size=512)
    maps = rasterize_mesh(camera, vertices, triangles)
    return int((part[triangles].all(axis=1)[maps.triangles] & maps.mask).sum())


def test_eyes_close_and_mouths_open_in_every_level():
    model = load_head_model()
    full, found, _ = reduced()
    name = model.expression_names.index
    blink = model.mean + model.expressions[name("eyeBlinkLeft")] + model.expressions[name("eyeBlinkRight")]
    jaw = model.mean + model.expressions[name("jawOpen")]
    eyes, mouth = model.in_regions(Region.EYES), model.in_regions(Region.MOUTH, Region.TEETH)
    open_eyes, open_mouth = visible(model.mean, full.triangles, eyes), visible(jaw, full.triangles, mouth)
    assert open_eyes > 500 and open_mouth > 1000
    for level, share, gap in zip(found, (0.9, 0.8, 0.4), (0.01, 0.03, 0.08), strict=True):
        assert visible(blink, level.triangles, eyes) <= 0.01 * open_eyes
        assert visible(model.mean, level.triangles, eyes) > share * open_eyes
        assert visible(jaw, level.triangles, mouth) > 0.8 * open_mouth
        assert visible(model.mean, level.triangles, mouth) < gap * open_mouth
