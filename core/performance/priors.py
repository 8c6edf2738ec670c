"""What is believed of expressions before anything is seen: most are at rest, and the face's two sides act together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..avatar.arkit import opposite

RIDGE, COST = 4.0, 2.0
"""Precision of a coefficient, and what it costs in itself: a smile is not to be explained by ten small things."""
LOOK_RIDGE, LOOK_COST = 2.0, 0.8
"""The same of gazes: eyes look somewhere all the time."""
OTHER_COST = {"tongueOut": 8.0, "cheekPuff": 4.0, "browInner": 0.5, "browOuter": 0.4, "browDown": 1.5}
"""The same, by the beginning of the name, of what people rarely do, and of what networks see less of than happens."""
COUPLING = {"brow": 25.0, "eyeLook": 0.0}
USUAL_COUPLING = 5.0
"""Precision of the difference between the two sides, by the beginning of the name."""
GAZES = (
    ("eyeLookOutLeft", "eyeLookInRight"),
    ("eyeLookInLeft", "eyeLookOutRight"),
    ("eyeLookUpLeft", "eyeLookUpRight"),
    ("eyeLookDownLeft", "eyeLookDownRight"),
)
"""What both eyes do together."""
GAZE_COUPLING = 20.0
STEADY, BRISK = 2.0, 0.5
"""Precision of the change from frame to frame; of lids, which close within two frames, and eyes, which jump."""


@dataclass(frozen=True, eq=False)
class Priors:
    """What is believed beforehand of the coefficients.

    Attributes:
        precision: [E, E] of their Gaussian prior about 0.
        cost: [E] of each, in units of the negative logarithm of probability.
        steadiness: [E] precision of their change from one frame to the next.
    """

    precision: np.ndarray
    cost: np.ndarray
    steadiness: np.ndarray


@lru_cache(maxsize=4)
def priors_of(names: tuple[str, ...]) -> Priors:
    """Return what is believed of expressions by their names in ARKit's spelling."""
    looks = [name.startswith("eyeLook") for name in names]
    precision = np.diag(np.where(looks, LOOK_RIDGE, RIDGE))
    for name in names:
        other = opposite(name)
        if other is not None and other in names and name < other:
            _couple(precision, names, (name, other), _of(name, COUPLING, USUAL_COUPLING))
    for pair in GAZES:
        if set(pair) <= set(names):
            _couple(precision, names, pair, GAZE_COUPLING)
    costs = [LOOK_COST if look else _of(name, OTHER_COST, COST) for name, look in zip(names, looks, strict=True)]
    brisk = [name.startswith(("eyeLook", "eyeBlink", "eyeWide")) for name in names]
    return Priors(precision, np.array(costs), np.where(brisk, BRISK, STEADY))


def _of(name: str, table: Mapping[str, float], usual: float) -> float:
    """Return the value of the table's entry with which a name begins."""
    return next((value for start, value in table.items() if name.startswith(start)), usual)


def _couple(precision: np.ndarray, names: tuple[str, ...], pair: tuple[str, str], weight: float) -> None:
    one, other = (names.index(name) for name in pair)
    precision[[one, other], [one, other]] += weight
    precision[[one, other], [other, one]] -= weight
