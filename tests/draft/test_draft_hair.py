"""Hair on the model's mean head drawn as a photo: told from clothes and skin, and what of it nobody sees."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.engines.draft.cut import shoulder_cut
from core.engines.draft.front import COVER_BLUR, find_front, parted
from core.engines.draft.hanging import at_nape
from core.engines.draft.lattice import Lattice
from core.engines.draft.painting import innermost
from core.engines.draft.photo_sheet import build_sheet
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.samples import Samples
from core.engines.draft.segmentation import segment
from core.engines.draft.unveiling import View
from core.head.mesh_raster import rasterize_mesh
from core.head.model import Region, triangulate
from core.splats.parts import Part
from tests.draft.test_draft_stages import cover_of
from tests.helpers.draft import HAIR, SKIN, labels, plain_portrait, with_cap

BLUE, BLACK = np.array([0.15, 0.2, 0.5]), np.array([0.07, 0.06, 0.06])
BLOND = np.array([0.82, 0.66, 0.5])


def portrait_with(color, clothes, falls: bool) -> tuple[FittedPortrait, np.ndarray]:
    """The mean head in clothes, with short hair or hair that falls past the shoulder at the right of the picture."""
    capped, cap = with_cap(16)
    rng = np.random.default_rng(2)
    rows, columns = np.indices(cap.shape)
    hair = cap
    if falls:
        aside = (columns - capped.landmarks[152, 0]) / capped.face_height
        below = (rows - capped.chin_row) / capped.face_height
        hair = cap | ((aside > 0.45) & (aside < 0.95) & (below > -0.9) & (below < 0.75))
    mask = capped.mask | hair
    noise = ndimage.gaussian_filter(rng.normal(size=cap.shape), (4, 0.8))
    strands = np.clip(color * (1 + 0.25 * (noise / noise.std())[..., None]), 0, 1)
    rgb = np.where(((capped.region_map == Region.TORSO) & mask)[..., None], clothes, capped.rgb)
    rgb = np.where(hair[..., None], strands, rgb) + rng.normal(0, 0.01, (512, 512, 1))
    return FittedPortrait(rgb.astype(np.float32), mask.astype(np.float32), capped.landmarks, capped.fit), hair


@pytest.mark.parametrize(("color", "clothes"), ((HAIR, BLUE), (BLACK, BLUE), (BLOND, BLUE), (BLOND, BLACK)))
def test_hair_that_falls_on_one_side_is_hair_down_to_its_end(color, clothes):
    portrait, hair = portrait_with(color, clothes, falls=True)
    found = segment(portrait)
    inner = ndimage.binary_erosion(hair, iterations=4) & ~portrait.face_oval
    below = np.arange(512)[:, None] > portrait.chin_row
    assert found.long_hair and not found.headgear.any()
    assert (found.parts == Part.HAIR)[inner].mean() > 0.9
    assert (found.parts == Part.HAIR)[inner & below].mean() > 0.85
    chest = (portrait.region_map == Region.TORSO) & ~hair & (np.arange(512)[:, None] > portrait.chin_row + 60)
    assert (found.parts == Part.CLOTHES)[chest].mean() > 0.95


@pytest.mark.parametrize("color", (HAIR, BLACK))
def test_long_hair_over_a_cheek_is_hair_and_the_other_cheeks_shade_is_skin(color):
    portrait, hair = portrait_with(color, BLUE, falls=True)
    rows, columns = np.indices(hair.shape)
    aside = (columns - portrait.landmarks[152, 0]) / portrait.face_height
    below = (rows - portrait.chin_row) / portrait.face_height
    lock = portrait.face_oval & (aside > 0.25) & (below < -0.2)
    shade = portrait.face_oval & (aside < -0.15) & ~portrait.features(0.03)
    light = np.where(shade, 0.35, 1.0)[..., None]
    rgb = np.where(lock[..., None], color * (1 + 0.1 * np.sin(columns)[..., None]), portrait.rgb * light)
    portrait = portrait.with_colors(np.clip(rgb, 0, 1))
    parts = segment(portrait).parts
    assert (parts == Part.HAIR)[lock & ~portrait.features(0.06)].mean() > 0.8
    assert (parts == Part.SKIN)[ndimage.binary_erosion(shade, iterations=2)].mean() > 0.95


def test_one_lock_before_another_is_a_step_and_not_a_slope():
    hair = np.ones((64, 64), bool)
    sharp = np.where(np.arange(64) < 32, 5.0, 5.4) * np.ones((64, 1))
    soft = ndimage.gaussian_filter(sharp, COVER_BLUR)
    between = (soft > 5.05) & (soft < 5.35)
    depth = parted(soft, hair, hair)
    assert between.any() and not ((depth > 5.05) & (depth < 5.35)).any()
    np.testing.assert_array_equal(parted(soft, hair, ~hair), soft)
    gentle = 5 + 0.002 * np.arange(64) * np.ones((64, 1))
    np.testing.assert_array_equal(parted(gentle, hair, hair), gentle)


def test_hair_before_an_ear_lies_where_it_falls_and_not_on_the_ear():
    portrait = plain_portrait()
    ears = portrait.region_map == Region.EARS
    hair = (portrait.region_map == Region.SCALP) | ndimage.binary_dilation(ears, iterations=10)
    hair &= ~ndimage.binary_erosion(portrait.face_oval, iterations=2)
    mask = portrait.mask | hair
    portrait = FittedPortrait(portrait.rgb, mask.astype(np.float32), portrait.landmarks, portrait.fit)
    found = labels(portrait, hair)
    cover = cover_of(portrait, hair, hair)
    seen = rasterize_mesh(portrait.camera, cover.surface.vertices, triangulate(cover.surface.quads))
    over = ears & hair & seen.mask & (seen.depth < portrait.mesh_maps.depth - 0.03)
    assert over.sum() > 30
    depth = find_front(portrait, found, cover.surface).depth
    assert np.abs(depth - seen.depth)[over].max() < 0.03


def portrait_with_nape(width: int, color: np.ndarray) -> tuple[FittedPortrait, np.ndarray]:
    """The mean head with short hair, and something of a colour beside the jaw, some pixels wide, below its ears."""
    portrait, _ = portrait_with(HAIR, BLUE, falls=False)
    below, aside = portrait.chin_frame
    nape = ndimage.binary_dilation(portrait.region_map >= 0, iterations=width) & ~portrait.mask
    nape &= (below > portrait.ear_lobes + 0.03) & (below < -0.1) & (aside < 0.6)
    noise = 1 + 0.2 * np.random.default_rng(0).normal(size=(512, 512, 1))
    rgb = np.where(nape[..., None], np.clip(color * noise, 0, 1), portrait.rgb).astype(np.float32)
    return FittedPortrait(rgb, np.maximum(portrait.alpha, nape), portrait.landmarks, portrait.fit), nape


def test_short_hair_of_the_nape_shows_beside_the_jaw_and_lies_behind_it():
    portrait, nape = portrait_with_nape(16, HAIR)
    found = segment(portrait)
    assert not found.long_hair and nape.sum() > 200
    inner = nape & (ndimage.distance_transform_edt(portrait.region_map < 0) > 3)
    assert found.nape[inner].mean() > 0.8
    cover = cover_of(portrait, found.on_head, found.covered, nape=found.nape)
    model, depths = portrait.model, portrait.camera.project(portrait.vertices.astype(np.float64))[1]
    depth = find_front(portrait, found, cover.surface).depth
    assert np.median(depth[inner]) > np.median(depths[model.in_regions(Region.EARS)])


def test_short_hair_beside_the_jaw_goes_on_around_the_nape():
    portrait, nape = portrait_with_nape(16, HAIR)
    found = segment(portrait)
    cover = cover_of(portrait, found.on_head, found.covered, nape=found.nape)
    bare = cover_of(portrait, found.on_head, found.on_head)
    rows = np.nonzero(found.nape)[0]
    distance = np.linalg.norm(portrait.camera.position)
    lowest, middle = portrait.camera.unproject(
        np.array([[256.0, rows.max()], [256.0, np.median(rows)]]), np.array([distance, distance])
    )[:, 2]
    neck = portrait.vertices[portrait.model.in_regions(Region.NECK, Region.SCALP)].astype(np.float64)
    nape = neck[(neck[:, 2] > lowest + 0.08) & (neck[:, 2] < middle) & (np.abs(neck[:, 0]) < 0.15)]
    behind = nape[nape[:, 1] > np.median(neck[:, 1])] + np.array([0, 0.01, 0])
    assert len(behind) > 5
    assert (cover.grid.sample(cover.hair, behind) > 0).mean() > 0.8
    assert (bare.grid.sample(bare.hair, behind) > 0).mean() < 0.5


def test_hair_of_the_nape_gets_thinner_towards_its_end():
    portrait, _ = portrait_with_nape(16, HAIR)
    found = segment(portrait)
    lattice = Lattice.of_photo(portrait.camera)
    neck = portrait.vertices[portrait.model.in_regions(Region.NECK, Region.SCALP)].astype(np.float64)
    shown = lattice.shrink(found.nape) > 0.25
    rows = np.flatnonzero(shown.any(axis=1))
    distance = np.full(2, np.linalg.norm(portrait.camera.position))
    ends = lattice.camera.unproject(np.array([[64.0, rows[-1] + 0.5], [64.0, rows[0] + 0.5]]), distance)[:, 2]
    thick = []
    for height in (ends[0] + 0.02, ends.mean()):
        around = neck[np.abs(neck[:, 2] - height) < 0.04]
        line = np.column_stack([np.zeros(200), around[:, 1].max() + np.linspace(-0.1, 0.1, 200), np.full(200, height)])
        behind = line[at_nape(portrait, lattice, line, shown) > 0]
        thick.append(behind[:, 1].max(initial=around[:, 1].max() - 0.1) - around[:, 1].max())
    assert thick[1] > 0.02 > 0 > thick[0]


def test_light_from_behind_at_the_jaw_is_no_hair():
    portrait, rim = portrait_with_nape(5, HAIR)
    found = segment(portrait)
    assert rim.sum() > 50 and not found.nape.any()
    assert (found.parts == Part.HAIR)[rim].mean() < 0.1


def test_grey_hair_of_the_nape_is_hair_though_it_looks_like_skin():
    grey = (SKIN + SKIN.mean()) / 2
    portrait, nape = portrait_with_nape(20, grey)
    inner = nape & (ndimage.distance_transform_edt(portrait.region_map < 0) > 8)
    inner &= portrait.chin_frame[0] < portrait.ear_lobes + 0.25
    assert inner.sum() > 50
    assert (segment(portrait).parts == Part.HAIR)[inner].mean() > 0.8


def test_skin_that_lies_before_the_hair_of_the_nape_is_drawn_in_and_not_left_out():
    portrait, nape = portrait_with_nape(16, HAIR)
    found = segment(portrait)
    cover = cover_of(portrait, found.on_head, found.covered, nape=found.nape)
    front = find_front(portrait, found, cover.surface)
    sheet = build_sheet(portrait, found.parts, front.depth, shoulder_cut(portrait))
    rows, columns = np.nonzero(found.nape & ndimage.binary_dilation(~nape & portrait.mask, iterations=6))
    pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
    depth = sheet.depth[rows, columns] - 0.2
    points = portrait.camera.unproject(pixels, depth)
    aside = np.tile([1.0, 0, 0], (len(points), 1))
    none = np.zeros((len(points), 4))
    samples = Samples(points, aside, np.zeros(len(points), int), none, np.full(len(points), 0.004))
    parts = np.full(len(points), Part.SKIN)
    assert View(portrait, sheet, found.nape).fit(samples, parts)[1].mean() > 0.8
    assert View(portrait, sheet).fit(samples, parts)[1].mean() < 0.2


@pytest.mark.parametrize("clothes", (BLACK, BLUE))
def test_short_hair_over_clothes_of_its_colour_is_short(clothes):
    portrait, _ = portrait_with(BLACK, clothes, falls=False)
    found = segment(portrait)
    assert not found.long_hair
    assert (found.parts == Part.CLOTHES)[portrait.region_map == Region.TORSO].mean() > 0.9


def test_behind_long_hair_falls_as_low_as_beside_the_neck_and_on_both_sides():
    portrait, hair = portrait_with(HAIR, BLUE, falls=True)
    cover = cover_of(portrait, hair, hair, long_hair=True)
    model, depth = portrait.model, float(np.linalg.norm(portrait.camera.position))
    neck = model.in_regions(Region.NECK)
    nape = neck & (portrait.fit.normals[:, 1] > 0.3)
    behind = portrait.vertices[nape].astype(np.float64)
    for side in (-1, 1):
        own = behind[np.sign(model.mean[nape, 0]) == side]
        assert (cover.grid.sample(cover.hair, own + np.array([0, 0.03, 0])) > 0).mean() > 0.9
    lowest = portrait.camera.unproject(np.array([[256.0, np.flatnonzero(hair.any(1))[-1]]]), np.array([depth]))[0, 2]
    hanging = cover.surface.vertices[cover.on_head]
    back = hanging[(hanging[:, 1] > np.median(portrait.vertices[neck, 1])) & (np.abs(hanging[:, 0]) < 0.2)]
    assert back[:, 2].min() == pytest.approx(lowest, abs=0.06)


def test_thin_hair_out_of_focus_lends_the_colour_that_it_has_inside():
    plain = plain_portrait()
    rows = np.arange(512)[:, None] * np.ones((1, 512))
    hair, mask = (rows >= 100) & (rows < 116), rows >= 100
    lamp = np.array([1.0, 0.75, 0.4])
    sharp = np.where(hair[..., None], HAIR, np.where(mask[..., None], SKIN, lamp))
    blurred = np.stack([ndimage.gaussian_filter(channel, 3.0) for channel in np.moveaxis(sharp, -1, 0)], axis=-1)
    portrait = FittedPortrait(blurred.astype(np.float32), mask.astype(np.float32), plain.landmarks, plain.fit)
    source = innermost(portrait, hair)
    assert np.abs(blurred[source] - HAIR).max() < 0.03
    assert np.abs(np.median(blurred[hair], axis=0) - HAIR).max() > 0.05, "its borders are mixed"
    assert innermost(portrait, rows >= 100) is None, "thick hair keeps its streaks"
