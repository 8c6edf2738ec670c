"""Colours of hair and cloth without what shines from behind: rim light, and background that shows between strands.

Both are the photo's, and its own pixels keep them. But what the photo does not show is not lit from there: skull
and back of a head before an orange lamp are not orange.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...splats.parts import Part
from .color import ALIKE, unlikeness
from .fields import blur_inside
from .portrait import FittedPortrait

PARTS = (Part.HAIR, Part.CLOTHES)
"""Parts whose colours are carried on around the head; skin's light is told by its own fit."""
REACH, SPREAD = 0.1, 2
"""Face heights from the outline that light from behind reaches, and pixels around what it tints."""
FEWEST = 50
"""Pixels at the rim, and further inside, from which they can be compared."""
OUTERMOST, RIM_SHARE = 3, 0.3
"""Pixels at the outline, and share of them that light from behind tints at least; gaps are fewer (0.15 of a portrait
with many, 0.51 of one with light from behind)."""
BRIGHTEST, COLORLESS = 90, 15.0
"""Percentile of the other hair's lightness over which, and CIE chroma up to which a place shows background."""
BLUR = 4.0
"""Pixels over which colours from further inside are averaged."""


def without_backlight(portrait: FittedPortrait, parts: np.ndarray) -> np.ndarray:
    """Return the photo's colours [512, 512, 3], those that are tinted from behind taken from further inside.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts.
    """
    colors, lab = portrait.rgb.copy(), portrait.lab
    for part in PARTS:
        tinted, _ = _tinted(portrait, parts == part, lab)
        _fill(colors, parts == part, tinted)
    return colors


def without_gaps(portrait: FittedPortrait, parts: np.ndarray) -> np.ndarray:
    """Return the photo's colours [512, 512, 3], a bright background that shows between strands taken for hair.

    From the front that is the photo's; from aside it would be bright smears in the hair. Light that follows the
    outline is no gap, and stays.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts.
    """
    colors, lab = portrait.rgb.copy(), portrait.lab
    hair = parts == Part.HAIR
    tinted, depth = _tinted(portrait, hair, lab)
    outermost = hair & (depth < OUTERMOST)
    if 0 < tinted[outermost].sum() and tinted[outermost].mean() < RIM_SHARE:
        bright = lab[..., 0] > np.percentile(lab[..., 0][hair & ~tinted], BRIGHTEST)
        bare = tinted & bright & (np.hypot(lab[..., 1], lab[..., 2]) < COLORLESS)
        _fill(colors, hair, ndimage.binary_dilation(bare, iterations=SPREAD) & hair)
    return colors


def _tinted(portrait: FittedPortrait, place: np.ndarray, lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels [512, 512] of a place near the outline are unlike those further inside, and its depth."""
    depth = portrait.inwards
    near = depth < REACH * portrait.face_height
    rim, inner, tinted = place & near, place & ~near, np.zeros_like(place)
    if min(inner.sum(), rim.sum()) < FEWEST:
        return tinted, depth
    tinted[rim] = unlikeness(lab[rim], lab[inner]) > ALIKE
    return ndimage.binary_dilation(tinted, iterations=SPREAD) & rim, depth


def _fill(colors: np.ndarray, place: np.ndarray, tinted: np.ndarray) -> None:
    """Give pixels of a place the average colour around them of its others, in place."""
    if tinted.any() and not tinted[place].all():
        colors[tinted] = blur_inside(colors, place & ~tinted, BLUR, tinted)[tinted]
