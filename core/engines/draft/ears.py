"""Which ears show: those that do are the fitted head's, for a photo from the front shows little of them."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ...head.model import Region
from ...splats.parts import Part
from .portrait import FittedPortrait
from .segmentation import Segmentation, is_bare

FREE = 0.03
"""World units over a bare ear's skin in which there is no hair, about 6 mm: as deep as its hollows."""
FEWEST_PIXELS = 40
"""Pixels from which the photo is asked about an ear; below, the other ear decides."""


def bare_ears(portrait: FittedPortrait, segmentation: Segmentation) -> tuple[bool, bool]:
    """Return whether the person's right and left ear show, rather than being covered by hair or hat."""
    flesh = segmentation.is_part(Part.SKIN, Part.NECK)
    votes = [is_bare(ear, flesh) if ear.sum() >= FEWEST_PIXELS else None for ear in portrait.ear_maps]
    known = [vote for vote in votes if vote is not None]
    fallback = bool(known and all(known)) or (not known and not segmentation.long_hair)
    right, left = (fallback if vote is None else vote for vote in votes)
    return right, left


def showing_ears(portrait: FittedPortrait, segmentation: Segmentation) -> np.ndarray:
    """Return which of the head's vertices [V] bool are on ears that show."""
    right = portrait.model.mean[:, 0] < 0
    bare = bare_ears(portrait, segmentation)
    return portrait.model.in_regions(Region.EARS) & np.where(right, *bare)


def over_ears(portrait: FittedPortrait, showing: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return which positions [N, 3] lie on or close over ears that show: there, hair would fill their hollows.

    Args:
        portrait: The portrait.
        showing: [V] bool: vertices of ears that show.
        positions: [N, 3] world.
    """
    if not showing.any():
        return np.zeros(len(positions), bool)
    ears, normals = portrait.vertices[showing], portrait.fit.normals[showing]
    away, nearest = cKDTree(ears).query(positions, distance_upper_bound=FREE)
    close = np.isfinite(away)
    nearest = np.where(close, nearest, 0)
    return close & (((positions - ears[nearest]) * normals[nearest]).sum(1) > 0)
