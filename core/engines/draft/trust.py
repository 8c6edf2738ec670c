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
from .skin import FACE_ON, Skin

LIGHTNESS, HUE = 14.0, 8.0
"""CIE units of lightness, and of a* and b*, by which skin that turns away differs from what is expected for one unit of
unlikeness."""
FEATURES = 0.05
"""Face heights around eyes, brows and mouth that are unlike skin, and believed."""
NEIGHBORS = 3
"""Side in pixels of the square whose least believed pixel counts."""
BESIDE = 3.0
"""Pixels from the face's outline over which doubt grows: what is in the face is the face's."""


def skin_trust(portrait: FittedPortrait, skin: Skin, shown: np.ndarray) -> np.ndarray:
    """Return how far each pixel shows the fitted head's skin, [512, 512] float32, 0..1.

    Args:
        portrait: The portrait.
        skin: What colours the skin is expected to have.
        shown: [512, 512] bool: pixels that are laid out on the fitted head.
    """
    maps, triangles = portrait.mesh_maps, portrait.outer_triangles
    facing = maps.interpolate(triangles, portrait.facing(portrait.vertices, portrait.fit.normals))
    doubted = maps.mask & shown & (facing < FACE_ON) & ~portrait.features(FEATURES)
    trust = np.ones(doubted.shape, np.float32)
    expected = maps.interpolate(triangles, skin.colors)[doubted]
    offset = rgb_to_lab(portrait.rgb[doubted]) - rgb_to_lab(expected)
    trust[doubted] = 1 / (1 + ((offset / [LIGHTNESS, HUE, HUE]) ** 2).sum(1) ** 2)
    trust = ndimage.minimum_filter(trust, NEIGHBORS)
    beside = np.clip(ndimage.distance_transform_edt(~portrait.face_oval)[doubted] / BESIDE, 0, 1)
    trust[doubted] = 1 - (1 - trust[doubted]) * beside
    return trust
