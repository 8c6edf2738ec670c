"""Hats and veils against hair, and the colours of what covers a head, on the model's mean head drawn as a photo."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.cameras import turntable
from core.engines.draft.backlight import without_backlight, without_gaps
from core.engines.draft.bust import build_bust
from core.engines.draft.hair_colors import wrapped_colors
from core.engines.draft.headgear import find_headgear
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.settings import DraftSettings
from core.head.model import Region
from core.progress import Reporter
from core.rasterize.cpu import render
from core.splats.attributes import STRAND
from core.splats.parts import Part
from tests.helpers.draft import HAIR, SKIN, labels, plain_portrait, with_cap

NAVY = np.array([0.12, 0.15, 0.38])
NO_BEARD = np.zeros((512, 512), bool)


def strands(rng: np.random.Generator) -> np.ndarray:
    """Return a factor [512, 512, 1] on colours: fine, upright structure."""
    noise = ndimage.gaussian_filter(rng.normal(size=(512, 512)), (6, 0.7))
    return 1 + 0.35 * (noise / noise.std())[..., None]


def covered(color, edge: float, ragged: float = 0.0, textured: bool = False) -> tuple[FittedPortrait, np.ndarray]:
    """The mean head under a cover down to an edge, face heights over the chin, and where the cover is."""
    plain, rng = plain_portrait(), np.random.default_rng(3)
    rows, columns = np.indices(plain.mask.shape)
    head = ndimage.binary_dilation(np.isin(plain.region_map, (Region.SCALP, Region.FACE)), iterations=14)
    noise = ndimage.gaussian_filter1d(rng.normal(size=512), 2.0)
    height = edge + ragged * noise / noise.std()
    cover = head & ((plain.chin_row - rows) / plain.face_height > height[columns])
    painted = np.clip(np.broadcast_to(color, (512, 512, 3)) * (strands(rng) if textured else 1.0), 0, 1)
    rgb = np.where(cover[..., None], painted, plain.rgb) + rng.normal(0, 0.004, (512, 512, 1))
    alpha = np.maximum(plain.alpha, cover)
    return FittedPortrait(rgb.astype(np.float32), alpha.astype(np.float32), plain.landmarks, plain.fit), cover


@pytest.mark.parametrize("color", (NAVY, (0.04, 0.04, 0.045), (0.8, 0.8, 0.78)), ids=("navy", "black", "white"))
def test_a_smooth_low_edged_cover_is_a_hat(color):
    portrait, cover = covered(color, 1.18)
    found = find_headgear(portrait, labels(portrait, cover).parts, NO_BEARD)
    assert found is not None and found.pixels[cover].mean() > 0.95
    assert not found.pixels[~cover].any() and not found.below.any()


@pytest.mark.parametrize("color", (HAIR, (0.04, 0.035, 0.03), (0.7, 0.7, 0.7)), ids=("brown", "black", "grey"))
def test_ragged_and_stranded_covers_are_hair(color):
    for edge in (1.2, 1.42):
        portrait, cover = covered(color, edge, ragged=0.015, textured=True)
        assert find_headgear(portrait, labels(portrait, cover).parts, NO_BEARD) is None


def test_streaks_of_dye_are_hair():
    rainbow = np.stack([0.5 + 0.4 * np.sin(np.arange(512) / 9 + phase) for phase in (0, 2, 4)], axis=-1)
    portrait, cover = covered(rainbow[None], 1.4, ragged=0.02, textured=True)
    assert find_headgear(portrait, labels(portrait, cover).parts, NO_BEARD) is None


def test_what_goes_on_around_the_throat_is_a_veil():
    portrait, cover = covered(HAIR, 1.35, ragged=0.01)
    # From the temples past the cheeks to the throat.
    cover |= portrait.mask & ~portrait.face_oval & (np.indices(cover.shape)[0] < portrait.chin_row)
    neck = portrait.region_map == Region.NECK
    portrait = portrait.with_colors(np.where(cover[..., None], HAIR, portrait.rgb))
    rgb = np.where(neck[..., None], HAIR, portrait.rgb).astype(np.float32)
    veiled = FittedPortrait(rgb, portrait.alpha, portrait.landmarks, portrait.fit)
    free = find_headgear(portrait, labels(portrait, cover).parts, NO_BEARD)
    assert free is None or not free.below.any()
    found = find_headgear(veiled, labels(veiled, cover).parts, NO_BEARD)
    assert found is not None and found.below[neck & (np.arange(512)[:, None] > portrait.chin_row + 5)].mean() > 0.8
    beard = find_headgear(veiled, labels(veiled, cover).parts, neck)
    assert beard is None or not beard.below.any(), "a beard may look like the hair, and hides the throat"


def test_a_hat_is_cloth_all_around_without_strands():
    portrait, _ = covered(NAVY, 1.18)
    bust = build_bust(portrait, DraftSettings(quality="low"), Reporter()).gaussians
    assert (bust.extras[STRAND] == 0).all()
    top = portrait.vertices[portrait.model.in_regions(Region.SCALP), 2].max()
    over = bust.means[:, 2] > top - 0.2
    assert (bust.parts[over] == Part.CLOTHES).mean() > 0.95
    back = render(bust, turntable(2, 128)[1])
    cloth = back.to_uint8()[:50][back.alpha[:50] > 0.9] / 255.0
    assert (cloth[:, 2] > 1.5 * cloth[:, 0]).mean() > 0.9, "as blue behind as before"


def test_unseen_hair_has_the_photos_hair_wrapped_around_the_head():
    portrait, cap = with_cap(24)
    left = np.broadcast_to(np.arange(512)[None] < portrait.fit.camera.cx, cap.shape)
    red, blue = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.1, 0.8])
    rgb = np.where(cap[..., None], np.where(left[..., None], red, blue), portrait.rgb).astype(np.float32)
    center = portrait.fit.pose.translation
    ahead = np.array([[-0.4, 0.1, 0.2], [0.4, 0.1, 0.2], [-0.2, 0.4, 0.2], [0.2, 0.4, 0.2]]) + center
    colors = wrapped_colors(portrait.with_colors(rgb), cap, ahead)
    assert np.abs(colors[[0, 2]] - red).max() < 0.1 and np.abs(colors[[1, 3]] - blue).max() < 0.1
    plain = wrapped_colors(portrait, cap, ahead)
    assert np.abs(plain - HAIR).max() < 0.01, "hair of one colour stays as it is"


def test_rim_light_stays_on_the_rim():
    portrait, cap = with_cap(24)
    parts, rng = labels(portrait, cap).parts, np.random.default_rng(0)
    grainy = np.clip(portrait.rgb + rng.normal(0, 0.02, (512, 512, 1)), 0, 1).astype(np.float32)
    rim = cap & ~ndimage.binary_erosion(portrait.mask, iterations=5, border_value=1)
    lit = np.where(rim[..., None], [1.0, 0.55, 0.1], grainy).astype(np.float32)
    cleaned = without_backlight(portrait.with_colors(lit), parts)
    assert np.abs(cleaned[rim] - HAIR).mean() < 0.03
    assert np.abs(without_backlight(portrait.with_colors(grainy), parts) - grainy).mean() < 0.002
    skin = parts == Part.SKIN
    assert np.array_equal(cleaned[skin], lit[skin]) and np.abs(lit[skin] - SKIN).mean() < 0.05


def test_bright_gaps_between_strands_become_hair_and_rim_light_stays():
    portrait, cap = with_cap(24)
    parts = labels(portrait, cap).parts
    rim = cap & ~ndimage.binary_erosion(portrait.mask, iterations=8, border_value=1)
    gap = rim & (np.indices(cap.shape)[1] > 340)
    holed = portrait.with_colors(np.where(gap[..., None], 0.93, portrait.rgb))
    assert np.abs(without_gaps(holed, parts)[gap] - HAIR).mean() < 0.03
    for light in (0.93, [1.0, 0.55, 0.1]):
        lit = portrait.with_colors(np.where(rim[..., None], light, portrait.rgb))
        assert np.array_equal(without_gaps(lit, parts), lit.rgb)
