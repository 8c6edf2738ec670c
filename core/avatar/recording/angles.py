"""Whether a take counts its angles in radians or degrees, which tables rarely say.

Decided from the whole take: how far the head turns, how far it stays from straight ahead, how fast it moves, how
far the eyes turn for the coefficients that say so, and jumps of a whole circle. Each of these has a usual size in
heads (a log-normal distribution), and the unit is the one in which all of them together are more usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

RADIANS, DEGREES = "radians", "degrees"

_PERCENTILE = 98
"""What counts as the farthest: single glitches don't."""
_SMALLEST = 1e-6
"""Angles below this say nothing."""
_MOST_RADIANS = 2 * np.pi + 0.1
_SURE = 2.0
"""Logarithm of the odds from which nothing need be told of radians."""
_PRIOR = -0.5
"""ARKit's own unit is the radian."""
_WRAP = -20.0
"""What a jump by a whole circle in radians says."""
_FEWEST = 8
"""Moments from which speed and correlation are looked at."""


@dataclass(frozen=True)
class _Usual:
    """The usual size of something in radians (a second), and by which factor most heads differ from it."""

    size: float
    factor: float

    def odds(self, found: float) -> float:
        """Return the logarithm of the odds of degrees against radians, for a value as it is stored."""
        if not found > _SMALLEST:
            return 0.0
        radians, degrees = (np.log(value / self.size) / np.log(self.factor) for value in (found, np.radians(found)))
        return float(radians**2 - degrees**2) / 2


_REACH = _Usual(0.2, 3.0)
_EXCURSION = _Usual(0.15, 3.0)
_OFFSET = _Usual(0.1, 3.3)
_SPEED = _Usual(0.6, 3.7)
_EYES = _Usual(0.2, 3.0)
_EYES_PER_COEFFICIENT = _Usual(0.5, 1.7)


def unit_of(
    rotations: Mapping[str, np.ndarray], times: np.ndarray, coefficients: Mapping[str, np.ndarray]
) -> tuple[str, str]:
    """Return the unit of a take's angles, and a note where it is worth telling.

    Args:
        rotations: "head", "leftEye" and "rightEye", those that there are, as stored [T, 3] yaw, pitch, roll.
        times: [T] seconds.
        coefficients: [T] by ARKit's name.
    """
    if not rotations or max(np.abs(angles).max() for angles in rotations.values()) <= _SMALLEST:
        return RADIANS, ""
    advice = "choose the other unit in the options if the head turns too far or not at all"
    if max(np.abs(angles).max() for angles in rotations.values()) > _MOST_RADIANS:
        return DEGREES, f"Angles are taken for degrees: {advice}."
    odds = _PRIOR
    if "head" in rotations:
        odds += _of_head(rotations["head"], times)
    odds += _of_eyes(rotations, coefficients)
    unit = DEGREES if odds > 0 else RADIANS
    if unit == RADIANS and odds < -_SURE:
        return unit, ""
    return unit, f"Angles are taken for {unit}: {advice}."


def _of_head(angles: np.ndarray, times: np.ndarray) -> float:
    middle = np.median(angles, axis=0)
    # A phone may lie on its side: roll then stays at a quarter turn.
    odds = _REACH.odds(_far(angles[:, :2])) + _OFFSET.odds(float(np.abs(middle[:2]).max()))
    odds += _EXCURSION.odds(_far(angles - middle))
    if len(angles) >= _FEWEST:
        steps = np.diff(angles, axis=0)
        # Not of noise, which has no speed: in motion, neighbouring steps are alike.
        if np.abs(np.diff(steps, axis=0)).sum() < np.abs(steps).sum():
            odds += _SPEED.odds(_far(steps / np.diff(times)[:, None]))
    ends = np.abs(angles)
    jumps = (np.abs(np.diff(angles, axis=0)) > 5.5) & (np.minimum(ends[1:], ends[:-1]) > 2.6)
    if jumps.any() and ends.max() <= np.pi + 0.01:
        odds += _WRAP
    return odds


def _of_eyes(rotations: Mapping[str, np.ndarray], coefficients: Mapping[str, np.ndarray]) -> float:
    odds = 0.0
    for side in ("Left", "Right"):
        angles = rotations.get(f"{side.lower()}Eye")
        if angles is None:
            continue
        odds += _EYES.odds(_far(angles[:, :2])) / 2
        names = [f"eyeLook{way}{side}" for way in ("In", "Out", "Up", "Down")]
        if not coefficients.keys() >= set(names) or len(angles) < _FEWEST:
            continue
        looks = [coefficients[name] for name in names]
        for angle, look in ((angles[:, 0], looks[0] - looks[1]), (angles[:, 1], looks[2] - looks[3])):
            if np.ptp(angle) > _SMALLEST and np.ptp(look) > 0.05:
                correlation = np.corrcoef(angle, look)[0, 1]
                if abs(correlation) > 0.7:
                    odds += _EYES_PER_COEFFICIENT.odds(float(np.std(angle) / np.std(look)))
    return odds


def _far(values: np.ndarray) -> float:
    """Return how far the axis goes that goes farthest."""
    return float(np.percentile(np.abs(values), _PERCENTILE, axis=0).max())
