"""Where the photo ends and invention begins: collars, ears and skin that turns away, on the model's mean head."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from core.cameras import Camera
from core.engines.draft.cut import shoulder_cut
from core.engines.draft.ears import over_ears, showing_ears
from core.engines.draft.fields import sample_picture
from core.engines.draft.front import GRAZING, OUTLINE_RIM, STRETCHED, Front, outline_pixels
from core.engines.draft.photo_sheet import along_outline, build_sheet, pixel_splats
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.segmentation import segment
from core.engines.draft.skin import paint_skin
from core.engines.draft.thickness import cover_thickness
from core.engines.draft.trust import skin_trust
from core.engines.draft.view_colors import EXPECTED_AT, TURNING, view_colors
from core.geometry.vectors import unit
from core.head.model import Region
from core.splats.parts import Part
from core.splats.spherical_harmonics import evaluate
from tests.helpers.draft import HAIR, SKIN, labels, with_cap


def shaded_portrait():
    """The mean head in a dark jacket with a white collar, its throat in the chin's shadow."""
    plain, cap = with_cap(12)
    rows = np.arange(512)[:, None] - plain.chin_row
    rgb = np.where(cap[..., None], HAIR, SKIN) + np.random.default_rng(3).normal(0, 0.02, (512, 512, 3))
    neck = (plain.region_map == Region.NECK) & ~plain.face_oval
    throat, collar = neck & (rows < 18), (plain.region_map == Region.TORSO) | (neck & (rows >= 18))
    rgb[throat] *= 0.7
    rgb[collar] = np.array([0.93, 0.95, 0.97]) + np.random.default_rng(4).normal(0, 0.01, (collar.sum(), 3))
    jacket = collar & (rows > 0.55 * plain.face_height)
    rgb[jacket] = [0.1, 0.11, 0.16]
    return plain.with_colors(np.clip(rgb, 0, 1)), throat, collar & ~jacket


def sheet_of(portrait, parts):
    """The photo's pixels on the fitted head, and which of them are left out and turned to the camera."""
    maps = portrait.mesh_maps
    depth = np.where(np.isfinite(maps.depth), maps.depth, 5.0).astype(np.float32)
    sheet = build_sheet(portrait, parts.parts, depth, shoulder_cut(portrait))
    front = Front(depth, maps.mask, np.zeros_like(maps.mask))
    return sheet, *outline_pixels(portrait, parts, front, sheet)


def test_a_collar_is_cloth_and_a_shaded_throat_is_skin():
    portrait, throat, collar = shaded_portrait()
    parts = segment(portrait).parts
    inner = ndimage.binary_erosion(collar, iterations=4)
    assert inner.sum() > 500
    assert (parts[inner] == Part.CLOTHES).mean() > 0.95, "white is no skin of this face under any light"
    inner = ndimage.binary_erosion(throat, iterations=4)
    assert np.isin(parts[inner], (Part.SKIN, Part.NECK)).mean() > 0.95


def test_skin_that_turns_away_is_left_to_the_head_or_faces_the_camera():
    portrait, cap = with_cap(5)
    parts = labels(portrait, cap)
    sheet, left_out, turned = sheet_of(portrait, parts)
    inside = ndimage.distance_transform_edt(portrait.mask)
    flesh = np.isin(parts.parts, (Part.SKIN, Part.NECK)) & portrait.mesh_maps.mask
    slanted = flesh & (sheet.facing < GRAZING) & (inside < OUTLINE_RIM - 1)
    beside = slanted & ~portrait.face_oval
    assert beside.sum() > 200 and left_out[beside].all()
    face = portrait.face_oval & (sheet.facing >= STRETCHED)
    assert face.sum() > 0.9 * portrait.face_oval.sum() and not left_out[face].any(), "the face keeps its pixels"
    assert turned[slanted & face].all()
    laid = along_outline(portrait, sheet, left_out, turned)
    assert not laid.used[beside].any()
    assert np.array_equal(laid.used[face], sheet.used[face])
    aslant = cap & portrait.mesh_maps.mask & (sheet.facing < 0.2) & (inside > 4) & (inside < OUTLINE_RIM - 1)
    assert aslant.sum() > 100 and left_out[aslant].mean() > 0.99, "strands show hair that turns away"
    ears = (portrait.region_map == Region.EARS) & ~portrait.face_oval & flesh
    assert left_out[ears].all(), "ears are the head's own"


def test_an_ear_tells_nothing_of_the_skin_and_hair_around_it():
    portrait, cap = with_cap(12)
    parts = labels(portrait, cap)
    red = portrait.rgb.copy()
    larger = ndimage.binary_dilation(portrait.region_map == Region.EARS, iterations=4) & ~portrait.face_oval
    red[larger] = [0.9, 0.2, 0.2]
    plain, painted = (paint_skin(portrait.with_colors(rgb), parts.parts).colors for rgb in (portrait.rgb, red))
    ears = portrait.model.in_regions(Region.EARS)
    near = ~ears & larger[pixels_of(portrait, portrait.camera)]
    assert near.sum() > 20
    assert np.abs(painted - plain)[ears].max() > 0.1, "the ear is as red as it is seen"
    assert np.abs(painted - plain)[near].mean() < 0.3 * np.abs(painted - plain)[ears].mean()
    # An ear that stands higher than the fitted one is no bald place in the hair behind it.
    mask = portrait.mask | larger
    covered = cap & ~larger
    other = FittedPortrait(red, mask.astype(np.float32), portrait.landmarks, portrait.fit)
    thickness, growth = cover_thickness(other, covered)
    reference, _ = cover_thickness(portrait, cap)
    scalp = portrait.model.in_regions(Region.SCALP)
    assert ((thickness[scalp] > 0) | (reference[scalp] == 0)).mean() > 0.98
    assert growth[scalp].max() < 0.02


def pixels_of(portrait, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the head's vertices in the photo."""
    columns, rows = np.clip(np.floor(camera.project(portrait.vertices)[0]).astype(int), 0, 511).T
    return rows, columns


def test_no_hair_grows_over_an_ear_that_shows():
    portrait, cap = with_cap(12)
    showing = showing_ears(portrait, labels(portrait, cap))
    assert np.array_equal(showing, portrait.model.in_regions(Region.EARS))
    ears, normals = portrait.vertices[showing].astype(np.float64), portrait.fit.normals[showing]
    assert over_ears(portrait, showing, ears + 0.01 * normals).mean() > 0.9, "nor in its hollows"
    scalp = portrait.model.in_regions(Region.SCALP)
    above = portrait.vertices[scalp] + 0.02 * portrait.fit.normals[scalp]
    assert over_ears(portrait, showing, above).mean() < 0.1
    covered = labels(portrait, cap | (portrait.region_map == Region.EARS))
    assert not over_ears(portrait, showing_ears(portrait, covered), ears).any(), "hair that covers an ear stays"


def test_what_is_unlike_skin_does_not_stick_to_cheeks_that_turn_away():
    portrait, cap = with_cap(12)
    parts = labels(portrait, cap)
    maps, triangles = portrait.mesh_maps, portrait.outer_triangles
    facing = maps.interpolate(triangles, portrait.facing(portrait.vertices, portrait.fit.normals))
    rows = np.arange(512)[:, None]
    band = maps.mask & (facing > 0.2) & (facing < 0.5) & (abs(rows - portrait.chin_row + 40) < 12)
    band &= portrait.region_map == Region.FACE
    assert band.sum() > 20
    shown = maps.mask & ~cap
    for light in ([0.95, 0.97, 1.0], [0.1, 0.1, 0.12]):
        lit = np.where(band[..., None], light, portrait.rgb).astype(np.float32)
        other = portrait.with_colors(lit)
        skin, plain = (paint_skin(each, parts.parts) for each in (other, portrait))
        on_cheek = band[pixels_of(portrait, portrait.camera)] & (facing_of(portrait) > 0.2)
        assert on_cheek.sum() > 3
        assert np.abs(skin.colors - plain.colors)[on_cheek].max() < 0.12, "the skin has the skin's colour there"
        expected = other.on_mesh(skin.colors)
        trust = skin_trust(other, expected, shown)
        assert (trust[band] < 0.5).mean() > 0.95
        assert (skin_trust(other, expected, shown, whiskers=band)[band] == 1).all(), "a beard is believed"
        middle = portrait.face_oval & (facing > 0.8)
        assert (trust[middle] == 1).mean() > 0.98, "what faces the camera is believed"
    trust = skin_trust(portrait, portrait.on_mesh(plain.colors), shown)
    assert (trust[band] > 0.9).mean() > 0.95, "skin is believed"


def test_a_dark_rim_is_seen_by_the_photo_alone():
    portrait, cap = with_cap(12)
    parts = labels(portrait, cap)
    facing = portrait.mesh_maps.interpolate(portrait.outer_triangles, facing_of(portrait))
    cheek = (facing < TURNING[0]) & portrait.mesh_maps.mask & (portrait.region_map == Region.FACE)
    cheek &= ~portrait.features(0.05) & ~cap
    dark = portrait.with_colors(np.where(cheek[..., None], 0.2 * portrait.rgb, portrait.rgb))
    skin = paint_skin(portrait, parts.parts)
    sheet, *_ = sheet_of(dark, parts)
    splats = pixel_splats(dark.camera, sheet, dark.rgb, cheek & sheet.used)
    assert len(splats) > 200
    views = view_colors(
        dark, sheet, dark.on_mesh(skin.colors), np.ones(cheek.shape), None, np.empty((0, 3)), np.empty((0, 3))
    )
    gaussians = views.apply(splats, dark)

    looks = unit(gaussians.means - dark.camera.position).astype(np.float64)
    np.testing.assert_allclose(evaluate(gaussians.sh, looks), splats.colors, atol=1e-4)
    up = np.array([0.0, 0.0, 1.0])
    across = unit(EXPECTED_AT * looks + np.sqrt(1 - EXPECTED_AT**2) * unit(np.cross(looks, up)))
    pixels, _ = dark.camera.project(gaussians.means)
    expected = sample_picture(portrait.rgb, pixels)
    off = np.abs(evaluate(gaussians.sh, across) - expected).mean()
    assert off < 0.15 * np.abs(splats.colors - expected).mean(), "from across it is skin"
    middle = portrait.face_oval & ndimage.binary_erosion(facing > TURNING[1], iterations=2)
    frontal = pixel_splats(dark.camera, sheet, dark.rgb, middle & sheet.used)
    same = views.apply(frontal, dark)
    assert not same.sh[:, 1:].any(), "what faces the camera looks the same from every side"


def facing_of(portrait: FittedPortrait) -> np.ndarray:
    """Cosines between the vertices' normals and the rays to the camera."""
    return portrait.facing(portrait.vertices, portrait.fit.normals)


def test_skin_that_is_not_seen_is_nowhere_brighter_than_skin_that_is():
    portrait, cap = with_cap(12)
    parts = labels(portrait, cap)
    columns = portrait.mesh_maps.interpolate(portrait.outer_triangles, portrait.fit.normals)[..., 0]
    lit = portrait.rgb * np.where(cap, 1.0, np.clip(0.55 + 0.75 * columns, 0.1, 1.25))[..., None]
    skin = paint_skin(portrait.with_colors(np.clip(lit, 0, 1)), parts.parts)
    light = skin.colors.mean(1)
    seen = lit[portrait.face_oval].mean(1)
    assert light[facing_of(portrait) < 0].max() < np.percentile(seen, 99) + 0.03
