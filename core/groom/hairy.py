"""Which of a head's splats are hair: as a person or the splats themselves say, or by colour and place."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..avatar.anatomy import OUTSIDE
from ..colors import rgb_to_lab
from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..head.model import HeadModel, Region
from ..splats.color_histogram import ColorHistogram
from ..splats.parts import Part
from .ground import Ground

NO_HAIR = "no-hair"
"""Code of the error that tells that there is none."""
FEWEST = 300
"""Splats of hair from which there is any."""
UNTOLD = 0.5
"""Share of splats without a part from which splats don't tell what is hair."""
BINS = ColorHistogram((14, 14, 14))
HULL = (-0.04, 0.25)
"""World units below and above the scalp between which splats teach what colours hair has."""
SKIN = (-0.03, 0.03)
"""The same above the face, and above the shoulders, for skin and clothes."""
FACE_TOP = 0.03
"""Metres above the eyes up to which the face teaches what colours skin has: higher up there may be a fringe."""
BARE, THIN = 14.0, 0.02
"""Distance of the scalp's colour to the skin's in CIE L*a*b*, with half of the lightness, and world units (4 mm) that
its splats lie above it: a scalp without hair has less of both, together, than one of these."""
OVER_SCALP, FOREHEAD, OVER_FACE = (0.85, 0.1, 0.05), (0.5, 0.45, 0.05), (0.1, 0.85, 0.05)
"""Odds of hair, skin and clothes: over the scalp, on the forehead and on the rest of the face."""
BESIDE, LOW = (0.6, 0.1, 0.3), (0.2, 0.1, 0.7)
"""Odds off the head beside it, and on neck and shoulders."""
OFF = 0.06
"""World units above the skin from which a splat is off the head."""
CELL = 0.04
"""World units: splats in a cell of this size judge together."""


def told(gaussians: Gaussians, chosen: np.ndarray | None) -> np.ndarray | None:
    """Return which splats are hair [N] bool, as a person or their parts say; None where nothing does.

    Args:
        gaussians: The head.
        chosen: [N] bool, what a person says is hair; None for nothing.

    Raises:
        FaceLiftError: there is no hair ("no-hair").
    """
    if chosen is not None:
        if np.count_nonzero(chosen) < FEWEST:
            raise FaceLiftError(
                "Too few splats are selected to be hair.", "Select all of the hair and try again.", code=NO_HAIR
            )
        return np.asarray(chosen, bool)
    hair = gaussians.parts == Part.HAIR
    if hair.sum() >= FEWEST:
        return hair
    if (gaussians.parts == Part.UNKNOWN).mean() > UNTOLD:
        return None
    raise bald()


def guessed(gaussians: Gaussians, vertices: np.ndarray, model: HeadModel, ground: Ground) -> np.ndarray:
    """Return which splats are hair [N] bool by colour and place.

    What lies on the scalp teaches the colours of hair, the face those of skin, the shoulders those of clothes.

    Args:
        gaussians: The head, in the engines' frame.
        vertices: [V, 3] of its base mesh, in the same frame.
        model: The mesh's model.
        ground: The same mesh.

    Raises:
        FaceLiftError: the scalp looks like skin ("no-hair"), or too little is seen of it ("select-hair").
    """
    outer = np.flatnonzero(model.in_regions(*OUTSIDE))
    nearest = outer[cKDTree(vertices[outer]).query(gaussians.means)[1]]
    heights, _ = ground.heights(gaussians.means.astype(np.float64))
    region, high = model.regions[nearest], model.mean[nearest, 2]
    scalp, face = region == Region.SCALP, np.isin(region, (Region.FACE, Region.LIPS, Region.EARS))
    lab = rgb_to_lab(np.clip(gaussians.colors, 0, 1).astype(np.float64))
    within = [(low < heights) & (heights < top) for low, top in (HULL, SKIN, SKIN)]
    surely = [
        scalp & within[0],
        (region == Region.FACE) & (high < FACE_TOP) & within[1],
        (region == Region.TORSO) & within[2],
    ]
    if min(surely[0].sum(), surely[1].sum()) < FEWEST:
        raise FaceLiftError(
            "These splats do not tell what is hair.",
            "Select the hair in Edit Mode, then use Hair to Curves again.",
            code="select-hair",
        )
    apart = (np.median(lab[surely[0]], axis=0) - np.median(lab[surely[1]], axis=0)) * [0.5, 1, 1]
    if np.linalg.norm(apart) / BARE + np.median(heights[surely[0]]) / THIN < 1:
        raise bald()
    index, weights = BINS.index(lab), gaussians.opacities.astype(np.float64)
    even = 1 / BINS.size
    likely = [BINS.density(index[which], weights[which])[index] if which.any() else even for which in surely]
    off = ~scalp & (heights > OFF)
    prior = np.select(
        [one[:, None] for one in (scalp, off & (region != Region.TORSO), face & (high >= FACE_TOP), face)],
        [np.array(one) for one in (OVER_SCALP, BESIDE, FOREHEAD, OVER_FACE)],
        np.array(LOW),
    )
    odds = prior * np.stack([np.broadcast_to(one + 1e-3 * even, len(index)) for one in likely], axis=1)
    share = odds[:, 0] / odds.sum(1)
    cells = np.unique(np.floor(gaussians.means / CELL).astype(np.int64), axis=0, return_inverse=True)[1].ravel()
    together = np.bincount(cells, weights * share) / np.maximum(np.bincount(cells, weights), 1e-9)
    hair = (share + together[cells]) / 2 > 0.5
    if hair.sum() < FEWEST:
        raise bald()
    return np.asarray(hair)


def worn(gaussians: Gaussians, vertices: np.ndarray, model: HeadModel) -> np.ndarray:
    """Return which splats are of a hat [N] bool: clothes over the scalp.

    Args:
        gaussians: The head, in the engines' frame.
        vertices: [V, 3] of its base mesh, in the same frame.
        model: The mesh's model.
    """
    clothes = np.flatnonzero(gaussians.parts == Part.CLOTHES)
    over = np.zeros(len(gaussians), bool)
    outer = np.flatnonzero(model.in_regions(*OUTSIDE))
    nearest = outer[cKDTree(vertices[outer]).query(gaussians.means[clothes])[1]]
    over[clothes] = model.regions[nearest] == Region.SCALP
    return over


def bald() -> FaceLiftError:
    """Return what to tell of a head without hair."""
    return FaceLiftError(
        "No hair is to be seen on this head: it is bald, or all of its hair is covered.",
        "If it has some, select it in Edit Mode, then use Hair to Curves again.",
        code=NO_HAIR,
    )
