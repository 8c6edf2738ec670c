"""Choosing Gaussians by what they are and by where they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from scipy.spatial import cKDTree

from ..colors import rgb_to_lab
from ..gaussians import Gaussians
from ..splats.parts import Part
from . import measures


def by_part(gaussians: Gaussians, parts: Collection[Part]) -> np.ndarray:
    """Return the mask [N] of Gaussians that belong to one of the parts."""
    return np.isin(gaussians.parts, [int(part) for part in parts])


def by_opacity(gaussians: Gaussians, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Return the mask [N] of Gaussians whose opacity is within low..high, limits included."""
    return (gaussians.opacities >= np.float32(low)) & (gaussians.opacities <= np.float32(high))


def by_size(gaussians: Gaussians, low: float = 0.0, high: float = np.inf) -> np.ndarray:
    """Return the mask [N] of Gaussians whose :func:`~core.editing.measures.sizes` are within low..high."""
    sizes = measures.sizes(gaussians)
    return (sizes >= np.float32(low)) & (sizes <= np.float32(high))


def by_color(gaussians: Gaussians, color: Sequence[float], tolerance: float) -> np.ndarray:
    """Return the mask [N] of Gaussians that look like a colour.

    Args:
        gaussians: Any.
        color: r, g, b, sRGB-encoded, 0..1.
        tolerance: Largest CIE76 difference in L*a*b*; 2 is just noticeable, 20 is another shade.
    """
    wanted = rgb_to_lab(np.asarray(color, np.float64))
    labs = rgb_to_lab(np.clip(gaussians.colors, 0, 1).astype(np.float64))
    return np.linalg.norm(labs - wanted, axis=1) <= tolerance


def grow(means: np.ndarray, mask: np.ndarray, distance: float) -> np.ndarray:
    """Return the mask [N] extended by every Gaussian whose centre is near a chosen one's.

    Args:
        means: [N, 3] centres.
        mask: [N] bool, chosen.
        distance: How near, in world units, limit included.
    """
    mask = np.asarray(mask, bool)
    others = np.flatnonzero(~mask)
    if not mask.any() or not len(others):
        return mask.copy()
    # A bounded query finds nothing at the bound itself.
    bound = np.nextafter(distance, np.inf)
    nearest = cKDTree(means[mask]).query(means[others], distance_upper_bound=bound, workers=-1)[0]
    found = nearest <= distance
    grown = mask.copy()
    grown[others[found]] = True
    return grown


def shrink(means: np.ndarray, mask: np.ndarray, distance: float) -> np.ndarray:
    """Return the mask [N] without the Gaussians near one that is not chosen: growing the rest."""
    return ~grow(means, ~np.asarray(mask, bool), distance)
