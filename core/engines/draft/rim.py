"""Colours at the person's outline, free of what lies behind it.

A matte's edge pixels hold some background, and rim light. Seen from the front that is an outline; from the side
it would be bright flakes, and invented hair would take it on. So colours there come from further inside.
"""

from __future__ import annotations

import numpy as np

from ...splats.parts import Part
from .backlight import without_gaps
from .fields import blur_inside, rim_distance
from .portrait import FittedPortrait

SOLID_ALPHA = 0.97
"""Alpha from which a pixel shows the person alone."""
REACH = 2
"""Pixels inside the solid part that may still be mixed."""
SPREAD = 2.5
"""Pixels over which colours from further inside are averaged."""
PARTS = (Part.HAIR, Part.CLOTHES)
"""Parts whose outline is cleaned; skin that turns away is left out anyway."""
STRENGTH = 0.7
"""How far the rim gives way."""


def clean_outline(portrait: FittedPortrait, parts: np.ndarray) -> np.ndarray:
    """Return the photo's colours [512, 512, 3] without gaps between strands and without those of the rim.

    Gaps first: further inside, where the rim takes its colours from, gaps may lie.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts.
    """
    return clean_rim(portrait.with_colors(without_gaps(portrait, parts)), parts)


def clean_rim(portrait: FittedPortrait, parts: np.ndarray) -> np.ndarray:
    """Return the photo's colours [512, 512, 3] with those at the outline taken from further inside.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts.
    """
    solid = portrait.alpha >= SOLID_ALPHA
    depth = rim_distance(solid)
    colors = portrait.rgb.copy()
    for part in PARTS:
        beyond = (parts == Part.BACKGROUND) & (portrait.alpha > 0) & (part == Part.HAIR)
        inner = (parts == part) & (depth > REACH)
        rim = ((parts == part) | beyond) & (depth <= REACH)
        if not inner.any() or not rim.any():
            continue
        inside = blur_inside(portrait.rgb, inner, SPREAD, rim)
        share = STRENGTH * np.clip((REACH + 1 - depth[rim]) / REACH, 0, 1)[:, None]
        colors[rim] += (inside[rim] - colors[rim]) * share
    return colors
