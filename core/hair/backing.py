"""The dark under the strands: a closed layer, so that hair is nowhere seen through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..gaussians import Gaussians
from ..geometry import quaternions
from ..geometry.vectors import unit
from ..splats import spherical_harmonics as harmonics
from ..splats.attributes import of_no_strand
from ..splats.parts import Part
from .limits import behind_photo
from .seeds import spread
from .splats import frames
from .volume import HairPhoto, HairVolume, along_surface

SUNK = 0.024
"""World units under the hair's surface: beneath most strands."""
SHARE = 0.85
"""Of the hair's thickness, at which the layer lies at most: above the skull."""
SHADE = 0.6
"""Share of light that gets that deep."""
OVERLAP, FLATNESS, OPACITY = 0.85, 0.15, 0.97
"""Standard deviation over the distance to the neighbours; thickness over that; opacity of each."""

SKEW = np.array([0.61, 0.5, 0.62])
"""Any direction that no surface faces exactly: discs have no direction of their own."""


def backing(
    volume: HairVolume, photos: Sequence[HairPhoto], paint: np.ndarray, count: int, rng: np.random.Generator
) -> Gaussians:
    """Return a closed layer of flat Gaussians under the hair's surface, as no strand's (number 0).

    Args:
        volume: Where hair is.
        photos: The layer stays behind their pixels and inside of their outlines.
        paint: [V, 3] sRGB-encoded smooth colours of the volume's vertices.
        count: Number of Gaussians, about.
        rng: Source of the jitter.
    """
    corners = volume.hair_quads
    seeds = spread(volume.vertices, corners, np.ones(len(corners)), count, rng)
    normals = unit(seeds.interpolate(corners, volume.normals))
    thickness = seeds.interpolate(corners, volume.thickness[:, None])
    points = seeds.interpolate(corners, volume.vertices) - np.minimum(SUNK, SHARE * thickness) * normals
    radii, stays = OVERLAP * seeds.spacing, np.ones(len(points), bool)
    for photo in photos:
        points, allowed = behind_photo(photo, points, normals, radii=radii)
        stays &= allowed
    points, normals, radii = points[stays], normals[stays], radii[stays]
    colors = np.clip(SHADE * seeds.interpolate(corners, paint)[stays], 0, 1)
    return Gaussians(
        points,
        radii[:, None] * [1.0, 1.0, FLATNESS],
        quaternions.from_matrices(frames(along_surface(SKEW, normals), normals)),
        np.full(len(points), OPACITY),
        harmonics.from_colors(colors),
        np.full(len(points), Part.HAIR),
        of_no_strand(len(points)),
    )
