"""Colours of the photo's skin that change with the side from which it is seen.

Where skin turns away, one pixel covers much of a cheek, and shows what belongs to this one look at it: a dark or bright
rim, some of the background, an ear that stands elsewhere than the fitted one. The photo's camera has to see just that.
From across, the place has the colour that the skin around it lets expect. Spherical harmonics of degree 1 hold both: a
change with the cosine between the photo's ray and the look (Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance
Field Rendering", 2023; coefficients as in :mod:`core.splats.spherical_harmonics`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...cameras import Camera
from ...gaussians import Gaussians
from ...geometry.vectors import unit
from ...splats import spherical_harmonics as harmonics
from ...splats.parts import Part
from .fields import sample_map
from .portrait import FittedPortrait
from .skin import Skin, sample_picture
from .splats import Splats

TURNING = (0.35, 0.75)
"""Cosines between normal and ray at which skin has the expected colour from across, and the photo's from every side."""
FEATURES = 0.03
"""Face heights around eyes, brows and mouth, whose colours are their own."""
EXPECTED_AT = -0.25
"""Cosine between the photo's ray and a look at which this sees the expected colour. With 0 it would be passed by far,
and a dark rim would be a bright one, for looks from behind."""


@dataclass(frozen=True, eq=False)
class ViewColors:
    """How the photo's pixels look from across.

    Attributes:
        expected: [512, 512, 3] sRGB-encoded colours, 0..1.
        share: [512, 512] 0..1: of these in what is seen from across; the rest is the photo's own.
    """

    expected: np.ndarray
    share: np.ndarray

    def apply(self, splats: Splats, camera: Camera) -> Gaussians:
        """Return the photo's splats as Gaussians of degree 1, which the photo's camera sees in their own colours.

        Args:
            splats: The photo's splats.
            camera: The photo's camera.
        """
        pixels, _ = camera.project(splats.positions)
        share = sample_map(self.share, pixels) * np.isin(splats.parts, (Part.SKIN, Part.NECK))
        change = share[:, None] * (splats.colors - sample_picture(self.expected, pixels)) / (1 - EXPECTED_AT)
        looks = unit(splats.positions - camera.position)
        gaussians = splats.to_gaussians()
        # The basis of degree 1 is linear in the direction: its values at the ray are the cosine's coefficients.
        cosine = harmonics.basis(looks, 1)[:, 1:] / harmonics.LINEAR**2
        higher = cosine[:, :, None] * change[:, None, :]
        sh = np.concatenate([harmonics.from_colors(splats.colors - change), higher], axis=1)
        return gaussians.replace(sh=sh.astype(np.float32))


def view_colors(portrait: FittedPortrait, skin: Skin, trust: np.ndarray) -> ViewColors:
    """Return how the photo's pixels look from across.

    Args:
        portrait: The portrait.
        skin: What colours the skin is expected to have.
        trust: [512, 512] how far the photo's pixels show it, 0..1.
    """
    maps, triangles = portrait.mesh_maps, portrait.outer_triangles
    facing = maps.interpolate(triangles, portrait.facing(portrait.vertices, portrait.fit.normals))
    turning = np.clip((TURNING[1] - facing) / (TURNING[1] - TURNING[0]), 0, 1)
    plain = maps.mask & ~portrait.features(FEATURES)
    share = np.where(plain, np.maximum(turning, 1 - trust), 0)
    return ViewColors(maps.interpolate(triangles, skin.colors), share.astype(np.float32))
