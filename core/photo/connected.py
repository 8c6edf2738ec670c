"""What of a matte hangs together with a face.

Lumps that hang on by a thread belong to somebody else, and so do veils: where a matte can't tell whose something is,
it stays half transparent, far from what it is sure of. In a head both would float.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

THREAD = 0.02
"""Thickness up to which what connects two lumps is a thread, as a share of the square's side: some 12 mm."""
SOLID = 0.75
"""Alpha from which pixels make up a lump."""
REACH = 0.05
"""How far from the person's own lump thin and half transparent things may reach, as a share of the square's side."""
CONNECTED = 0.25
"""Alpha from which neighbouring pixels hang together."""
LOOSE_TIPS = 0.0125
"""How far from the person a loose tip of hair may end, as a share of the square's side."""


def connected_to(alpha: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Return a matte without what does not hang together with a face.

    Args:
        alpha: [S, S] float32, 0..1; a person's head and shoulders.
        face: [2] the face's centre (x, y) in pixels.

    Returns:
        [S, S] float32, 0..1; as it was where the face itself is not in the matte.
    """
    column, row = np.clip(face.astype(int), 0, len(alpha) - 1)
    alpha = _without_lumps(alpha, row, column)
    parts, _ = ndimage.label(alpha > CONNECTED, np.ones((3, 3)))
    person = parts == parts[row, column]
    if not parts[row, column]:
        return alpha
    # Tips of hair beside the person stay, whether or not they hang together; not so what reaches further away.
    near = ndimage.distance_transform_edt(~person) <= max(2, round(LOOSE_TIPS * len(alpha)))
    far = np.bincount(parts[~near], minlength=parts.max() + 1) > 0
    far[0] = False
    other = ndimage.binary_dilation(far[parts], iterations=2) & ~person
    return np.where(near & ~other, alpha, 0).astype(np.float32)


def _without_lumps(alpha: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return alpha without lumps that only threads, or nothing, connect to the one at a pixel."""
    solid = alpha > SOLID
    if solid.all():
        return alpha
    radius = THREAD / 2 * len(alpha)
    # The picture's edge is no border: what it cuts goes on.
    lumps, _ = ndimage.label(ndimage.distance_transform_edt(solid) > radius, np.ones((3, 3)))
    own = lumps[row, column]
    if not own:
        return alpha
    distance, nearest = ndimage.distance_transform_edt(lumps == 0, return_indices=True)
    near = distance <= radius + REACH * len(alpha)
    return np.where((lumps[tuple(nearest)] == own) & near, alpha, 0)


def largest_part(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part of a mask [H, W] bool."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()
