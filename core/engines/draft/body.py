"""The volume of neck and torso with their clothes."""

from __future__ import annotations

import numpy as np

from ...geometry.ramps import smooth_step
from .fields import signed_distance
from .lattice import Lattice, Rays
from .neckline import Neckline
from .torso import STAND_OFF, Torso

COLLAR = 0.042
"""World units by which clothes stand off the torso at their edge; it lies a little under the skin."""
RISE = 0.16
"""World units below the edge over which they come to stand off as far as elsewhere."""
BARE = 0.01
"""World units over the neck's base up to which the torso goes; above, the neck is the fitted head's own."""
BESIDE = 0.15
"""World units around the neckline beyond which the torso is the photo's, not the fitted one's."""


def body_field(
    lattice: Lattice, torso: Torso, neckline: Neckline, points: np.ndarray, rays: Rays, distance: np.ndarray
) -> np.ndarray:
    """Return the field [N] of neck and torso with their clothes, world units, positive inside.

    Away from the neck it is what the photo's rays tell; near it, clothes lie around the fitted skin up to their edge.

    Args:
        lattice: The photo's coarse grid of rays.
        torso: Depths of neck and torso.
        neckline: Where clothes end at the neck.
        points: [N, 3] world.
        rays: The same points on the lattice.
        distance: [N] from the fitted torso, a little under its skin, negative inside.
    """
    slab = np.minimum(rays.depth - rays.sample(torso.front), rays.sample(torso.back) - rays.depth)
    slab = np.minimum(slab, rays.sample(signed_distance(torso.mask) * lattice.cell_size))
    angle, aside, height = neckline.locate(points)
    near = np.maximum(np.minimum(BARE - height, -distance), aside - neckline.reach - BESIDE)
    # What the photo shows of the body is the photo's; behind the middle, rays know nothing of the edge.
    shown = rays.sample(signed_distance(torso.shown) * lattice.cell_size)
    shown = np.minimum(shown, rays.sample((torso.front + torso.back) / 2) - rays.depth)
    if not torso.dressed:
        return np.minimum(slab, np.maximum(near, shown))
    below = neckline.below_edge(angle, height)
    off = COLLAR + (STAND_OFF[1] - COLLAR) * smooth_step(below, 0, RISE)
    collar = np.minimum(np.minimum(below, off - distance), 2 * RISE - below)
    near = np.maximum(np.maximum(near, shown), below - RISE)
    return np.maximum(np.minimum(slab, near), collar)
