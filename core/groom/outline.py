"""Guides drawn to the outline of the hair: as far out, and as far into the face, as a picture shows it.

Surfaces of voxels are a few pixels off, and hair that rises from its root lies low around the whorl. What guides cover
in the picture is compared with what hair covers there; where the two borders are apart, guides near them are moved
across the view, less the further inside of the hair they are.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..hair.volume import OUTLINE, HairPhoto

ROUNDS = 3
"""Of moving: what guides cover changes with it."""
BETWEEN = 8
"""Pixels between guides that hair fills."""
BAND, MOST = 12.0, 12.0
"""Pixels inside of the border over which guides go along by two thirds, and how far they are moved at most."""
MARGIN = 1.5
"""Pixels by which guides stay inside of the outline: hairs around them reach beyond."""
SMOOTH = 2.0
"""Pixels: standard deviation over which borders are averaged, so that a single lock moves nothing."""
HIDDEN = 0.08
"""World units behind what the picture shows from which guides do not count."""
FREE = 5
"""Points from its root on over which a guide comes to be free to move."""


def drawn_to_outline(points: np.ndarray, counts: np.ndarray, photo: HairPhoto) -> np.ndarray:
    """Return points [P, 3] of guides, one after the other, moved to meet the hair's outline.

    Args:
        points: World.
        counts: [S] points of each guide, root first.
        photo: The picture whose outlines they are to meet.
    """
    first = np.cumsum(counts) - counts
    place = np.arange(len(points)) - np.repeat(first, counts)
    free = np.minimum(place / FREE, 1.0)
    wanted = _inside(photo.hair) - MARGIN
    down, right = np.gradient(wanted)
    slope = np.stack([right, down], axis=-1)
    for _ in range(ROUNDS):
        pixels, depths = photo.camera.project(points)
        rows, columns, _, inside = photo.look_up(points)
        before = (photo.alpha[rows, columns] < OUTLINE) | (depths < photo.depth[rows, columns] + HIDDEN)
        seen = inside & before
        if not seen.any():
            return points
        covered = _inside(_covered(pixels, seen, place > 0, photo.hair.shape))
        within = covered[rows, columns]
        apart = np.clip(wanted[rows, columns] - within, -MOST, MOST)
        share = np.exp(-((np.maximum(within, 0) / BAND) ** 2)) * free * seen
        moved = pixels - (apart * share)[:, None] * slope[rows, columns]
        points = points + photo.camera.unproject(moved, depths) - photo.camera.unproject(pixels, depths)
    return points


def _covered(pixels: np.ndarray, seen: np.ndarray, follows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the pixels [H, W] that guides and the hair between them cover.

    Args:
        pixels: [P, 2] of the guides' points.
        seen: [P] which of them count.
        follows: [P] which follow another of the same guide.
        shape: Height and width.
    """
    joined = np.flatnonzero(seen[1:] & seen[:-1] & follows[1:])
    steps = np.linspace(0, 1, 2 * BETWEEN)[:, None, None]
    drawn = (pixels[joined] * (1 - steps) + pixels[joined + 1] * steps).reshape(-1, 2).astype(np.int64)
    drawn = drawn[(drawn >= 0).all(1) & (drawn[:, 0] < shape[1]) & (drawn[:, 1] < shape[0])]
    covered = np.zeros(shape, bool)
    covered[drawn[:, 1], drawn[:, 0]] = True
    # Closing by distances: a disk as large as the gaps, out and in again.
    wide = np.pad(ndimage.distance_transform_edt(~covered) < BETWEEN, BETWEEN, mode="edge")
    within = slice(BETWEEN, -BETWEEN)
    return ndimage.distance_transform_edt(wide)[within, within] > BETWEEN


def _inside(mask: np.ndarray) -> np.ndarray:
    """Return how many pixels [H, W] places are inside of a mask, smoothed, negative outside."""
    distance = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    return ndimage.gaussian_filter(distance, SMOOTH)
