"""A beard that hangs below the chin, as a depth interval along each of the photo's rays.

The photo shows its outline and no depth. It grows on the chin and falls: so its front goes on straight down from the
jaw's edge, and turns back towards its rim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import blur_inside, nearest_fill, roundness
from .lattice import Lattice
from .portrait import FittedPortrait

DEEP = 0.24
"""World units from a beard's front to its back, about 5 cm."""
TURN = 0.12
"""World units from its rim over which the front turns back."""
SOFT = 2.0
"""Cells over which the front's depth is averaged."""
FEWEST_CELLS = 12
"""Cells of the lattice from which there is a beard."""


@dataclass(frozen=True, eq=False)
class Beard:
    """A depth interval per cell of the lattice.

    Attributes:
        front, back: [R, C] float32 depths along the camera's z; numbers everywhere.
        mask: [R, C] bool: where the beard is, chin included.
    """

    front: np.ndarray
    back: np.ndarray
    mask: np.ndarray


def build_beard(portrait: FittedPortrait, lattice: Lattice, shown: np.ndarray) -> Beard | None:
    """Return the beard; None where there is none.

    Args:
        portrait: The portrait.
        lattice: The photo's coarse grid of rays.
        shown: [512, 512] bool: its pixels below the jaw.
    """
    place = lattice.shrink(shown) > 0.5
    if place.sum() < FEWEST_CELLS:
        return None
    near, _ = lattice.mesh_depths(portrait.vertices, portrait.outer_triangles)
    face = (lattice.shrink(portrait.face_oval) > 0.5) & np.isfinite(near)
    if not face.any():
        return None
    whole = place | face
    front = blur_inside(nearest_fill(near, face), whole, SOFT)
    rim = ndimage.distance_transform_edt(whole) * lattice.cell_size
    front = front + TURN * (1 - roundness(rim, TURN))
    return Beard(front.astype(np.float32), (front + DEEP * roundness(rim, DEEP)).astype(np.float32), place)
