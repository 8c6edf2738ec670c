"""How far the photo's pixels are believed to show the fitted head's skin.

Skin that faces the camera is what the photo shows. Where it turns away, a pixel or two cover much of a cheek, and
often show something else: an ear that stands elsewhere than the fitted one, hair, a collar, light from behind. What is
unlike the skin next to it is not spread over it.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...colors import rgb_to_lab
from .portrait import FittedPortrait
from .skin import FACE_ON

LIGHTNESS, HUE = 14.0, 8.0
"""CIE units of lightness, and of a* and b*, by which skin that turns away differs from what is expected for one unit of
unlikeness."""
FEATURES = 0.05
"""Face heights around eyes, brows and mouth that are unlike skin, and believed."""
NEIGHBORS = 3
"""Side in pixels of the square whose least believed pixel counts."""


def skin_trust(
    portrait: FittedPortrait, expected: np.ndarray, shown: np.ndarray, whiskers: np.ndarray | None = None
) -> np.ndarray:
    """Return how far each pixel shows the fitted head's skin, [512, 512] float32, 0..1.

    Args:
        portrait: The portrait.
        expected: [512, 512, 3] colours that the skin is expected to have, sRGB-encoded.
        shown: [512, 512] bool: pixels that are laid out on the fitted head.
        whiskers: [512, 512] bool: beard or stubble, which is believed; None for none.
    """
    doubted = portrait.mesh_maps.mask & shown & (portrait.facing_map < FACE_ON) & ~portrait.features(FEATURES)
    if whiskers is not None:
        doubted &= ~whiskers
    trust = np.ones(doubted.shape, np.float32)
    offset = rgb_to_lab(portrait.rgb[doubted]) - rgb_to_lab(expected[doubted])
    trust[doubted] = 1 / (1 + ((offset / [LIGHTNESS, HUE, HUE]) ** 2).sum(1) ** 2)
    trust = ndimage.minimum_filter(trust, NEIGHBORS)
    return np.where(doubted, trust, 1)
