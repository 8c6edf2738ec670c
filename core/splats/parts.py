"""What a Gaussian belongs to: the values of the ``part`` attribute."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Part(IntEnum):
    """Semantic part of the head. Stored as int8 in files and in Blender."""

    UNKNOWN = 0
    SKIN = 1
    HAIR = 2
    CLOTHES = 3
    EYES = 4
    MOUTH = 5
    NECK = 6
    BACKGROUND = 7


CLASSES = (Part.SKIN, Part.HAIR, Part.CLOTHES)
"""What engines tell apart by colour and place, in the order of their classifiers; landmarks then tell the rest."""


def unknown_parts(count: int) -> np.ndarray:
    """Return parts [N] int8 of splats of which nothing is known."""
    return np.full(count, Part.UNKNOWN, np.int8)
