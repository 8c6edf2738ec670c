"""The colours of the photo's pixels in space: the photo's own, except where they would show as dirt from the side.

Where the photo sees the surface at a grazing angle, a pixel covers a long strip of it. Its contour
shadow and its share of the background would become streaks there, so such pixels fade to the
colour that the closed surface around them is painted with: the border of the photo is then no
border in colour.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...head.model import Region
from ...parts import Part
from .color import rgb_to_lab
from .compensation import compensate
from .photo_sheet import FOOTPRINT, PhotoSheet
from .portrait import FittedPortrait
from .slopes import Slopes, paint_at
from .surface import Surface

SURE_ALPHA, UNSURE_RIM = 0.95, 1
"""Alpha below which, and pixels at its edge where, colours may still hold some background."""
FAMILIES = (
    ((Part.SKIN, Part.NECK), (0.03, 0.2), 0.5),
    ((Part.CLOTHES,), (0.03, 0.2), 1.0),
    ((Part.HAIR,), (0.03, 0.2), 0.5),
)
"""Parts that share their paint; cosines between normal and ray below which the photo's colour gives way to it, and
from which it is kept; how far it gives way at most."""
EAR_LOST, EAR_KEPT = 0.4, 0.7
"""The same cosines on the ears, for all parts."""
JAW_FACING, JAW_HEIGHT, JAW_RIM = 0.5, 0.45, 6
"""Cosine below which, face heights above the chin from which on, and pixels at flesh's edge on which what is unlike
the paint around it is foreign: the edge of a collar or of the background."""
FOREIGN = (25.0, 40.0)
"""Distance in CIE L*a*b* at which a colour begins to be foreign, and is."""


def sheet_colors(
    portrait: FittedPortrait, sheet: PhotoSheet, surface: Surface, parts: np.ndarray, paint: np.ndarray, slopes: Slopes
) -> np.ndarray:
    """Return colours [512, 512, 3] of the pixels' Gaussians that blend to the photo.

    Args:
        portrait: The portrait.
        sheet: The photo's pixels in space.
        surface: The closed surface.
        parts: [V] part of its vertices.
        paint: [V, 3] colours of its vertices.
        slopes: What becomes of the pixels of skin and hair where they are seen at a grazing angle.
    """
    colors = portrait.rgb.copy()
    inmost = ndimage.binary_erosion(portrait.alpha > SURE_ALPHA, iterations=UNSURE_RIM, border_value=1)
    # Ears are all slopes, and what shows between their folds is hair as often as skin.
    ears = (portrait.region_map == Region.EARS) & ~portrait.face_oval
    hollows = ears * np.clip((EAR_KEPT - sheet.facing) / (EAR_KEPT - EAR_LOST), 0, 1)
    jaw = _jaw_rim(portrait, sheet)
    # Skin on slopes gives way more softly, below.
    settled = slopes.place & (sheet.parts != Part.HAIR)
    for family, band, strength in FAMILIES:
        grazing = np.interp(sheet.facing, band, (1, 0)) * ~settled
        share = np.where(inmost, grazing, 1) * strength
        share = np.maximum(share, hollows)
        place = np.isin(sheet.parts, family) & ((share > 0) | jaw) & sheet.used
        members = np.isin(parts, family)
        if place.any() and members.any():
            target = paint_at(sheet.positions[place], surface.vertices[members], paint[members]).astype(np.float32)
            foreign = np.linalg.norm(rgb_to_lab(colors[place]) - rgb_to_lab(target), axis=1)
            foreign = np.clip((foreign - FOREIGN[0]) / (FOREIGN[1] - FOREIGN[0]), 0, 1) * jaw[place]
            colors[place] += (target - colors[place]) * np.maximum(share[place], foreign)[:, None]
    colors[slopes.place] += (slopes.colors - colors[slopes.place]) * slopes.share[:, None]
    return compensate(colors.astype(np.float32), sheet.depth, sheet.opacities, sheet.facing, FOOTPRINT)


def _jaw_rim(portrait: FittedPortrait, sheet: PhotoSheet) -> np.ndarray:
    """Return the slopes [512, 512] of jaw and neck along clothes and background."""
    flesh = np.isin(sheet.parts, FAMILIES[0][0]) & portrait.mask
    rim = flesh & ~ndimage.binary_erosion(flesh, iterations=JAW_RIM, border_value=1)
    rows = np.arange(len(flesh))[:, None]
    slope = (sheet.facing < JAW_FACING) | ~portrait.face_oval
    return rim & slope & (rows > portrait.chin_row - JAW_HEIGHT * portrait.face_height)
