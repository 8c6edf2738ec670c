"""Values that a format stores activated, in files whose writer left them raw, or in linear light.

glTF and USD say that sizes and opacities are linear and colours display-referred. Early drafts, and writers that
copy a training's values, store logarithms and logits; both are told by values that the right kind can't have.
"""

from __future__ import annotations

import numpy as np

from ..colors import to_encoded
from ..splats import spherical_harmonics as harmonics
from ..system import blocks

_SLACK = 1e-3
"""Opacities this far outside 0..1 are rounding."""
_LOGIT_SHARE = 1 / 3
"""Of all opacities outside 0..1, from which they are logits; of a training's about nine in ten are."""


def sizes(scales: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return linear standard deviations [N, 3] and notes: those of files whose values are mostly negative are logs."""
    finite = scales[np.isfinite(scales)]
    if 2 * np.count_nonzero(finite < 0) <= len(finite):
        return scales, ()
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(scales), ("Sizes are stored as logarithms: read as such.",)


def opacities(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return opacities [N] in 0..1 and notes: logits where many values lie outside, single ones are clipped."""
    outside = np.count_nonzero((values < -_SLACK) | (values > 1 + _SLACK))
    if not outside:
        return values, ()
    if outside >= _LOGIT_SHARE * len(values):
        with np.errstate(over="ignore", invalid="ignore"):
            return 1 / (1 + np.exp(-values)), ("Opacities are stored as logits: read as such.",)
    return np.clip(values, 0, 1), (f"{outside:,} opacities outside 0..1 were clipped.",)


def display_harmonics(sh: np.ndarray) -> np.ndarray:
    """Return harmonics [N, K, 3] of linear Rec. 709 light as those of sRGB-encoded colours.

    The encoding is not linear: beyond degree 0, the harmonics nearest to the encoded colours of well spread
    directions are taken.
    """
    degree = harmonics.degree_of(sh.shape[1])
    found = np.empty_like(sh)
    if degree == 0:
        found[:] = harmonics.from_colors(to_encoded(harmonics.to_colors(sh)))
        return found
    basis = harmonics.basis(harmonics.probe_directions(), degree)
    inverse = np.linalg.pinv(basis).astype(np.float32)
    basis = basis.astype(np.float32)

    def convert(place: slice) -> None:
        colors = to_encoded(np.einsum("dk,nkc->ndc", basis, sh[place]) + np.float32(0.5))
        found[place] = np.einsum("kd,ndc->nkc", inverse, colors - np.float32(0.5))

    blocks.fill(convert, len(sh))
    return found
