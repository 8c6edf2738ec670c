"""The draft engine's stages one by one, on a head whose answers are known: the model's mean head, drawn as a photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from core.colors import rgb_to_lab
from core.engines.draft.bareness import bare_places
from core.engines.draft.beard import build_beard
from core.engines.draft.cover import build_cover
from core.engines.draft.cut import shoulder_cut
from core.engines.draft.lattice import Lattice
from core.engines.draft.light import fit_light, harmonics
from core.engines.draft.neckline import find_neckline
from core.engines.draft.outline import meet_outline
from core.engines.draft.photo_sheet import build_sheet
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.rim import clean_outline, clean_rim
from core.engines.draft.samples import Samples
from core.engines.draft.segmentation import segment
from core.engines.draft.thickness import MINIMUM_HAIR, cover_thickness
from core.engines.draft.torso import build_torso
from core.engines.draft.unveiling import View
from core.head.model import Region
from core.head.symmetry import mirror
from core.splats.parts import Part
from tests.helpers.draft import HAIR, SKIN, labels, plain_portrait, with_cap


@pytest.mark.parametrize("pixels", (10, 30))
def test_hair_is_as_thick_as_the_outline_shows_it(pixels):
    portrait, cap = with_cap(pixels)
    thickness, growth = cover_thickness(portrait, cap)
    scalp = portrait.model.in_regions(Region.SCALP)
    top = scalp & (portrait.model.mean[:, 2] > np.percentile(portrait.model.mean[scalp, 2], 80))
    expected = pixels * np.linalg.norm(portrait.camera.position) / portrait.camera.fx
    assert np.median(thickness[top]) == pytest.approx(expected, rel=0.25)
    back = thickness[scalp & (portrait.fit.normals[:, 1] > 0.5)]
    assert np.median(back) >= 0.9 * MINIMUM_HAIR and back.min() > 0.5 * MINIMUM_HAIR, "the back has hair, too"
    assert growth[top].max() < 0.1 * expected, "what hair explains is not the skull's"
    face = portrait.model.in_regions(Region.LIPS)
    assert thickness[face].max() == 0


def test_a_bare_skull_grows_to_its_outline_and_has_no_hair():
    plain = plain_portrait()
    grown = ndimage.binary_dilation(plain.region_map == Region.SCALP, iterations=8) | plain.mask
    portrait = FittedPortrait(plain.rgb, grown.astype(np.float32), plain.landmarks, plain.fit)
    thickness, growth = cover_thickness(portrait, np.zeros_like(grown))
    taller = portrait.with_vertices(portrait.vertices + growth[:, None] * portrait.fit.normals)

    def top(mask):
        return np.flatnonzero(mask.any(axis=1)).min()

    assert thickness.max() == 0
    assert abs(top(taller.region_map >= 0) - top(grown)) < abs(top(plain.mask) - top(grown)) / 2


@pytest.mark.parametrize("turn", (-30, 30))
def test_the_side_that_a_turned_head_hides_has_the_hair_of_the_other(turn):
    portrait = plain_portrait(turn)
    model, scalp = portrait.model, portrait.region_map == Region.SCALP
    thickness, _ = cover_thickness(portrait, scalp)
    facing = portrait.facing(portrait.vertices, portrait.fit.normals)
    temples = model.in_regions(Region.SCALP) & (np.abs(model.mean[:, 0]) > 0.055) & (model.mean[:, 1] < -0.005)
    haired = (facing[mirror(model)] > 0.2) & (thickness[mirror(model)] > 0.9 * MINIMUM_HAIR)
    hidden = temples & haired & (facing < -0.2)
    assert hidden.sum() > 10
    assert np.percentile(thickness[hidden], 10) > 0.9 * MINIMUM_HAIR
    assert thickness[model.in_regions(Region.LIPS)].max() == 0


def test_a_side_that_is_seen_to_be_shaved_stays_so():
    portrait = plain_portrait()
    model, right = portrait.model, np.arange(512)[None] > portrait.camera.cx
    thickness, _ = cover_thickness(portrait, (portrait.region_map == Region.SCALP) & right)
    seen = model.in_regions(Region.SCALP) & (portrait.facing(portrait.vertices, portrait.fit.normals) > 0.2)
    assert np.median(thickness[seen & (model.mean[:, 0] < -0.03)]) == 0
    assert np.median(thickness[seen & (model.mean[:, 0] > 0.03)]) > 0.7 * MINIMUM_HAIR


def test_hair_that_has_no_room_inside_the_outline_gets_it_from_the_skull():
    portrait = plain_portrait()
    thickness, growth = cover_thickness(portrait, portrait.region_map == Region.SCALP)
    facing = portrait.facing(portrait.vertices, portrait.fit.normals)
    outline = portrait.model.in_regions(Region.SCALP) & (np.abs(facing) < 0.1) & (portrait.model.mean[:, 2] > 0.05)
    assert np.median((thickness + growth)[outline]) < 0.4 * np.median(thickness[outline])
    assert np.abs(growth[portrait.model.in_regions(Region.LIPS)]).max() < 1e-3


def test_neck_and_ears_meet_the_outline_and_the_face_stays():
    plain = plain_portrait()
    flesh = np.isin(plain.region_map, (Region.NECK, Region.EARS))
    wider = ndimage.binary_dilation(flesh, np.ones((1, 13))) | plain.mask
    portrait = FittedPortrait(plain.rgb, wider.astype(np.float32), plain.landmarks, plain.fit)
    parts = np.where(wider, Part.SKIN, Part.BACKGROUND).astype(np.int8)
    met = meet_outline(portrait, parts)

    def missing(fitted):
        return (wider & (fitted.region_map < 0)).sum()

    assert missing(met) < 0.4 * missing(portrait)
    landmarks = met.model.landmarks(met.vertices), plain.model.landmarks(plain.vertices)
    assert np.abs(landmarks[0] - landmarks[1]).max() < 0.01
    clothed = np.where(wider, Part.CLOTHES, Part.BACKGROUND).astype(np.int8)
    assert meet_outline(portrait, clothed) is portrait, "the outline of clothes tells nothing of what is under them"


def test_a_beard_falls_from_the_chin():
    portrait = plain_portrait()
    lattice = Lattice.of_photo(portrait.camera)
    rows, columns = np.mgrid[:512, :512]
    below = (rows - portrait.chin_row) / portrait.face_height
    shown = ~portrait.face_oval & (below > -0.05) & (below < 0.35)
    shown &= np.abs(columns - portrait.landmarks[152, 0]) < 0.3 * portrait.face_height
    beard = build_beard(portrait, lattice, shown)
    near, _ = lattice.mesh_depths(portrait.vertices, portrait.outer_triangles)
    x, y = lattice.centers()
    middle = beard.mask & (np.abs(x - portrait.landmarks[152, 0]) < 8)
    middle &= np.abs(y - portrait.chin_row - 0.15 * portrait.face_height) < 8
    chin = np.nanmin(near[np.abs(y - portrait.chin_row) < 8])
    assert beard.front[middle] == pytest.approx(chin, abs=0.06), "as far before the neck as the chin"
    assert (beard.front[middle] < near[middle] - 0.1).all()
    lowest = beard.mask & (y > y[beard.mask].max() - 4)
    assert beard.front[lowest].mean() > beard.front[middle].mean() + 0.05, "its end turns back"
    assert build_beard(portrait, lattice, np.zeros_like(shown)) is None


def test_stubble_is_told_from_the_chin_up_the_jaw_and_not_where_there_is_none():
    portrait, cap = with_cap(12)
    below, _ = portrait.chin_frame
    noise = np.random.default_rng(0).normal(0, 0.02, (512, 512, 3))
    colors = np.where(cap[..., None], HAIR, SKIN) + noise
    inner = ndimage.binary_erosion(portrait.face_oval, iterations=20)
    jaw = portrait.face_oval & (below > -0.6) & ~portrait.features(0.04)
    stubble = portrait.chin_places | (jaw & ~inner)
    shaven, unshaven = (
        portrait.with_colors(np.clip(each, 0, 1)) for each in (colors, colors * np.where(stubble, 0.55, 1)[..., None])
    )
    assert segment(shaven).whiskers is None
    found = segment(unshaven)
    assert found.whiskers[portrait.chin_places].mean() > 0.95 and found.whiskers[stubble & (below < -0.3)].mean() > 0.8
    assert found.whiskers[portrait.face_oval & ~ndimage.binary_dilation(stubble, iterations=6)].mean() < 0.02
    assert not found.beard.any(), "it lies on the skin"


def test_bare_scalps_and_hair_are_told_by_their_looks():
    rng = np.random.default_rng(1)
    rgb = np.tile(SKIN, (128, 128, 1)) + rng.normal(0, 0.01, (128, 128, 3))
    mask = np.ones((128, 128), bool)
    face = np.zeros_like(mask)
    face[70:120, 30:100] = True
    rgb[:40] = SKIN * 0.92 + rng.normal(0, 0.01, (40, 128, 3))
    bare = bare_places(rgb_to_lab(rgb.astype(np.float32)), mask, face)
    assert bare[5:35, 10:-10].mean() > 0.95, "a little darker is skin still"
    rgb[:40] = HAIR + rng.normal(0, 0.06, (40, 128, 1))
    assert bare_places(rgb_to_lab(rgb.astype(np.float32)), mask, face)[5:30].mean() < 0.02
    grey = np.full(3, 0.62) + rng.normal(0, 0.08, (40, 128, 1))
    rgb[:40] = grey
    assert bare_places(rgb_to_lab(rgb.astype(np.float32)), mask, face)[5:30].mean() < 0.02, (
        "grey hair is as light as skin"
    )


def test_light_is_found_from_the_front_and_stays_sane_behind():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(4000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    true = np.zeros((9, 3))
    true[0], true[1], true[2], true[3] = SKIN**2.2, 0.10, -0.12, 0.05
    colors = harmonics(normals) @ true
    towards = np.array([0.0, -1.0, 0.0])
    seen = normals @ towards > 0.3
    noisy = colors[seen] + rng.normal(0, 0.005, (seen.sum(), 3))
    noisy[::20] *= 0.3  # brows and nostrils
    light = fit_light(normals[seen], noisy, np.ones(seen.sum()), towards)
    assert np.abs(light(normals[seen]) - colors[seen]).mean() < 0.015
    behind = light(normals[normals @ towards < -0.8])
    front = np.median(colors[seen], axis=0)
    assert (behind < 1.2 * front).all() and (behind > 0.15 * front).all()


def cover_of(portrait, cap, covered, **changes):
    """The cover of a head whose hair is a cap, where a mask shows it."""
    segmentation = replace(labels(portrait, cap), **changes)
    lattice = Lattice.of_photo(portrait.camera)
    outline = lattice.continued(portrait.mask)
    torso = build_torso(portrait, segmentation, lattice, outline)
    thickness, _ = cover_thickness(portrait, cap)
    return build_cover(
        *(portrait, segmentation, lattice, thickness, torso, outline, covered),
        *(shoulder_cut(portrait), find_neckline(portrait, segmentation)),
    )


def test_long_hair_of_which_nothing_is_left_below_hangs_nowhere():
    portrait, cap = with_cap(20)
    torn = cap & (np.arange(512)[:, None] < np.flatnonzero(cap.any(axis=1))[0] + 4)
    cover = cover_of(portrait, cap, torn, long_hair=True)
    assert cover.grid.sample(cover.hair, portrait.vertices[portrait.model.in_regions(Region.TORSO)]).max() < 0


def test_the_cover_is_closed_and_goes_where_hair_is():
    portrait, cap = with_cap(20)
    cover = cover_of(portrait, cap, cap)
    quads = cover.surface.quads
    edges = np.sort(np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts % 2 == 0).all(), "closed: every edge has a face on both sides"
    expected = portrait.vertices[:, 2].max() + 20 * np.linalg.norm(portrait.camera.position) / portrait.camera.fx
    assert cover.surface.vertices[cover.on_head, 2].max() == pytest.approx(expected, abs=0.04)
    back = (
        cover.surface.vertices[cover.on_head, 1].max()
        - portrait.vertices[portrait.model.in_regions(Region.SCALP), 1].max()
    )
    assert 0.5 * MINIMUM_HAIR < back < 0.15, "hair goes around the back of the head"
    face = portrait.vertices[portrait.model.in_regions(Region.LIPS)].astype(np.float64)
    assert cover.grid.sample(cover.hair, face).max() < 0, "the mouth is free"


def test_what_is_invented_neither_covers_the_photo_nor_leaves_its_outline():
    portrait, cap = with_cap(20)
    segmentation = labels(portrait, cap)
    depth = np.where(np.isfinite(portrait.mesh_maps.depth), portrait.mesh_maps.depth, 5.0).astype(np.float32)
    sheet = build_sheet(portrait, segmentation.parts, depth, shoulder_cut(portrait))
    view = View(portrait, sheet)
    nose = sheet.positions[280, 256]
    towards = (portrait.camera.position - nose) / np.linalg.norm(portrait.camera.position - nose)
    before, behind = nose + 0.05 * towards, nose - 0.2 * towards
    assert view.blocked(np.stack([before, behind]), Part.HAIR).tolist() == [True, False]
    samples = Samples(before[None], towards[None], np.zeros(1, int), np.zeros((1, 4)), np.full(1, 0.02))
    fitted, kept = view.fit(samples, np.array([Part.SKIN]))
    assert kept.all(), "skin over skin is pushed back"
    assert portrait.camera.project(fitted.positions)[1][0] > sheet.depth[280, 256]
    assert fitted.radii[0] < 0.02, "and is small behind the face"
    row = int(portrait.chin_row - 0.3 * portrait.face_height)
    edge = np.flatnonzero(portrait.mask[row])[0]
    assert segmentation.parts[row, edge] == Part.SKIN
    outer = portrait.camera.unproject(np.array([[edge - 1.0, row + 0.5]]), np.array([5.0]))
    sideways = np.array([[-1.0, 0.0, 0.0]])
    samples = Samples(outer, sideways, np.zeros(1, int), np.zeros((1, 4)), np.full(1, 0.02))
    fitted, kept = view.fit(samples, np.array([Part.SKIN]))
    assert kept.all() and portrait.camera.project(fitted.positions)[0][0, 0] > edge + 1, "skin ends at the outline"
    beside = portrait.camera.unproject(np.array([[20.0, 100.0]]), np.array([5.0]))
    assert view.blocked(beside, Part.HAIR).all()


def test_hair_close_behind_a_face_stays_however_deep_the_hair_beside_it_lies():
    portrait, cap = with_cap(20)
    segmentation = labels(portrait, cap)
    depth = np.where(np.isfinite(portrait.mesh_maps.depth), portrait.mesh_maps.depth, 5.0).astype(np.float32)
    depth[cap] = depth.max()
    sheet = build_sheet(portrait, segmentation.parts, depth, shoulder_cut(portrait))
    column = 256
    row = np.flatnonzero(cap[:, column])[-1] + 2
    pixel = np.array([[column + 0.5, row + 0.5]])
    around = depth[row - 4 : row + 5, column - 4 : column + 5]
    face = around[~cap[row - 4 : row + 5, column - 4 : column + 5]].max()
    points = portrait.camera.unproject(np.repeat(pixel, 2, 0), np.array([face - 0.01, face + 0.05]))
    assert depth[row, column] < face + 0.05 < depth[cap].min()
    assert View(portrait, sheet).blocked(points, Part.HAIR).tolist() == [True, False]


def test_discs_under_hair_do_not_reach_over_the_face_beside_them():
    portrait, cap = with_cap(20)
    depth = np.where(np.isfinite(portrait.mesh_maps.depth), portrait.mesh_maps.depth, 5.0).astype(np.float32)
    sheet = build_sheet(portrait, labels(portrait, cap).parts, depth, shoulder_cut(portrait))
    column = 256
    lowest = np.flatnonzero(cap[:, column])[-1]
    face = depth[lowest + 4, column]
    pixels = np.array([[column + 0.5, lowest - 7.5], [column + 0.5, lowest - 7.5], [column + 0.5, lowest - 60]])
    points = portrait.camera.unproject(pixels, np.array([face - 0.02, face + 1.0, face - 0.02]))
    radius = 0.03
    near, behind, inner = View(portrait, sheet).trimmed(points, Part.HAIR, np.full(3, radius))
    reach = 2 * near * portrait.camera.fx / (face - 0.02)
    assert 5 < reach < 10, "it ends where the face begins, 8 pixels from its middle"
    assert behind == inner == radius, "what lies behind the face, or far from it, stays"


def test_the_rim_takes_hairs_colour_from_further_inside():
    portrait, cap = with_cap(20)
    rgb = portrait.rgb.copy()
    rim = cap & ~ndimage.binary_erosion(portrait.mask, iterations=1, border_value=1)
    rgb[rim] = 1.0  # what a white background leaves in a matte's edge
    cleaned = clean_rim(portrait.with_colors(rgb), labels(portrait, cap).parts)
    assert np.abs(cleaned[rim] - HAIR).mean() < 0.5 * np.abs(rgb[rim] - HAIR).mean()
    inner = ndimage.binary_erosion(portrait.mask, iterations=6, border_value=1)
    assert np.array_equal(cleaned[inner], rgb[inner])


def test_the_rim_takes_nothing_from_gaps_that_lie_further_inside():
    portrait, cap = with_cap(20)
    parts = labels(portrait, cap).parts
    soft = np.where(portrait.mask, portrait.alpha, 0.4 * ndimage.binary_dilation(portrait.mask, iterations=3))
    outside = ndimage.binary_dilation(cap, iterations=3) & ~portrait.mask
    near = cap & ~ndimage.binary_erosion(portrait.mask, iterations=9, border_value=1)
    gap = near & (np.indices(cap.shape)[1] > 340)
    rgb = np.where(outside[..., None], HAIR, np.where(gap[..., None], 0.93, portrait.rgb)).astype(np.float32)
    holed = replace(portrait, rgb=rgb, alpha=soft.astype(np.float32))
    assert np.abs(clean_outline(holed, parts)[outside | gap] - HAIR).max() < 0.05
