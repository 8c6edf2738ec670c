"""Which ears show: those that do are the fitted head's, for a photo from the front shows little of them."""

from __future__ import annotations

from ...parts import Part
from .portrait import FittedPortrait
from .segmentation import Segmentation, is_bare

FEWEST_PIXELS = 40
"""Pixels from which the photo is asked about an ear; below, the other ear decides."""


def bare_ears(portrait: FittedPortrait, segmentation: Segmentation) -> tuple[bool, bool]:
    """Return whether the person's right and left ear show, rather than being covered by hair or hat."""
    flesh = segmentation.is_part(Part.SKIN, Part.NECK)
    votes = [is_bare(ear, flesh) if ear.sum() >= FEWEST_PIXELS else None for ear in portrait.ear_maps]
    known = [vote for vote in votes if vote is not None]
    fallback = bool(known and all(known)) or (not known and not segmentation.long_hair)
    return tuple(fallback if vote is None else vote for vote in votes)
