"""Cloth's fine structure for what the photo does not show: weave, and none of lapels, folds and badges."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from core.engines.draft.texture import synthesize

SIDE = 512
CLOTH = (slice(300, 500), slice(60, 460))
WEAVE = 0.08


def jacket(tone: float) -> tuple[SimpleNamespace, np.ndarray]:
    """Return a portrait of a jacket with a weave, a dark lapel's edge and a bright badge, and its pixels."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    weave = 1 + WEAVE * np.where((rows + columns) % 4 < 2, 1, -1)
    light = tone * weave
    light = np.where(np.abs(columns - rows + 240) < 4, 0.02, light)
    light = np.where((np.abs(columns - 120) < 12) & (np.abs(rows - 420) < 12), 1.0, light)
    shown = np.zeros((SIDE, SIDE), bool)
    shown[CLOTH] = True
    return SimpleNamespace(rgb=np.repeat(light[..., None], 3, axis=2).astype(np.float32)), shown


@pytest.mark.parametrize("tone", [0.15, 0.6])
def test_the_weave_is_taken_and_lapels_and_badges_are_not(tone):
    portrait, shown = jacket(tone)
    structure = synthesize(portrait, shown, np.random.default_rng(1))
    assert 0.4 * WEAVE < structure.std() < 1.1 * WEAVE, "as strong as in the photo, whatever the cloth's tone"
    assert np.abs(structure).max() < 3 * WEAVE, "the lapel's edge would be a crack"
    assert abs(structure.mean()) < 0.1 * WEAVE


def test_too_little_cloth_gives_no_structure():
    portrait, shown = jacket(0.5)
    shown[:, 90:] = False
    assert synthesize(portrait, shown, np.random.default_rng(1)) is None
