"""Necks: beside the chin of a turned head, and under a lamp that the face has little of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.engines.draft.front import PIXEL, STEP_SLOPE, find_front
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.segmentation import segment
from core.engines.draft.surface import Surface
from core.head.model import Region
from core.splats.parts import Part
from tests.helpers.draft import HAIR, SKIN, labels, plain_portrait

JACKET = np.array([0.16, 0.14, 0.13])
BLUE = np.array([0.1, 0.5, 0.9])
"""Skin under a blue lamp; the other lamp's is orange."""

PLANES = ((-1.2, 0.45, -0.1), (0.45, 1.2, 0.4))
"""Left and right end of upright planes, and their depth, world units."""


def dressed(turn: float, lamp: np.ndarray | None = None) -> tuple[FittedPortrait, np.ndarray]:
    """The mean head, turned, with hair and a jacket, lit from the picture's right by another lamp; and its neck."""
    plain = plain_portrait(turn)
    region = plain.region_map
    rgb = np.tile(SKIN, (512, 512, 1)).astype(np.float32)
    if lamp is not None:
        columns = np.arange(512)[None, :, None]
        neck = np.flatnonzero(((region == Region.NECK) & (plain.chin_frame[0] > 0)).any(0))
        share = np.clip((columns - plain.landmarks[:, 0].min()) / (neck.max() - plain.landmarks[:, 0].min()), 0, 1)
        rgb = (1 - share) * rgb + share * lamp
    rgb[region == Region.SCALP] = HAIR
    rgb[region == Region.TORSO] = JACKET
    rgb = rgb + np.random.default_rng(2).normal(0, 0.015, rgb.shape)
    portrait = FittedPortrait(np.clip(rgb, 0, 1).astype(np.float32), plain.alpha, plain.landmarks, plain.fit)
    return portrait, (region == Region.NECK) & ~plain.face_oval


@pytest.mark.parametrize("turn", [0.0, -30.0, 30.0])
@pytest.mark.parametrize("lamp", [None, BLUE])
def test_a_neck_is_skin_beside_the_chin_and_under_another_lamp(turn, lamp):
    portrait, neck = dressed(turn, lamp)
    parts = segment(portrait).parts
    inner = ndimage.binary_erosion(neck, iterations=5)
    assert inner.sum() > 500
    assert np.isin(parts[inner], (Part.SKIN, Part.NECK)).mean() > 0.97
    coat = ndimage.binary_erosion(portrait.region_map == Region.TORSO, iterations=5)
    assert (parts[coat] == Part.CLOTHES).mean() > 0.97


def test_light_along_the_jaw_is_no_clothes():
    portrait, _ = dressed(0.0)
    below, aside = portrait.chin_frame
    jaw = (portrait.region_map == Region.FACE) & ~portrait.face_oval & (below > -0.4) & (below < 0.1) & (aside > 0.2)
    rgb = portrait.rgb.copy()
    rgb[jaw] = [0.75, 0.85, 1.0]
    parts = segment(portrait.with_colors(rgb)).parts
    assert jaw.sum() > 300
    assert not (parts[jaw] == Part.CLOTHES).any()
    assert (parts[portrait.region_map == Region.TORSO] == Part.CLOTHES).mean() > 0.9


def test_a_collar_before_the_shoulder_is_a_step_and_not_rows_of_dots():
    portrait = plain_portrait()
    found = labels(portrait, np.zeros_like(portrait.mask))
    # Upright planes: a collar's to one side, half a head behind it a shoulder's.
    planes = [[[low, y, -1.4], [high, y, -1.4], [high, y, 0.4], [low, y, 0.4]] for low, high, y in PLANES]
    corners = np.reshape(planes, (-1, 3))
    cover = Surface(corners, np.tile([0.0, -1.0, 0.0], (len(corners), 1)), np.arange(len(corners)).reshape(-1, 4))
    depth = find_front(portrait, found, cover).depth
    steps = np.abs(np.diff(depth, axis=1)) > STEP_SLOPE * PIXEL
    before, after = (steps & found.dress[:, 1:])[:, :-1], (steps & found.dress[:, :-1])[:, 1:]
    assert (before | after).sum() > 30, "the collar lies before the shoulder"
    assert not (before & after).any(), "nothing lies between"
