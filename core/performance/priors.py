"""What is believed of expressions before anything is seen: most are at rest, and the face's two sides act together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..avatar.arkit import opposite

RIDGE, COST = 4.0, 2.0
"""Precision of a coefficient, and what it costs in itself: a smile is not to be explained by ten small things."""
LOOK_RIDGE, LOOK_COST = 2.0, 0.8
"""The same of gazes: eyes look somewhere all the time."""
RARE_COST = {"tongueOut": 8.0, "cheekPuff": 4.0}
"""The same of what networks hardly see and people rarely do."""
COUPLING = {"brow": 15.0, "eyeLook": 0.0}
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
            weight = next((w for start, w in COUPLING.items() if name.startswith(start)), USUAL_COUPLING)
            _couple(precision, names, (name, other), weight)
    for pair in GAZES:
        if set(pair) <= set(names):
            _couple(precision, names, pair, GAZE_COUPLING)
    cost = np.array([LOOK_COST if look else RARE_COST.get(name, COST) for name, look in zip(names, looks, strict=True)])
    brisk = [name.startswith(("eyeLook", "eyeBlink", "eyeWide")) for name in names]
    return Priors(precision, cost, np.where(brisk, BRISK, STEADY))


def _couple(precision: np.ndarray, names: tuple[str, ...], pair: tuple[str, str], weight: float) -> None:
    one, other = (names.index(name) for name in pair)
    precision[[one, other], [one, other]] += weight
    precision[[one, other], [other, one]] -= weight
