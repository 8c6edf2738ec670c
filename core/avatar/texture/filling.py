"""Fills what no view shows: a membrane over the mesh, with the fine variation of skin on it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

from ...head.model import HeadModel, Region

BELIEF = 40.0
"""Stiffness with which a well seen vertex keeps its colour, against the membrane's of 1 per edge."""
DOUBT = 0.05
"""Beliefs up to this count as none: between skin and what isn't, a little of both colours is left."""
PRIOR = 0.02
"""The same for colours of parts that are usually not seen."""
WEAK = 1e-5
"""The same where nothing is known: parts without a neighbour that was seen get a colour at all."""
OCTAVES = ((0.022, 0.45), (0.009, 0.3), (0.0035, 0.25))
"""Wavelengths in metres of skin's variation, and their shares."""
VARIATION = (0.004, 0.012)
"""Bounds of that variation's standard deviation, in sRGB-encoded values."""
INNER = {Region.MOUTH: (0.62, 0.40, 0.40), Region.SOCKETS: (0.62, 0.45, 0.42)}
"""Colours of hidden parts, as factors of the skin's."""


def membrane(model: HeadModel, values: np.ndarray, beliefs: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """Return values for all vertices [V, C]: those that are known, and between and beyond them a smooth surface.

    Args:
        model: The head model.
        values: [V, C] known values.
        beliefs: [V] how well they are known, 0..1.
        priors: [V, C] or [C] what to take where nothing is known near by.
    """
    stiffness = BELIEF * np.maximum(beliefs - DOUBT, 0)
    held = np.where(model.in_regions(*INNER), PRIOR, WEAK)
    targets = values * stiffness[:, None] + held[:, None] * priors
    return splu((_stiffness(model) + sparse.diags_array(stiffness + held)).tocsc()).solve(targets)


def inner_priors(model: HeadModel, skin: np.ndarray) -> np.ndarray:
    """Return what colours [V, 3] to expect: the skin's [3], and those of the parts inside."""
    priors = np.tile(skin, (len(model.mean), 1))
    for region, factors in INNER.items():
        priors[model.in_regions(region)] *= factors
    return priors


@lru_cache(maxsize=1)
def _stiffness(model: HeadModel) -> sparse.csr_array:
    """Return the graph Laplacian [V, V] of the mesh's edges, stiffer the shorter they are."""
    faces, count = model.faces, len(model.mean)
    pairs = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    lengths = np.linalg.norm(model.mean[pairs[:, 0]] - model.mean[pairs[:, 1]], axis=1)
    weights = np.median(lengths) / np.maximum(lengths, 1e-4)
    links = sparse.coo_array((weights, pairs.T), (count, count)).tocsr()
    links = links + links.T
    return (sparse.diags_array(links.sum(axis=1)) - links).tocsr()


def variation(places: np.ndarray, strength: float) -> np.ndarray:
    """Return skin's fine variation [N, 3] at places on the average head.

    Args:
        places: [N, 3] float32 metres: neighbours vary alike, across the texture's seams too.
        strength: Standard deviation of the brightness, sRGB-encoded.
    """
    noise = np.random.default_rng(7).standard_normal((32, 32, 32)).astype(np.float32)
    total = np.zeros(len(places), np.float32)
    for wavelength, share in OCTAVES:
        cells = (places / np.float32(wavelength / 2)).T
        values = ndimage.map_coordinates(noise, cells, order=1, mode="grid-wrap", output=np.float32)
        total += np.float32(share) * values
        if wavelength == OCTAVES[0][0]:
            ruddy = values
    total *= np.float32(strength / np.sqrt(sum(share * share for _, share in OCTAVES) * 0.3))
    # Where skin is darker at a wide scale it is redder: blood shows through.
    result = np.repeat(total[:, None], 3, axis=1)
    result[:, 0] -= np.float32(0.3 * strength) * ruddy
    return result


def natural_strength(colors: np.ndarray, smooth: np.ndarray, chosen: np.ndarray) -> float:
    """Return how much well seen skin [K, 3] varies around its smooth colours [K, 3], within :data:`VARIATION`."""
    if not chosen.any():
        return VARIATION[0]
    away = np.abs((colors[chosen] - smooth[chosen]).mean(axis=1))
    # From the median, which pores make and wrinkles, brows and moles don't.
    return float(np.clip(1.48 * np.median(away), *VARIATION))
