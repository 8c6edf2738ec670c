"""Where strands may not be: before the photo's own pixels, outside of the photo's outline."""

from __future__ import annotations

import numpy as np

from ..geometry.vectors import unit
from .volume import HairPhoto

GRAZING = 0.35
"""Cosine between normal and ray below which a photo's pixels are smeared along the surface: strands lie on top
of these, and are seen edge-on from the photo's side."""
BEHIND = 0.01
"""World units by which strands stay behind the photo's pixels: about two of these."""
MOST = 0.05
"""World units by which a strand may be pushed back for that; one farther before the photo is none of its hair."""
RIM = 12.0
"""Pixels from the outline on in which they may: further in, hair that turns away borders on the face."""
INNER = 3.0
"""Pixels by which strands stay inside of it."""
DISC, DISC_MOST = 2.0, 14.0
"""Standard deviations of a disc that faces the camera which stay inside, too, and pixels of these at most."""
ASIDE = 6.0
"""Pixels by which they may be moved for that."""
STRAY_OUTSIDE = 2.0
"""Pixels by which single hairs may be outside: as far as mattes are soft."""


def behind_photo(
    photo: HairPhoto,
    points: np.ndarray,
    normals: np.ndarray,
    stray: np.ndarray | bool = False,
    radii: np.ndarray | float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return points [N, 3] moved behind a photo's pixels and inside of its outline, and which may stay [N].

    Args:
        photo: Whose pixels stay in front.
        points: [N, 3] world.
        normals: [N, 3] unit, of the hair there.
        stray: [N] bool, which belong to single hairs that may leave the outline.
        radii: [N] standard deviations, world units, of discs that lie across the normals; 0 for what is fine.
    """
    pixels, depths = photo.camera.project(points)
    rows, columns, _, inside = photo.look_up(points)
    before = before_photo(photo, points, normals, BEHIND)
    moved = np.where(before, photo.deepest[rows, columns] + BEHIND, depths)
    within, slope = photo.outline
    inward = within[rows, columns]
    facing = np.abs((normals * unit(photo.camera.position - points)).sum(1))
    inner = INNER + np.minimum(DISC * radii * photo.camera.fx / depths * facing, DISC_MOST)
    beyond = np.where(inside & ~np.asarray(stray), np.maximum(inner - inward, 0), 0)
    pixels = pixels + beyond[:, None] * slope[rows, columns]
    free = ~inside | (inward > np.where(stray, -STRAY_OUTSIDE, -ASIDE))
    return photo.camera.unproject(pixels, moved), free & (moved - depths <= MOST)


def before_photo(photo: HairPhoto, points: np.ndarray, normals: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Return which points [N, 3] lie before a photo's pixels, or less than a margin behind them.

    Args:
        photo: Whose pixels.
        points: [N, 3] world.
        normals: [N, 3] unit, of the hair there: where pixels graze it at the outline, nothing is before them.
        margin: World units.
    """
    rows, columns, depths, inside = photo.look_up(points)
    facing = (normals * unit(photo.camera.position - points)).sum(1)
    smeared = photo.hair[rows, columns] & (photo.outline[0][rows, columns] < RIM) & (np.abs(facing) < GRAZING)
    return inside & photo.used[rows, columns] & ~smeared & (depths < photo.deepest[rows, columns] + margin)
