"""What can be changed of a recording before it moves a face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..arkit import REGIONS, mirrored, sided
from ..turns import from_turns, to_turns
from .take import Recording

NEUTRAL_SECONDS = 0.15
"""To each side of a neutral moment, over which it is averaged."""
LEAST_ROOM = 0.3
"""Of a coefficient's range, that a calibration leaves: a closed eye is no neutral one."""


def in_mirror(recording: Recording) -> Recording:
    """Return what a mirror shows: the sides exchanged, turned and tilted to the other side."""
    names = [mirrored(name) for name in recording.names]
    order = sorted(range(len(names)), key=lambda place: names[place])
    other = {"leftEye": "rightEye", "rightEye": "leftEye"}
    return replace(
        recording,
        names=tuple(names[place] for place in order),
        values=recording.values[:, order],
        rotations={
            other.get(part, part): (turns * [-1, 1, -1]).astype(np.float32)
            for part, turns in recording.rotations.items()
        },
    )


def with_strengths(recording: Recording, strengths: Mapping[str, float]) -> Recording:
    """Return a recording whose coefficients are multiplied, and end at 1.

    Args:
        recording: A recording.
        strengths: By region of :data:`~core.avatar.arkit.REGIONS`; 1 where none is given.
    """
    factors = {
        name: strengths.get(region, 1.0)
        for region, patterns in REGIONS.items()
        for pattern in patterns
        for name in sided(pattern)
    }
    values = recording.values * np.array([factors[name] for name in recording.names], np.float32)
    return replace(recording, values=np.clip(values, 0, 1))


def calibrated(recording: Recording, neutral: float) -> Recording:
    """Return a recording against the face at a moment, which counts as at rest, and looks straight ahead.

    Args:
        recording: A recording.
        neutral: The moment, in seconds.
    """
    there = np.abs(recording.times - neutral) <= NEUTRAL_SECONDS
    there[np.abs(recording.times - neutral).argmin()] = True
    rest = np.minimum(np.median(recording.values[there], axis=0), 1 - LEAST_ROOM)
    rotations = dict(recording.rotations)
    if "head" in rotations:
        turns = to_turns(rotations["head"])
        rotations["head"] = from_turns(turns[there].mean().inv() * turns)
    values = np.clip((recording.values - rest) / (1 - rest), 0, 1).astype(np.float32)
    return replace(recording, values=values, rotations=rotations)
