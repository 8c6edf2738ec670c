"""A beard that hangs below the chin: its pixels in the photo, and its depth interval along each of the photo's rays.

It is told by its colour, the chin's. The photo shows its outline and no depth. It grows on the chin and falls: so its
front goes on straight down from the jaw's edge, and turns back towards its rim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .color_classes import MINIMUM_SEED, likelihoods
from .fields import blur_inside, disk, nearest_fill, roundness
from .lattice import Lattice
from .portrait import FittedPortrait

BEARD_SHARE, BEARD_LENGTH = 0.6, 0.5
"""Share of the chin that must look unlike the upper face, and face heights that a beard hangs down at most."""
SHORTEST_BEARD = 0.12
"""Face heights below the chin from which a beard has a volume of its own; stubble lies on the skin."""
BEARD_ASIDE = (0.45, 0.62)
"""Face heights from the chin's column that a beard reaches at most: told by its colour, and one that hides the neck."""
BESIDE_MOUTH, SIDEBURNS = -0.3, -0.75
"""Face heights below the chin up to which it is told from the chin's colours, and up to which stubble is: to the ears'
middle."""
THROAT_ASIDE, HIDDEN_THROAT = 0.15, 0.85
"""Face heights from the chin's column that belong to the throat, and share of it that a beard hides where it hangs."""
BEARD_BAYS = 0.1
"""Face heights: half the width of a bay in a beard's outline that belongs to it."""
NECK_HIDDEN = 0.25
"""Face heights below the chin from which a beard hides the neck's sides, too."""
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


def looks_bearded(portrait: FittedPortrait, bins: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return the pixels [512, 512] bool that look like a bearded chin; none where the chin has no beard.

    Args:
        portrait: The portrait.
        bins: [512, 512] colours.
        skin: [512, 512] bool: certain skin of the upper face.
    """
    chin = portrait.chin_places
    if min(chin.sum(), skin.sum()) < MINIMUM_SEED:
        return np.zeros_like(chin)
    like_chin, like_skin = np.moveaxis(likelihoods(bins, np.stack([chin, skin], axis=-1).astype(np.float32)), -1, 0)
    bearded = like_chin > 3 * like_skin
    if bearded[chin].mean() < BEARD_SHARE:
        return np.zeros_like(chin)
    return ndimage.gaussian_filter(bearded.astype(np.float32), 3.0) > 0.5


def grown_from_chin(portrait: FittedPortrait, bearded: np.ndarray, highest: float) -> np.ndarray:
    """Return the pixels [512, 512] of a beard, or of stubble, that hang together with the chin's.

    Args:
        portrait: The portrait.
        bearded: [512, 512] bool: what looks like it.
        highest: Face heights below the chin, negative above, from which it grows.
    """
    below, aside = portrait.chin_frame
    zone = bearded & portrait.mask & (below > highest) & (below < BEARD_LENGTH) & (aside < BEARD_ASIDE[0])
    labels, _ = ndimage.label(zone)
    return np.isin(labels, np.setdiff1d(np.unique(labels[portrait.chin_places & zone]), [0]))


def find_beard(portrait: FittedPortrait, bearded: np.ndarray, flesh: np.ndarray) -> np.ndarray:
    """Return the pixels [512, 512] bool below the chin that look like a beard.

    Args:
        portrait: The portrait.
        bearded: [512, 512] bool: pixels that look like a bearded chin (:func:`looks_bearded`).
        flesh: [512, 512] bool: everything that is neither clothes nor background.
    """
    if not bearded.any():
        return bearded
    below, aside = portrait.chin_frame
    beard = grown_from_chin(portrait, bearded, BESIDE_MOUTH)
    # It ends where the throat comes out: below, what looks like it is shade.
    throat = flesh & (below > 0) & (aside < THROAT_ASIDE)
    bare = throat.any(1) & ((beard & throat).sum(1) < HIDDEN_THROAT * throat.sum(1))
    end = min(below[bare].min(initial=BEARD_LENGTH), below[beard.any(1)].max(initial=0))
    if end < SHORTEST_BEARD:
        return np.zeros_like(beard)
    if end > NECK_HIDDEN:
        # Its lit and shaded sides differ in colour, but no skin can show beside it, from the ears down.
        beard |= flesh & (below > np.minimum(portrait.ear_lobes, BESIDE_MOUTH)) & (aside < BEARD_ASIDE[1])
    # Bays that reach in from the outline are shade, too.
    bays = int(BEARD_BAYS * portrait.face_height)
    closed = ndimage.binary_closing(np.pad(beard | ~portrait.mask, bays, mode="edge"), disk(bays))
    beard |= closed[bays:-bays, bays:-bays] & portrait.mask & (below > BESIDE_MOUTH) & (aside < BEARD_ASIDE[1])
    return beard & (below < end)
