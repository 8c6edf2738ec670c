"""The distance between the eyes, which gives a head its real-world scale."""

from __future__ import annotations

import numpy as np

from ..errors import FaceLiftError
from ..gaussians import Gaussians

PUPIL_DISTANCE = 0.063
"""Metres between the pupils of an average adult (Dodgson, "Variation and extrema of human
interpupillary distance", 2004)."""
_ROUNDS = 20
"""Of Lloyd's algorithm; two clusters that lie apart settle within a few."""
_APART = 1.5
"""Eyes lie apart by at least this many times their own spread; otherwise it was one blob."""


def eye_centers(gaussians: Gaussians) -> np.ndarray:
    """Return the centres [2, 3] float64 of the two groups that some Gaussians form, -X first.

    Args:
        gaussians: Those of the two eyes, and no others.

    Raises:
        FaceLiftError: they don't form two groups ("no-eyes").
    """
    weights = gaussians.opacities.astype(np.float64)
    if len(gaussians) < 2 or not weights.any():
        raise _no_eyes()
    means = gaussians.means.astype(np.float64)
    offsets = means - np.average(means, axis=0, weights=weights)
    axis = np.linalg.svd((offsets * weights[:, None]).T @ offsets)[0][:, 0]
    places = offsets @ axis
    split = 0.0
    for _ in range(_ROUNDS):
        right = places > split
        if right.all() or not right.any() or not weights[right].any() or not weights[~right].any():
            raise _no_eyes()
        centers = [np.average(places[side], weights=weights[side]) for side in (~right, right)]
        split = sum(centers) / 2
    found = np.stack([np.average(means[side], axis=0, weights=weights[side]) for side in (~right, right)])
    spread = max(np.std(places[side]) for side in (~right, right))
    if centers[1] - centers[0] <= _APART * 2 * spread:
        raise _no_eyes()
    return found[np.argsort(found[:, 0], kind="stable")]


def eye_distance(gaussians: Gaussians) -> float:
    """Return the distance between the :func:`eye_centers` in world units.

    Raises:
        FaceLiftError: the Gaussians don't form two groups ("no-eyes").
    """
    left, right = eye_centers(gaussians)
    return float(np.linalg.norm(right - left))


def _no_eyes() -> FaceLiftError:
    return FaceLiftError(
        "The two eyes were not found.",
        "In Edit Mode, select the splats of both eyes and nothing else, then try again.",
        code="no-eyes",
    )
