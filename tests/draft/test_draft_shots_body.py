"""Heads of several photos of bare shoulders: they are no clothes, and they tell less of the head than the head does."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from core.cameras import Camera
from core.engines.draft.bust import Bust
from core.engines.draft.cut import neck_base
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.segmentation import segment
from core.engines.draft.shots.outlines import meet_outlines
from core.gaussians import concatenate
from core.head.model import Region
from core.progress import Reporter
from core.splats.parts import Part
from tests.draft.test_draft_shots import ball, look_at
from tests.helpers.draft import plain_portrait, with_cap

CLOTH = np.float32([0.25, 0.3, 0.5])


def on_torso(patch: np.ndarray) -> FittedPortrait:
    """The mean head with bare shoulders, and cloth's colour on a patch [512, 512] of them."""
    plain = plain_portrait()
    grain = 0.03 * np.random.default_rng(0).standard_normal((512, 512, 1))
    return plain.with_colors(np.clip(np.where(patch[..., None], CLOTH, plain.rgb) + grain, 0, 1))


def chest() -> np.ndarray:
    """Pixels of the torso."""
    return plain_portrait().region_map == Region.TORSO


def test_what_has_skin_all_around_is_no_clothes():
    inner = ndimage.binary_erosion(chest(), iterations=40)
    assert inner.sum() > 5000
    assert not segment(on_torso(inner)).dress.any()


def test_clothes_go_on_to_the_border():
    rows = np.arange(512)[:, None]
    low = chest() & (rows > np.flatnonzero(chest().any(1)).mean())
    assert segment(on_torso(low)).dress[low].mean() > 0.9


def test_bare_shoulders_tell_no_more_of_the_head_than_clothed_ones():
    portrait = with_cap(12)[0]
    head, body, side = ball((0.4, 0.45, 0.6)), ball((0.9, 0.4, 0.25)), Camera.orbit(0)
    body = body.replace(means=body.means + np.float32([0, 0, -1.2]))
    assert (neck_base(portrait).heights(body.means) < 0).all()
    moved = body.replace(means=body.means + np.float32([0, 0.1, 0.05]))
    look = look_at(concatenate([head, moved]), side)
    found = []
    for part in (Part.NECK, Part.CLOTHES):
        person = concatenate([head, body.replace(parts=np.full(len(body), part, np.int8))])
        bust = Bust(person, portrait, np.arange(len(person)) < len(head) // 2)
        found.append(meet_outlines(bust, [look], np.random.default_rng(0), Reporter()))
    bare, clothed = found
    assert np.abs(bare.means - clothed.means).max() < 1e-6
    # They do tell something: without a head, the outlines would be theirs.
    assert np.abs(bare.means[len(head) :] - body.means).max() > 0.01
