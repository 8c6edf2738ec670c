"""Brows, lashes and beards as curves: where they grow, how they lie, whose they are."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from core.avatar.base_mesh import BaseMesh
from core.avatar.closest import closest_on_triangles
from core.avatar.fit import fit_base_mesh
from core.colors import to_encoded, to_linear
from core.groom.curves import HairCurves
from core.groom.face_hair.beard_cover import CHIN, zone
from core.groom.face_hair.brow_cover import BrowCover
from core.groom.face_hair.find import find_face_hair
from core.groom.face_hair.lashes import Lid
from core.groom.face_hair.sight import Face
from core.groom.face_hair.strip import LOWER, UPPER, Strip
from core.groom.groom import Growth, Tuft
from core.groom.making import BALD, make_groom
from core.head.model import vertex_normals
from core.progress import Reporter
from core.splats import spherical_harmonics as harmonics
from core.splats.parts import Part
from tests.helpers.avatar import astronaut_base
from tests.helpers.draft import astronaut_head, file_photo, head_and_photo, portrait_photo
from tests.helpers.photo import SHARED


@lru_cache(maxsize=1)
def found() -> dict[Growth, Tuft]:
    """The astronaut's."""
    return find_face_hair(astronaut_head()[0].gaussians, astronaut_base(), 800, Reporter())


def local(base: BaseMesh, points: np.ndarray) -> np.ndarray:
    """Points in the head's own axes, millimetres."""
    return (points - base.pose.translation) @ base.pose.rotation / base.pose.scale * 1000


def tips(curves: HairCurves) -> np.ndarray:
    return curves.points[curves.first + curves.counts - 1]


@pytest.mark.parametrize("growth", [Growth.BROWS, Growth.LASHES])
def test_hairs_begin_on_the_mesh_and_leave_it(growth: Growth):
    base, tuft = astronaut_base(), found()[growth]
    curves = tuft.guides
    roots = curves.roots.points(base.shown)
    assert np.linalg.norm(curves.points[curves.first] - roots, axis=1).max() < 1e-5
    assert tuft.hairs == len(curves)
    assert tuft.density.shape == (len(base.neutral),)
    assert tuft.density.max() == 1
    assert 0 < (tuft.density > 0).mean() < 0.1
    assert (tuft.density[curves.roots.corners].max(axis=1) > 0).all()
    first = curves.first[:, None] + np.arange(curves.counts[0])
    assert (np.diff(curves.radii[first], axis=1) <= 0).all()


def test_brows_lie_on_the_skin():
    base, curves = astronaut_base(), found()[Growth.BROWS].guides
    triangle, weights, _ = closest_on_triangles(curves.points, base.shown, base.triangles)
    corners = base.triangles[triangle]
    normals = vertex_normals(base.shown, base.triangles)[corners]
    above = curves.points - np.einsum("pk,pkc->pc", weights, base.shown[corners])
    height = np.einsum("pc,pkc,pk->p", above, normals, weights) / base.pose.scale * 1000
    assert height.min() > -0.3
    assert 0.2 < np.median(height) < 1
    assert height.max() < 2.5


def test_brows_are_where_the_photo_shows_them_and_lie_as_brows_do():
    base, curves = astronaut_base(), found()[Growth.BROWS].guides
    roots, ends = local(base, curves.roots.points(base.shown)), local(base, tips(curves))
    landmarks = local(base, base.model.landmarks(base.shown))
    for side in (1, -1):
        own = np.sign(roots[:, 0]) == side
        assert 100 < own.sum() < 400
        ring = landmarks[[*UPPER[side], *LOWER[side]]]
        assert np.linalg.norm(roots[own][:, None] - ring, axis=2).min(axis=1).max() < 16
        inner = own & (side * roots[:, 0] < 20)
        outer = own & (side * roots[:, 0] > 35)
        run = ends - roots
        # Outwards all along; more upright at the nose than at the tail.
        assert (side * run[own, 0] > 0).mean() > 0.95
        assert np.median(run[inner, 2]) > np.median(run[outer, 2]) + 1
    lengths = curves.lengths / base.pose.scale * 1000
    assert 5 < lengths.mean() < 9
    assert lengths.max() < 11.5
    # Hers are darker than her skin, and not black.
    assert 0.3 < curves.colors.mean() < 0.6


def test_hairs_cover_what_is_darker_than_skin():
    face = Face.of(astronaut_head()[0].gaussians, astronaut_base())
    middles = found()[Growth.BROWS].guides.points.reshape(-1, 6, 3)[:, 3]
    middles = middles @ face.frame[:3, :3].T + face.frame[:3, 3]
    for side in (1, -1):
        cover = BrowCover.of(Strip.of(face.sight(side), side))
        pixels, _ = face.sight(side).camera.project(middles[np.sign(middles[:, 0]) == side])
        cells = cover.strip.pixels.reshape(-1, 2)
        nearest = np.linalg.norm(pixels[:, None] - cells[None, ::3], axis=2).argmin(axis=1)
        assert (cover.share.ravel()[::3][nearest] > 0.05).mean() > 0.9
        assert cover.share.mean() < 0.2


def test_lashes_follow_the_lid():
    base, curves = astronaut_base(), found()[Growth.LASHES].guides
    expression = np.array(base.expression)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        expression[base.model.expression_names.index(name)] = 1
    closed = base.vertices(expression)
    before, after = local(base, tips(curves)), local(base, tips(curves.moved(base.shown, closed)))
    face = Face.of(astronaut_head()[0].gaussians, base)
    upper = [Lid.of(face, name, True).vertices for name in ("eyeBlinkLeft", "eyeBlinkRight")]
    above = np.isin(curves.roots.corners, np.concatenate(upper)).any(axis=1)
    assert 100 < above.sum() < 190
    assert 40 < (~above).sum() < 100
    fallen = before[:, 2] - after[:, 2]
    assert np.median(fallen[above]) > 4
    assert np.abs(np.median(fallen[~above])) < 2
    # They stand before the face, curled up, fanned out.
    roots = local(base, curves.roots.points(base.shown))
    assert (before[:, 1] < roots[:, 1]).mean() > 0.95
    assert np.median((before - roots)[above, 2]) > 1
    assert curves.colors.mean() < 0.3


def test_a_face_of_one_colour_has_neither_brows_nor_lashes():
    head = astronaut_head()[0].gaussians
    plain = head.replace(sh=harmonics.from_colors(np.tile([0.8, 0.6, 0.5], (len(head), 1))))
    bare = find_face_hair(plain, astronaut_base(), 800, Reporter())
    assert Growth.BROWS not in bare
    # What is between the lids is of one colour with them, too: closed eyes.
    assert Growth.LASHES not in bare


def test_hair_moves_with_its_head():
    matrix = np.eye(4)
    angle = 0.6
    matrix[:3, :3] = 0.17 * np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    matrix[:3, 3] = 1, -2, 0.5
    there = find_face_hair(
        astronaut_head()[0].gaussians.transform(matrix), astronaut_base().transformed(matrix), 800, Reporter()
    )
    for growth, tuft in found().items():
        curves, moved = tuft.guides, there[growth].guides
        assert abs(len(curves) - len(moved)) <= 0.02 * len(curves)
        assert np.allclose(curves.radii.mean() * 0.17, moved.radii.mean(), rtol=1e-4)
        expected = curves.points.mean(axis=0) @ matrix[:3, :3].T + matrix[:3, 3]
        assert np.abs(moved.points.mean(axis=0) - expected).max() < 0.001 * 0.17 * astronaut_base().pose.scale


def test_closed_eyes_get_no_lashes_but_brows():
    result, _ = head_and_photo(file_photo(SHARED / "truth-heads" / "scan" / "photo_35.png"))
    base = fit_base_mesh(result.gaussians, result.shape)
    assert set(find_face_hair(result.gaussians, base, 800, Reporter())) == {Growth.BROWS}
    # He is bald, too, which is said.
    groom = make_groom(result.gaussians, base, 800, Reporter())
    assert set(groom.tufts) == {Growth.BROWS}
    assert groom.notes == (BALD,)


def on_chin_and_lip() -> np.ndarray:
    """[N] 0..1: which of the astronaut's splats lie on jaw, chin and upper lip."""
    base, head = astronaut_base(), astronaut_head()[0].gaussians
    triangle, weights, distance = closest_on_triangles(head.means, base.shown, base.triangles)
    where = (zone(base.model)[base.triangles[triangle]] * weights).sum(axis=1)
    return where * (distance < 0.004 * base.pose.scale) * np.isin(head.parts, (Part.SKIN, Part.NECK))


def test_a_beard_is_found_where_it_is_and_lies_down():
    base, head = astronaut_base(), astronaut_head()[0].gaussians
    where = on_chin_and_lip()[:, None]
    # Single hairs: lighter and darker ones, of no hue.
    light = np.random.default_rng(0).uniform(0.08, 0.4, (len(head), 1))
    colors = head.colors + where * (light - head.colors)
    bearded = head.replace(sh=harmonics.from_colors(colors))
    tuft = find_face_hair(bearded, base, 2000, Reporter())[Growth.BEARD]
    curves = tuft.guides
    roots = local(base, curves.roots.points(base.shown))
    assert (zone(base.model)[curves.roots.corners].max(axis=1) > 0).all()
    assert tuft.hairs > 2 * len(curves)
    # On both sides, on chin and upper lip; not above the nose's wings.
    landmarks = local(base, base.model.landmarks(base.shown))
    for place in (*CHIN[:3], 164):
        assert np.linalg.norm(roots - landmarks[place], axis=1).min() < 4
    assert 0.35 < (roots[:, 0] > 0).mean() < 0.65
    assert (roots[:, 2] < landmarks[[50, 280], 2].mean()).mean() > 0.9
    run = local(base, tips(curves)) - roots
    assert np.median(run[:, 2]) < -1
    lip = (np.abs(roots[:, 0]) > 8) & (roots[:, 2] > landmarks[0, 2]) & (np.abs(roots[:, 0]) < 24)
    assert lip.sum() > 8
    assert np.median(run[lip, 0] * np.sign(roots[lip, 0])) > 0.5
    lengths = curves.lengths / base.pose.scale * 1000
    assert 2 < np.median(lengths) < 7
    # Grey, as it was painted.
    assert np.ptp(curves.colors.mean(axis=0)) < 0.08
    assert 0.05 < curves.colors.mean() < 0.4


def test_shade_and_rough_skin_are_no_beard():
    head = astronaut_head()[0].gaussians
    where = on_chin_and_lip()[:, None]
    rng = np.random.default_rng(0)
    for dark in (0.3, 0.6):
        uneven = np.exp(0.1 * rng.standard_normal((len(head), 1)))
        shaded = to_encoded(to_linear(np.clip(head.colors, 0, 1)) * (1 + where * (dark * uneven - 1)))
        assert Growth.BEARD not in find_face_hair(
            head.replace(sh=harmonics.from_colors(shaded)), astronaut_base(), 800, Reporter()
        )
    assert Growth.BEARD not in found()


@pytest.mark.parametrize(("name", "shortest", "longest"), [("003", 3, 8), ("004", 15, 40)])
def test_beards_of_portraits_are_as_long_as_they_are(name: str, shortest: float, longest: float):
    result, _ = head_and_photo(portrait_photo(name))
    base = fit_base_mesh(result.gaussians, result.shape)
    curves = find_face_hair(result.gaussians, base, 800, Reporter())[Growth.BEARD].guides
    assert shortest < np.median(curves.lengths) / base.pose.scale * 1000 < longest
    assert np.linalg.norm(curves.points[curves.first] - curves.roots.points(base.shown), axis=1).max() < 1e-5


def test_a_woman_has_no_beard():
    result, _ = head_and_photo(portrait_photo("006"))
    hair = find_face_hair(result.gaussians, BaseMesh.from_shape(result.shape), 800, Reporter())
    assert set(hair) == {Growth.BROWS, Growth.LASHES}
