"""Colours by linear least squares: a rendered pixel is the sum of its splats' colours by their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from ..gaussians import Gaussians
from ..splats import spherical_harmonics as harmonics
from .solving import held_change
from .views import Seen


def solve_colors(
    gaussians: Gaussians,
    seen: Sequence[Seen],
    hold: np.ndarray,
    iterations: int,
    step: Callable[[], None] = lambda: None,
) -> Gaussians:
    """Return the Gaussians with colours for which their pictures are nearest to the photos.

    The change is the same from all sides: it goes to the constant harmonic. Colours stay within 0..1 from the photos'
    sides, which every format carries, or as far outside as they were.

    Args:
        gaussians: The Gaussians.
        seen: What of them is in the photos.
        hold: [N] how strongly each is held to what it is, in pixels.
        iterations: Steps of conjugate gradients.
        step: Called after every one; may raise to cancel.
    """
    change = held_change([_equations(each, len(gaussians)) for each in seen], hold, iterations, step)
    sh = gaussians.sh.copy()
    sh[:, 0] += np.clip(change, *_limits(gaussians, seen)) / np.float32(harmonics.C0)
    return gaussians.replace(sh=sh)


def _equations(seen: Seen, count: int) -> tuple[sparse.csr_array, np.ndarray]:
    """Return equations weighted by the photo's alpha: pixels by all splats, and what colour is missing [P, 3]."""
    alpha = seen.view.alpha.ravel()
    chosen = np.flatnonzero((alpha > 0) & (np.diff(seen.weights.indptr) > 0))
    root = np.sqrt(alpha[chosen])
    part = seen.weights[chosen]
    data = part.data * np.repeat(root, np.diff(part.indptr))
    columns = seen.splats.indices.astype(np.int32)[part.indices]
    matrix = sparse.csr_array((data, columns, part.indptr), shape=(len(chosen), count))
    return matrix, (seen.wanted() - seen.picture())[chosen] * root[:, None]


def _limits(gaussians: Gaussians, seen: Sequence[Seen]) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much colours [N, 3] may fall and rise."""
    low, high = np.full((len(gaussians), 3), -np.inf, np.float32), np.full((len(gaussians), 3), np.inf, np.float32)
    for each in seen:
        place, colors = each.splats.indices, each.splats.colors
        low[place] = np.maximum(low[place], np.minimum(-colors, 0))
        high[place] = np.minimum(high[place], np.maximum(1 - colors, 0))
    return low, high
