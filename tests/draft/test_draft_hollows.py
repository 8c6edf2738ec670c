"""Ears have their hollows: where little light reaches, invented skin is darker and redder."""

from __future__ import annotations

import numpy as np
import pytest

from core.engines.draft.hollows import ear_openness, hollow_light, skin_albedo
from core.engines.draft.light import SHARE
from core.engines.draft.skin import paint_skin
from core.head.model import Region, load_head_model
from core.head.symmetry import mirror
from core.splats.parts import Part
from tests.helpers.draft import plain_portrait

CONCHA, RIM = 0.4, 0.9
"""Openness below which an ear's vertices lie in its hollow, and above which on what stands out."""


def test_ears_are_shaded_in_their_hollows_alone():
    model = load_head_model()
    ears, openness = model.in_regions(Region.EARS), ear_openness(model)
    assert openness.min() >= 0 and openness.max() <= 1
    assert 0.02 < (openness[ears] < CONCHA).mean() < 0.2 < (openness[ears] > RIM).mean()
    deep = model.mean[ears & (openness < CONCHA) & (model.mean[:, 0] > 0)].mean(0)
    outer = model.mean[ears & (model.mean[:, 0] > 0)][:, 0].max()
    assert deep[0] < outer - 0.005, "the hollow lies nearer to the head than the rim"
    assert (openness[model.in_regions(Region.EYES, Region.LIPS, Region.TORSO)] == 1).all()


def test_both_ears_are_shaded_alike():
    model = load_head_model()
    openness = ear_openness(model)
    assert np.abs(openness - openness[mirror(model)])[model.in_regions(Region.EARS)].mean() < 0.05


def test_light_between_walls_has_the_skins_colour():
    albedo = skin_albedo(np.array([0.5, 0.3, 0.2]))
    factors = hollow_light(np.array([0.3, 1.0]), albedo)
    assert albedo @ SHARE == pytest.approx(0.35, abs=0.01)
    assert factors[1] == pytest.approx(np.ones(3), abs=0.01)
    assert 0.3 <= factors[0, 2] < factors[0, 1] < factors[0, 0] < 0.6


def test_an_ear_that_the_photo_does_not_show_is_painted_with_its_hollow():
    portrait = plain_portrait()
    parts = np.where(portrait.mask & portrait.face_oval, Part.SKIN, Part.BACKGROUND).astype(np.int8)
    light = paint_skin(portrait, parts).colors @ SHARE
    ears, openness = portrait.model.in_regions(Region.EARS), ear_openness(portrait.model)
    assert np.median(light[ears & (openness < CONCHA)]) < 0.85 * np.median(light[ears & (openness > RIM)])
