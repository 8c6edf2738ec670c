"""Opacities with which splats have a photo's outline: least squares in optical depth along the outline's pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from ..gaussians import Gaussians
from .solving import held_change
from .views import Seen

LEAST_ERROR = 0.02
"""Coverage by which a pixel is off that counts."""
OPAQUE = 0.99
"""What an opaque pixel's coverage is taken for: rasterized splats reach no more."""
ITERATIONS = 8
LARGEST_STEP = 2.0
"""Natural logarithm of the factor by which a splat's optical depth changes at once, at most."""


def fit_outlines(
    gaussians: Gaussians, seen: Sequence[Seen], hold: np.ndarray, step: Callable[[], None] = lambda: None
) -> Gaussians:
    """Return the Gaussians with opacities that bring their coverage nearer to the photos' mattes.

    Only splats at pixels whose coverage is off change. Where nothing lies, nothing can be added.

    Args:
        gaussians: The Gaussians.
        seen: What of them is in the photos whose outline is known.
        hold: [N] how strongly each is held to what it is, in pixels.
        step: Called after every iteration; may raise to cancel.
    """
    change = held_change([_equations(each, len(gaussians)) for each in seen], hold, ITERATIONS, step)[:, 0]
    factor = np.exp(np.clip(change, -LARGEST_STEP, LARGEST_STEP))
    before = gaussians.opacities.astype(np.float64)
    after = 1 - (1 - np.minimum(before, OPAQUE)) ** factor
    return gaussians.replace(opacities=np.where(change == 0, before, np.minimum(after, OPAQUE)))


def _equations(seen: Seen, count: int) -> tuple[sparse.csr_array, np.ndarray]:
    """Return weighted equations of the pixels that are off: [P, N] changes of optical depth, wanted ones [P, 1].

    A splat's optical depth at a pixel is -log(1 - alpha), and those of all splats add up. A depth's change shows in
    coverage by the secant between what is and what is wanted, which is the equation's weight.
    """
    coverage = np.minimum(seen.coverage, OPAQUE).astype(np.float64)
    wanted = np.minimum(seen.view.alpha.ravel(), OPAQUE).astype(np.float64)
    entries = np.diff(seen.weights.indptr)
    chosen = np.flatnonzero((np.abs(coverage - wanted) > LEAST_ERROR) & (entries > 0))
    part = seen.weights[chosen]
    missing = np.log1p(-coverage[chosen]) - np.log1p(-wanted[chosen])
    weight = (wanted - coverage)[chosen] / missing
    # A row's splats lie front to back: what is left of the light before each is 1 minus the weights before it.
    length = np.diff(part.indptr)
    sums = np.cumsum(part.data, dtype=np.float64)
    before = sums - part.data - np.repeat((sums - part.data)[part.indptr[:-1]], length)
    alphas = np.clip(part.data / np.maximum(1 - before, 1 - OPAQUE), 0, OPAQUE)
    data = -np.log1p(-alphas) * np.repeat(weight, length)
    columns = seen.splats.indices.astype(np.int32)[part.indices]
    return sparse.csr_array((data, columns, part.indptr), shape=(len(chosen), count)), (missing * weight)[:, None]
