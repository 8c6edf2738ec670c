"""All of a head's hair in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..gaussians import Gaussians, concatenate
from .backing import backing
from .look import measure_look
from .splats import strand_gaussians
from .strands import grow
from .tones import FROM_ABOVE
from .volume import HairPhoto, HairVolume

BACKING_SHARE = 0.15
"""Share of the Gaussians that lie dark under the strands."""


def build_hair(
    volume: HairVolume,
    photos: Sequence[HairPhoto],
    paint: np.ndarray,
    budget: int,
    rng: np.random.Generator,
    light: Sequence[float] = FROM_ABOVE,
) -> Gaussians | None:
    """Return a head's hair: strands on their backing. None where the volume has no hair.

    All Gaussians carry :data:`core.splats.attributes.STRAND`, which is 0 for the backing, and
    :data:`core.splats.attributes.STRAND_PLACE`.

    Args:
        volume: Where hair is.
        photos: What shows it; may be empty.
        paint: [V, 3] sRGB-encoded smooth colours (colour times light) of the volume's vertices.
        budget: Number of Gaussians in all; somewhat fewer come out where photos cover the hair.
        rng: Source of everything random.
        light: Direction towards the light, any length, for highlights.
    """
    if not len(volume.hair_quads):
        return None
    under = backing(volume, photos, paint, round(BACKING_SHARE * budget), rng)
    strands = grow(volume, photos, paint, measure_look(photos), budget - len(under), rng, light)
    return concatenate([under, strand_gaussians(strands, photos)])
