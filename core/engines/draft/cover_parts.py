"""Which part the cover's surface belongs to: what the photo shows of it, else what its volume is."""

from __future__ import annotations

import numpy as np

from ...splats.parts import Part
from .cover import Cover
from .headgear_edge import has_hair_below, under_headgear
from .neckline import Neckline
from .photo_sheet import PhotoSheet
from .portrait import FittedPortrait
from .samples import pixel_index
from .segmentation import Segmentation
from .torso import Torso

SEEN_DISTANCE = 0.06
"""World units from the photo's pixels within which the surface takes their part."""
EDGE = 0.03
"""World units over the neckline up to which the surface is clothes: it rounds their edge."""
SEEN_COSINE, EDGE_COSINE = 0.15, 0.5
"""Cosines between normal and ray below which the photo tells nothing of the surface, and nothing of clothes' edges."""


def cover_parts(
    portrait: FittedPortrait,
    segmentation: Segmentation,
    torso: Torso,
    neckline: Neckline,
    cover: Cover,
    sheet: PhotoSheet,
) -> np.ndarray:
    """Return the part [V] int8 of the cover's vertices: hair, clothes, the torso's skin (NECK), or a beard (SKIN).

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        torso: Neck and torso.
        neckline: Where clothes end at the neck.
        cover: The cover.
        sheet: The photo's pixels in space.
    """
    surface = cover.surface
    rows, columns, inside = pixel_index(portrait, surface.vertices)
    shown = sheet.parts[rows, columns]
    dressed = (neckline.below(surface.vertices) > -EDGE) | (inside & (shown == Part.CLOTHES))
    parts = np.select([cover.on_head, dressed & torso.dressed], [Part.HAIR, Part.CLOTHES], Part.NECK).astype(np.int8)
    if segmentation.headgear.any():
        worn = under_headgear(portrait, segmentation, surface.vertices) | (not has_hair_below(segmentation))
        parts[cover.on_head & ~cover.on_beard & worn] = Part.CLOTHES
    facing = portrait.facing(surface.vertices, surface.normals)
    near = np.linalg.norm(surface.vertices - sheet.positions[rows, columns], axis=1) < SEEN_DISTANCE
    seen = inside & near & (facing > SEEN_COSINE) & portrait.mask[rows, columns]
    # Hair's volume begins a little under the hairline: there the photo shows skin, and the volume is still hair's.
    seen &= ~(cover.on_head & (shown != Part.HAIR) & (shown != Part.CLOTHES))
    # At a grazing angle the photo does not tell on which side of the clothes' edge the surface lies.
    seen &= cover.on_head | (facing > EDGE_COSINE) | ~np.isin(shown, (Part.NECK, Part.SKIN))
    seen &= np.isin(shown, (Part.HAIR, Part.CLOTHES, Part.NECK, Part.SKIN))
    parts = np.where(seen, np.where(shown == Part.SKIN, Part.NECK, shown), parts)
    # A beard is part of the face, as its pixels are.
    return np.where(cover.on_beard & (parts == Part.HAIR), Part.SKIN, parts).astype(np.int8)
