"""Where the photo shows bare skin on scalp and torso: by colour, lightness and texture of the face's own skin.

Place alone takes every scalp for hair and every torso for clothes. Bald and shaved heads, receding hairlines and bare
shoulders are told by what they look like: skin of the same hue as the face's, not much darker, and as smooth.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .fields import blur_inside

COLOR_BLUR, FINE, FINE_SPREAD = 1.0, 2.5, 4.0
"""Pixels: blur of colours; scale below which structure is fine; over which its strength is averaged."""
HUE_NOISE = 3.0
"""CIE units by which a* and b* of one skin scatter at least."""
DARKER, LIGHTER = 15.0, 30.0
"""CIE L* by which skin elsewhere may be darker or lighter than the face for one unit of unlikeness."""
ROUGHER = 0.67
"""Natural logarithm of the fine structure's strength for one unit of unlikeness: hair is finer structured than skin."""
LIKE = 2.2
"""Unlikeness up to which a place looks like skin: hue 1, lightness 1 and texture some."""
PATCH = 6.0
"""Pixels over which places are judged together."""
FEWEST = 60
"""Pixels of certain skin from which it can be compared with."""


def bare_places(lab: np.ndarray, mask: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return where [H, W] bool the person looks like bare skin.

    Args:
        lab: [H, W, 3] colours in CIE L*a*b*.
        mask: [H, W] bool: the person.
        skin: [H, W] bool: certain skin of the face.
    """
    if skin.sum() < FEWEST:
        return np.zeros_like(mask)
    soft = ndimage.gaussian_filter(lab, (COLOR_BLUR, COLOR_BLUR, 0))
    inner = ndimage.binary_erosion(mask, iterations=3, border_value=1)
    light = lab[..., 0]
    structure = (light - blur_inside(light, inner, FINE, inner)) ** 2 * inner
    # The outline's blur is no structure of what lies inside of it.
    fine = np.sqrt(blur_inside(structure, inner, FINE_SPREAD, inner | skin))
    middle = np.median(soft[skin], axis=0)
    precision = np.linalg.inv(np.cov(soft[skin][:, 1:].T) + HUE_NOISE**2 * np.eye(2))
    offset = soft - middle
    hue = np.sqrt(np.einsum("hwi,ij,hwj->hw", offset[..., 1:], precision, offset[..., 1:]))
    lightness = np.where(offset[..., 0] < 0, -offset[..., 0] / DARKER, offset[..., 0] / LIGHTER)
    rougher = np.clip(np.log(np.maximum(fine, 1e-3) / max(float(np.median(fine[skin])), 1e-3)), 0, None) / ROUGHER
    unlike = blur_inside(hue + lightness + rougher, inner, PATCH, mask)
    return mask & (unlike < LIKE)
