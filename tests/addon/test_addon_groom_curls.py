"""Hair to Curves of hair that curls: Blender's modifier for it is on, with the photo's curls."""

from dataclasses import replace

import numpy as np

from core.hair.waves import Wave
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.groom import plain_groom

pytestmark = needs_blender

LENGTH = 0.02
"""Metres of a curl."""


def test_hair_that_curls_has_its_curls_on(blender, monkeypatch):
    import bpy

    mesh = add_head_with_mesh(blender)[1]

    def curly(_splats, base, guides, *_others):
        groom = plain_groom(base, guides)
        waves = {"Hair": Wave(0.9, LENGTH * base.pose.scale)}
        tufts = {growth: replace(tuft, wave=waves.get(growth.value, tuft.wave)) for growth, tuft in groom.tufts.items()}
        return replace(groom, tufts=tufts)

    monkeypatch.setattr(blender.module("facelift_addon.groom.grooming"), "make_groom", curly)
    assert bpy.ops.facelift.hair_to_curves(guides=500) == {"FINISHED"}
    hairs = blender.module("facelift_addon.groom.hairs").of(mesh)
    stack = blender.module("facelift_addon.groom.stack")
    on = {
        growth: [styling.label for styling, item in stack.stylings_of(hair) if item.show_viewport and item.show_render]
        for growth, hair in hairs.items()
    }
    assert on["Hair"] == ["Curl"]
    assert on["Eyebrows"] == []
    hair = hairs["Hair"]
    curl = next(item for styling, item in stack.stylings_of(hair) if styling.label == "Curl")
    inputs = blender.module("facelift_addon.splats.display.modifier_inputs").ModifierInputs(curl)
    metre = blender.module("facelift_addon.avatar.base_objects").read(mesh).pose.scale
    np.testing.assert_allclose(inputs["Radius"], Wave(0.9, LENGTH * metre).radius, rtol=1e-4)
    np.testing.assert_allclose(inputs["Frequency"] * 20 * LENGTH * metre, 2 * np.pi, rtol=1e-4)
