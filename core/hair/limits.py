"""Where strands may not be: before the photo's own pixels, outside of the photo's outline."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .volume import HairPhoto

BEHIND = 0.01
"""World units by which strands stay behind the photo's pixels: about two of these."""
MOST = 0.05
"""World units by which a strand may be pushed back for that; one farther before the photo is none of its hair."""
OUTLINE = 0.5
"""Matte from which a place is inside of the person's outline."""
INNER = 1.5
"""Pixels by which strands stay inside of it."""


def behind_photo(photo: HairPhoto, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points [N, 3] moved along the photo's rays behind its pixels, and which of them may stay [N]."""
    pixels, depths = photo.camera.project(points)
    rows, columns, _, inside = photo.look_up(points)
    covered = inside & photo.used[rows, columns]
    moved = np.where(covered, np.maximum(depths, photo.depth[rows, columns] + BEHIND), depths)
    within = ndimage.distance_transform_edt(np.pad(photo.alpha > OUTLINE, 1, mode="edge"))[1:-1, 1:-1] > INNER
    stays = (moved - depths <= MOST) & (~inside | within[rows, columns])
    return photo.camera.unproject(pixels, moved), stays
