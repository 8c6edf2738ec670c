"""What the outlines and the skin of further photos tell of hair's volume."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from core.cameras import Camera
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.shots.look import Look
from core.engines.draft.silhouettes import behind_skin, within_outlines
from core.engines.draft.thickness import MINIMUM_HAIR, cover_thickness
from core.head.mesh_raster import rasterize_mesh
from core.head.model import Region
from core.splats.parts import Part
from tests.helpers.draft import with_cap

THIN, THICK = 15, 50
"""Pixels of hair on the portrait's outline, and on the further photos'."""
SIDE, SIDES_DISTANCE, SIDES_FOV = 0.0, 3.0, 40.0
"""Where further photos are taken from: the person's left."""


def from_the_side(portrait: FittedPortrait, **facts) -> Look:
    """A photo of the person's left, whose hair reaches THICK pixels behind the skull."""
    camera = Camera.orbit(SIDE, 0, SIDES_DISTANCE, SIDES_FOV, 512)
    head = rasterize_mesh(camera, portrait.vertices, portrait.outer_triangles).mask
    scalp = rasterize_mesh(camera, portrait.vertices, portrait.triangles((Region.SCALP,))).mask
    # The person looks to -Y, which is to the left in this picture.
    person = head | ndimage.binary_dilation(scalp, np.arange(-THICK, THICK + 1)[None] >= 0)
    return Look(np.zeros((512, 512, 3), np.float32), person.astype(np.float32), camera, **facts)


def back_of(portrait: FittedPortrait) -> np.ndarray:
    """The scalp's vertices that look backwards, and not down."""
    normals = portrait.fit.normals
    return portrait.model.in_regions(Region.SCALP) & (normals[:, 1] > 0.9) & (normals[:, 2] > -0.2)


def test_hair_is_as_deep_as_a_profile_shows_it():
    portrait, cap = with_cap(THIN)
    look = from_the_side(portrait)
    alone, growth = cover_thickness(portrait, cap)
    together, same_growth = cover_thickness(portrait, cap, looks=[look])
    shown = THICK * SIDES_DISTANCE / look.camera.fx
    back = back_of(portrait)
    assert np.median(together[back]) == pytest.approx(shown, rel=0.25)
    assert np.median(alone[back]) < 0.6 * shown
    assert not together[portrait.model.in_regions(Region.LIPS)].any(), "no hair grows where the portrait shows none"
    np.testing.assert_allclose(growth, same_growth, atol=0.02)


def test_a_bald_head_grows_no_hair_for_a_profile():
    portrait, cap = with_cap(THIN)
    thickness, _ = cover_thickness(portrait, np.zeros_like(cap), looks=[from_the_side(portrait)])
    assert thickness.max() == 0


def test_skin_in_a_further_photo_is_bare_and_hair_there_covers():
    portrait, cap = with_cap(THIN)
    left = portrait.model.in_regions(Region.SCALP) & (portrait.fit.normals[:, 0] > 0.8)
    for part, bare in ((Part.SKIN, True), (Part.HAIR, False)):
        look = from_the_side(portrait, parts=np.full((512, 512), part, np.int8))
        thickness, _ = cover_thickness(portrait, cap, looks=[look, look])
        assert (np.median(thickness[left]) < MINIMUM_HAIR / 2) == bare


def test_hair_lies_within_all_outlines_and_not_before_skin():
    portrait, _ = with_cap(THIN)
    skin = np.full((512, 512), Part.SKIN, np.int8)
    look = from_the_side(portrait, parts=skin)
    middle = portrait.vertices[portrait.model.in_regions(Region.SCALP)].astype(np.float64).mean(0)
    across = look.camera.c2w[:3, 0]
    points = np.stack([middle, middle + 0.95 * across, middle + 50 * across])
    within = within_outlines([look, look], points)
    assert within[0] > 0.3 and within[1] < -0.05 and np.isinf(within[2]), "what no picture holds, none tells of"
    ears = portrait.model.in_regions(Region.EARS) & (portrait.model.mean[:, 0] > 0)
    ear = portrait.vertices[ears].astype(np.float64).mean(0)
    towards = look.camera.position - ear
    towards /= np.linalg.norm(towards)
    before = behind_skin(portrait, [look], ear + np.array([[0.2], [-0.2]]) * towards)
    assert before[0] < -0.1 and before[1] > 0.1
    unknown = from_the_side(portrait)
    assert np.isinf(behind_skin(portrait, [unknown], points)).all(), "without a face nobody knows what is skin"
