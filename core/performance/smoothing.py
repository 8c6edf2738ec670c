"""Steadies what was captured: trembling goes, blinks, closing lips and quick glances stay.

Each curve is averaged over a window that narrows where the curve really moves: a bilateral filter (Tomasi and Manduchi
1998) along time. It looks to both sides, so that nothing comes late.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

WINDOW_SECONDS = 0.12
"""Width of the average at full steadiness, to each side twice that."""
RANGE = 0.12
"""Change of a coefficient, within a window, that counts as real at full steadiness."""
SHARP_RANGE = 0.05
"""The same of lids and of what closes lips."""
SHARP = ("eyeBlink", "mouthClose", "jawOpen", "mouthRoll", "mouthPress")
TURN_RANGE = np.radians(4.0)
"""The same of the head's turns."""
GAP_SECONDS = 0.25
"""Moments farther apart than that don't know each other: the face was lost between them."""


def steadied(times: np.ndarray, values: np.ndarray, names: tuple[str, ...], steadiness: float) -> np.ndarray:
    """Return coefficients [T, E] without trembling.

    Args:
        times: [T] seconds, ascending.
        values: [T, E] coefficients 0..1.
        names: Of the E expressions.
        steadiness: 0 changes nothing, 1 most.
    """
    if steadiness <= 0 or len(times) < 3:
        return values
    ranges = np.array([SHARP_RANGE if name.startswith(SHARP) else RANGE for name in names]) * steadiness
    total, weight = np.zeros_like(values, np.float64), np.zeros_like(values, np.float64)
    for rows, others, near in _neighbors(times, steadiness):
        like = near[:, None] * np.exp(-(((values[others] - values[rows]) / ranges) ** 2) / 2)
        total[rows] += like * values[others]
        weight[rows] += like
    return np.asarray((total / weight).astype(values.dtype))


def steadied_turns(times: np.ndarray, turns: np.ndarray, steadiness: float) -> np.ndarray:
    """Return rotations [T, 3, 3] without trembling; see :func:`steadied`."""
    if steadiness <= 0 or len(times) < 3:
        return turns
    total, weight = np.zeros((len(times), 3)), np.zeros(len(times))
    for rows, others, near in _neighbors(times, steadiness):
        step = Rotation.from_matrix(np.swapaxes(turns[rows], 1, 2) @ turns[others]).as_rotvec()
        like = near * np.exp(-((np.linalg.norm(step, axis=1) / (TURN_RANGE * steadiness)) ** 2) / 2)
        total[rows] += like[:, None] * step
        weight[rows] += like
    return np.asarray(turns @ Rotation.from_rotvec(total / weight[:, None]).as_matrix())


def _neighbors(times: np.ndarray, steadiness: float) -> list[tuple[slice, slice, np.ndarray]]:
    """Return pairs of equally long slices, moments and their neighbours, with the neighbours' weights by distance."""
    width = WINDOW_SECONDS * steadiness
    step = float(np.median(np.diff(times)))
    reach = min(int(np.ceil(2 * width / step)), len(times) - 1)
    found = []
    for shift in range(-reach, reach + 1):
        rows = slice(max(0, -shift), len(times) - max(0, shift))
        others = slice(max(0, shift), len(times) - max(0, -shift))
        apart = np.abs(times[others] - times[rows])
        near = np.exp(-((apart / width) ** 2) / 2) * (apart <= max(GAP_SECONDS, 1.5 * step * abs(shift)))
        found.append((rows, others, near))
    return found
