"""Long hair beyond the cheek of a turned head: it lies behind, and the cheek goes on to its ear."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage

from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.segmentation import Segmentation, segment
from core.engines.draft.thickness import cover_thickness
from core.head.model import Region
from tests.helpers.draft import HAIR, plain_portrait

MISSED = 3
"""Pixels by which the fitted cheek reaches over the photo's."""


@cache
def curtained() -> tuple[FittedPortrait, np.ndarray, Segmentation]:
    """The mean head, turned so that it hides an ear, before long hair, where its hair is, and the photo's parts."""
    plain = plain_portrait(40.0)
    head = plain.region_map >= 0
    around = ndimage.binary_dilation(head, iterations=60) & (plain.chin_frame[0] < 0.8)
    narrower = ndimage.binary_erosion(head, iterations=MISSED) | (plain.chin_frame[0] > 0)
    hair = around & ~(head & narrower & (plain.region_map != Region.SCALP))
    ear = ndimage.binary_dilation(plain.region_map == Region.EARS, iterations=12)
    hair |= ear
    noise = np.random.default_rng(5).normal(0, 0.02, (512, 512, 3))
    rgb = np.clip(np.where(hair[..., None], HAIR, plain.rgb) + noise, 0, 1).astype(np.float32)
    portrait = FittedPortrait(rgb, np.maximum(plain.alpha, hair), plain.landmarks, plain.fit)
    return portrait, hair, segment(portrait)


def far_cheek(portrait: FittedPortrait) -> np.ndarray:
    """Vertices [V] of the cheek before the hidden ear that turn away from the camera, clear of scalp and chin."""
    mean = portrait.model.mean
    side = mean[:, 0] < 0 if portrait.hidden_ears[0] else mean[:, 0] > 0
    level = (mean[:, 2] < 0.01) & (mean[:, 2] > -0.06) & (mean[:, 1] < -0.02)
    away = portrait.facing(portrait.vertices, portrait.fit.normals) < 0
    return portrait.model.in_regions(Region.FACE) & side & level & away


def test_hair_beyond_the_cheek_of_a_turned_head_lies_behind_it():
    portrait, hair, found = curtained()
    assert portrait.hidden_ears in ((True, False), (False, True)) and found.long_hair
    beyond = portrait.hides_ear & hair & (portrait.region_map < 0)
    nearest = ndimage.distance_transform_edt(portrait.region_map < 0, return_distances=False, return_indices=True)
    beyond &= (portrait.region_map[tuple(nearest)] == Region.FACE) & (portrait.chin_frame[0] > -0.9)
    assert beyond.sum() > 500 and found.past_cheek[beyond].mean() > 0.95
    assert not (found.past_cheek & ~portrait.hides_ear).any(), "on the other side hair hangs before the ear"
    assert not (found.past_cheek & found.on_head).any() and found.behind[found.past_cheek].all()
    # Lashes that reach up to it are none of it.
    row = int(portrait.chin_row - 0.7 * portrait.face_height)
    column = np.flatnonzero(found.past_cheek[row]).max() + 1
    lash = portrait.rgb.copy()
    lash[row : row + 2, column : column + 8] = HAIR
    other = segment(portrait.with_colors(lash))
    assert not other.past_cheek[row : row + 2, column + 2 : column + 8].any()


def test_no_hair_stands_on_a_cheek_beyond_which_it_shows():
    portrait, _, found = curtained()
    cheek = far_cheek(portrait)
    on_cheek = {}
    for name, covered, behind in (("all", found.covered, None), ("on head", found.on_head, found.past_cheek)):
        thickness, _ = cover_thickness(portrait, covered, behind=behind)
        on_cheek[name] = (thickness[cheek] > 0.02).mean()
    assert cheek.sum() > 30 and on_cheek["all"] > 0.1
    assert on_cheek["on head"] < 0.03
