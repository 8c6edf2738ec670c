"""Pixels of further photos as Gaussians: each place is shown by the photo that shows it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ....geometry.vectors import unit
from ..compensation import compensate
from ..photo_sheet import FOOTPRINT, STEEPEST, PhotoSheet, held_normals, pixel_opacities, pixel_splats
from ..splats import Splats
from .sight import Sight

LEAST = 0.3
"""How well a photo must show a place for its pixels to become Gaussians there."""
TIE = 0.97
"""Of the best photo's showing, from which pixels of another become Gaussians, too: borders overlap."""
BLEND = 6.0
"""Power of how well photos show a place by which their colours are mixed: seams are as wide as that changes slowly."""
STEEP = 3.0
"""World units of depth for one across from which pixels lie on a step between surfaces, and tell nothing of either."""
AROUND = 2
"""Pixels around those that become Gaussians whose colours count for theirs."""


@dataclass(frozen=True, eq=False)
class PixelLayer:
    """A photo's pixels that became Gaussians.

    Attributes:
        splats: The Gaussians.
        used: [512, 512] bool: their pixels.
    """

    splats: Splats
    used: np.ndarray


def mixed_colors(colors: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Return colours [N, 3] of places from those that photos [S, N, 3] show there, each as well as [S, N]."""
    powers = quality**BLEND + 1e-9
    return (powers[..., None] * colors).sum(0) / powers.sum(0)[:, None]


def pixel_layer(sights: Sequence[Sight], number: int) -> PixelLayer | None:
    """Return a photo's pixels as Gaussians where no other photo shows the place better; None where each is better.

    Args:
        sights: All photos, the portrait first.
        number: Which of them.
    """
    own = sights[number]
    look = own.look
    chosen = own.known & look.mask
    seen = [sight.quality(own.positions[chosen]) for sight in sights]
    quality = np.stack([each for each, _ in seen])
    used: np.ndarray = np.zeros(chosen.shape, bool)
    used[chosen] = (quality[number] >= TIE * quality.max(0)) & (quality[number] > LEAST)
    used &= ~own.steps(STEEP)
    if not used.any():
        return None
    rgb = look.rgb.copy()
    colors = np.stack([sight.colors(pixels) for sight, (_, pixels) in zip(sights, seen, strict=True)])
    rgb[chosen] = np.where((quality[number] > 0)[:, None], mixed_colors(colors, quality), rgb[chosen])
    rays = unit(look.camera.position - own.positions)
    normals = held_normals(own.normals, rays, own.facing, np.full(own.facing.shape, STEEPEST))
    opacities = pixel_opacities(look.alpha)
    around = chosen & ndimage.binary_dilation(used, iterations=AROUND)
    colors = compensate(rgb, own.depth, opacities * around, own.facing, FOOTPRINT)
    sheet = PhotoSheet(used, own.positions, normals, own.facing, own.depth, opacities, own.parts)
    return PixelLayer(pixel_splats(look.camera, sheet, colors, used), used)
