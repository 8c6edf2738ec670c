"""Heads with a further photo that shows other hair: the portrait's wins, and the photo's face counts."""

from __future__ import annotations

import numpy as np
import pytest

from core.cameras import Camera
from core.engines.capture import FURTHER, Capture, Shot
from core.engines.draft.bust import Bust
from core.engines.draft.engine import fit_portrait
from core.engines.draft.shots.look import Look
from core.engines.draft.shots.outlines import meet_outlines
from core.engines.draft.shots.sight import see
from core.engines.shot_options import ShotOptions
from core.photo.decode import from_array
from core.photo.sides import PLACED
from core.progress import Reporter
from core.rasterize.cpu import render
from core.splats import spherical_harmonics as harmonics
from core.splats.parts import Part
from tests.helpers.draft import PreparedEngine, astronaut_head
from tests.helpers.photo import astronaut

ASIDE = Camera.orbit(270 + 40, 5, radius=4.5, fov=30)
WHITE = (1.0, 1.0, 1.0)


def changed_head():
    """The astronaut's head with blue hair that stands up, and a cheek that is greener than in her portrait."""
    head = astronaut_head()[0].gaussians
    means, hair, skin = head.means.copy(), head.parts == Part.HAIR, head.parts == Part.SKIN
    high = hair & (means[:, 2] > np.percentile(means[hair, 2], 60))
    means[high, 2] += 0.2
    blue = head.colors.mean(1, keepdims=True) * [0.4, 0.8, 1.8]
    cheek = skin & (means[:, 0] > 0.2)
    colors = np.where(hair[:, None], blue, head.colors * np.where(cheek[:, None], [0.94, 1.0, 0.94], 1.0))
    return head.replace(means=means, sh=harmonics.from_colors(np.clip(colors, 0, 1)).astype(np.float32))


@pytest.fixture(scope="module")
def heads():
    """Her head of the portrait alone, and of it and a photo with that hair."""
    single, prepared = astronaut_head()
    photo = from_array(render(changed_head(), ASIDE, (0.55, 0.6, 0.65)).to_uint8(), "aside.png")
    portrait = Shot(from_array(astronaut(), "astronaut.png"), ShotOptions())
    capture = Capture((portrait, Shot(photo, ShotOptions(), role=FURTHER)))
    return single, PreparedEngine(prepared).generate(capture, {}, Reporter())


def test_it_is_told_of_the_photo_which_stays_placed(heads):
    outcome = heads[1].shots[1]
    assert outcome.state == PLACED and "portrait's hair was kept" in outcome.message


def test_the_portraits_hair_stays_in_colour_and_shape(heads):
    single, both = (each.gaussians for each in heads)
    for camera in (ASIDE, Camera.orbit(0), Camera.orbit(90)):
        before, after = (render(head, camera, WHITE) for head in (single, both))
        head = before.alpha > 0.5
        grown = (after.alpha > 0.5) & ~head
        assert grown.sum() < 0.04 * head.sum() and (head & (after.alpha < 0.5)).sum() < 0.04 * head.sum()
        blue = after.image[..., 2] > after.image[..., 0] + 0.1
        assert (blue & head).sum() < 0.005 * head.sum()


def test_the_photos_bare_skin_is_used():
    head, changed = astronaut_head()[0].gaussians, changed_head()
    seen = render(changed, ASIDE, WHITE)
    rgb = np.clip(seen.image, 0, 1).astype(np.float32)
    other = see(Look(rgb, seen.alpha, ASIDE, other_hair=True), head)
    same = see(Look(rgb, seen.alpha, ASIDE), head)
    skin, hair = (same.parts == part for part in (Part.SKIN, Part.HAIR))
    assert not other.shows[hair].any() and same.shows[hair].any()
    assert (other.shows > 0.3)[skin].sum() > 0.3 * (same.shows > 0.3)[skin].sum()


def test_outlines_of_other_hair_move_nothing():
    result, prepared = astronaut_head()
    head, taller = result.gaussians, result.gaussians.means.copy()
    hair = head.parts == Part.HAIR
    taller[hair, 2] += 0.06
    seen = render(head.replace(means=taller), ASIDE, WHITE)
    bust = Bust(head, fit_portrait(prepared, result.photo_camera), head.means[:, 1] < -0.2)
    top = hair & (head.means[:, 2] > np.percentile(head.means[:, 2], 98))
    risen = {}
    for other in (False, True):
        look = Look(seen.image.astype(np.float32), seen.alpha, ASIDE, held=True, other_hair=other)
        met = meet_outlines(bust, [look], np.random.default_rng(0), Reporter())
        risen[other] = (met.means - head.means)[top, 2].mean()
    assert risen[False] > 0.02 and abs(risen[True]) < 0.2 * risen[False]
