"""All of a head's hair, ready to be groomed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..hair.waves import STRAIGHT, Wave
from .curves import HairCurves


class Growth(StrEnum):
    """What grows; the values are what artists call it."""

    HAIR = "Hair"
    BROWS = "Eyebrows"
    LASHES = "Eyelashes"
    BEARD = "Beard"


@dataclass(frozen=True, eq=False)
class Tuft:
    """One growth.

    Attributes:
        guides: The curves, in the space of the splats, on the mesh as it is shown.
        density: [V] float32, 0..1: how densely hair grows at each of the base mesh's vertices, against where it is
            densest. Between guides, hair is interpolated there.
        hairs: How many hairs there are in all once the gaps between guides are filled.
        wave: How hairs swing around the guides, which do not curl themselves; in the unit of the space of the splats.
    """

    guides: HairCurves
    density: np.ndarray
    hairs: int
    wave: Wave = STRAIGHT


@dataclass(frozen=True, eq=False)
class Groom:
    """What grows on a head.

    Attributes:
        tufts: By growth; what the head does not have is not in it.
        notes: What a person should know (hair under a hat is guessed), a sentence each.
    """

    tufts: Mapping[Growth, Tuft]
    notes: tuple[str, ...] = ()
