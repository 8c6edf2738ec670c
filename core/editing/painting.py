"""Painting splats in a colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import colors
from ..gaussians import Gaussians
from ..splats import spherical_harmonics as harmonics

LIT = 75
"""Percentile of brightness that gets the very colour: most Gaussians lie in shade or below others, and what
is seen in the light shall look as it was chosen."""


def paint(
    gaussians: Gaussians, mask: np.ndarray, color: Sequence[float], strength: float = 1.0, keep_shading: bool = True
) -> Gaussians:
    """Return the Gaussians with some of them painted.

    Spherical harmonics above degree 0 fade with the strength, as the old colour does.

    Args:
        gaussians: Any.
        mask: [N] bool, which are painted.
        color: r, g, b, sRGB-encoded, 0..1.
        strength: 0 changes nothing, 1 covers.
        keep_shading: Take hue and saturation from the colour, and let light and dark among
            the painted Gaussians vary as before, those in the light around the colour's own brightness.
    """
    chosen = np.flatnonzero(mask)
    if not len(chosen) or strength == 0:
        return gaussians
    old = np.clip(gaussians.colors[chosen].astype(np.float64), 0, 1)
    painted = np.broadcast_to(np.asarray(color, np.float64), old.shape)
    if keep_shading:
        luminance = colors.to_linear(old) @ colors.LUMINANCE
        shading = luminance / max(float(np.percentile(luminance, LIT)), np.finfo(np.float32).eps)
        painted = np.clip(colors.to_encoded(colors.to_linear(painted) * shading[:, None]), 0, 1)
    sh = gaussians.sh.copy()
    sh[chosen] *= np.float32(1 - strength)
    sh[chosen, 0] += np.float32(strength) * harmonics.from_colors(painted)[:, 0]
    return gaussians.replace(sh=sh)
