"""Colours of the photo's pixels that change with the side from which they are seen.

Where skin or hair turns away, one pixel covers much of a cheek, and shows what belongs to this one look: a dark or
bright rim, some of the background, an ear that stands elsewhere than the fitted one. The photo's camera has to see
just that. From across, the place has the colour that what is around it lets expect. Spherical harmonics of degree 1
hold both: a change with the cosine between the photo's ray and the look (Kerbl et al., "3D Gaussian Splatting for
Real-Time Radiance Field Rendering", 2023; coefficients as in :mod:`core.splats.spherical_harmonics`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ...gaussians import Gaussians
from ...geometry.vectors import unit
from ...splats import spherical_harmonics as harmonics
from ...splats.parts import Part
from .photo_sheet import PhotoSheet
from .portrait import FittedPortrait
from .samples import pixel_index
from .splats import Splats

TURNING = (0.35, 0.75)
"""Cosines between normal and ray at which places have the expected colour from across, and the photo's from
everywhere."""
FEATURES = 0.03
"""Face heights around eyes, brows and mouth, whose colours are their own."""
NEIGHBORS = 4
"""Vertices of the cover whose mean is the colour expected of hair."""
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

    def apply(self, splats: Splats, portrait: FittedPortrait) -> Gaussians:
        """Return the photo's splats as Gaussians of degree 1, which the photo's camera sees in their own colours.

        Args:
            splats: The photo's splats.
            portrait: The portrait.
        """
        rows, columns, _ = pixel_index(portrait, splats.positions)
        change = self.share[rows, columns, None] * (splats.colors - self.expected[rows, columns]) / (1 - EXPECTED_AT)
        looks = unit(splats.positions - portrait.camera.position)
        gaussians = splats.to_gaussians()
        # The basis of degree 1 is linear in the direction: its values at the ray are the cosine's coefficients.
        cosine = harmonics.basis(looks, 1)[:, 1:] / harmonics.LINEAR**2
        higher = cosine[:, :, None] * change[:, None, :]
        sh = np.concatenate([harmonics.from_colors(splats.colors - change), higher], axis=1)
        return gaussians.replace(sh=sh.astype(np.float32))


def view_colors(
    portrait: FittedPortrait,
    sheet: PhotoSheet,
    expected: np.ndarray,
    trust: np.ndarray,
    whiskers: np.ndarray | None,
    hair: np.ndarray,
    paint: np.ndarray,
) -> ViewColors:
    """Return how the photo's pixels look from across.

    Args:
        portrait: The portrait.
        sheet: The photo's pixels in space.
        expected: [512, 512, 3] colours that the skin is expected to have, sRGB-encoded.
        trust: [512, 512] how far the photo's pixels show it, 0..1.
        whiskers: [512, 512] bool: beard or stubble, which looks the same from every side; None for none.
        hair: [V, 3] places on the hair's surface.
        paint: [V, 3] their colours, 0..1.
    """
    flesh = portrait.mesh_maps.mask & np.isin(sheet.parts, (Part.SKIN, Part.NECK)) & ~portrait.features(FEATURES)
    if whiskers is not None:
        flesh &= ~whiskers
    share = np.where(flesh, np.maximum(_turning(portrait.facing_map), 1 - trust), 0)
    expected = expected.copy()
    aslant = sheet.used & (sheet.parts == Part.HAIR) & (sheet.facing < TURNING[1])
    if aslant.any() and len(hair) >= NEIGHBORS:
        _, nearest = cKDTree(hair).query(sheet.positions[aslant], k=NEIGHBORS)
        expected[aslant] = paint[nearest].mean(1)
        share[aslant] = _turning(sheet.facing[aslant])
    return ViewColors(expected, share.astype(np.float32))


def _turning(facing: np.ndarray) -> np.ndarray:
    """Return how far places with a cosine between normal and ray turn away, 0..1."""
    return np.clip((TURNING[1] - facing) / (TURNING[1] - TURNING[0]), 0, 1)
