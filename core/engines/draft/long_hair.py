"""Whether hair falls past the jaw, and where: on both sides of the neck, or on one, and over the face's sides.

Dark clothes may look like dark hair, and shoulders may rise beside the jaw of a bowed or turned head. But hair that
falls is one piece with the scalp's, and as wide as a lock all the way down.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...photo.landmarks import CHIN
from .color_classes import MINIMUM_SEED, UNKNOWN_COLOR, likelihoods, shaded_colors
from .portrait import FittedPortrait

LIKELY = 10.0
"""Likelihood of a colour over that of colours never seen from which hair is known to have it."""
SMOOTH = 1.5
"""Pixels over which looks at colours are averaged."""
NARROW, FACE_RIM = 2, 2
"""Pixels: half the width of bridges that join no hair; and how far hair may reach into the face's outline."""
BESIDE = ((-0.5, -0.3), (-0.3, -0.1), (-0.1, 0.1))
"""Face heights below the chin between which falling hair must be wide: from the ears' middle to below the jaw."""
WIDE, ROWS = 0.25, 20
"""Face heights that it must be wide there (falling hair has 0.25 to 1.2, nape hair and beards up to 0.2), in all but
this percentage of the rows."""
ROUNDS = 3
"""Times that hair over the face is looked for: what was found no longer teaches how skin looks."""
FRONT_OF_FACE = 0.04
"""Face heights around eyes, eyebrows and mouth that no hair covers: they look like it."""
BEARDED = 0.3
"""Share of the chin that looks like hair from which that is a beard."""
OVER_CLOTHES = 0.3
"""Share of the places of clothes that must be left where hair falls over them: otherwise all clothes look like hair."""


def falling_hair(portrait: FittedPortrait, bins: np.ndarray, skin: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Return the pixels [512, 512] that look like hair and are one piece with it.

    Args:
        portrait: The portrait.
        bins: [512, 512] colours (:func:`.color_classes.color_bins`).
        skin: [512, 512] bool: certain skin.
        hair: [512, 512] bool: certain hair.
    """
    if min(skin.sum(), hair.sum()) < MINIMUM_SEED:
        return hair
    beside_face = ~ndimage.binary_erosion(portrait.face_oval, iterations=FACE_RIM)
    return _one_piece(bins, skin, hair, portrait.mask & beside_face)


def hair_over_face(portrait: FittedPortrait, bins: np.ndarray, skin: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Return the pixels [512, 512] inside the face's outline that long hair covers.

    Args:
        portrait: The portrait.
        bins: [512, 512] colours.
        skin: [512, 512] bool: skin, some of which may be that hair.
        hair: [512, 512] bool: certain hair.
    """
    over = np.zeros_like(hair)
    if min(skin.sum(), hair.sum()) < MINIMUM_SEED:
        return over
    place = portrait.mask & ~portrait.features(FRONT_OF_FACE)
    shades: np.ndarray | float = 0.0
    for _ in range(ROUNDS):
        over = _one_piece(bins, skin & ~over, hair, place, (shades, 0.0)) & portrait.face_oval
        # Hair that is taken for skin would make its own colours skin's.
        shades = shaded_colors(portrait.rgb, skin & ~over)
    bearded = over[portrait.chin_places].mean() > BEARDED
    return over & ~portrait.chin_places if bearded else over


def _one_piece(
    bins: np.ndarray,
    skin: np.ndarray,
    hair: np.ndarray,
    place: np.ndarray,
    expected: tuple[np.ndarray | float, ...] | None = None,
) -> np.ndarray:
    """Return the pixels [512, 512] of a place that look like hair and are one piece with it."""
    weights = np.stack([skin, hair], axis=-1).astype(np.float32)
    like_skin, like_hair = np.moveaxis(likelihoods(bins, weights, expected), -1, 0)
    alike = ndimage.gaussian_filter(np.log(like_hair / like_skin), SMOOTH) > 0
    alike &= (like_hair > LIKELY * UNKNOWN_COLOR) & place
    alike = ndimage.binary_opening(alike, iterations=NARROW) | hair
    labels, _ = ndimage.label(alike)
    return np.isin(labels, np.setdiff1d(np.unique(labels[hair]), [0]))


def falls(portrait: FittedPortrait, falling: np.ndarray) -> bool:
    """Return whether hair [512, 512] bool is wide beside the jaw, on one side at least."""
    below = portrait.chin_frame[0][:, 0]
    right = np.arange(falling.shape[1]) > portrait.landmarks[CHIN, 0]

    def width(side: np.ndarray, top: float, bottom: float) -> float:
        rows = falling[(below > top) & (below < bottom)]
        return float(np.percentile(rows[:, side].sum(1), ROWS)) / portrait.face_height if len(rows) else 0.0

    return any(all(width(side, *zone) > WIDE for zone in BESIDE) for side in (~right, right))


def told_apart(clothes: np.ndarray, falling: np.ndarray) -> bool:
    """Return whether certain clothes [512, 512] bool look unlike hair that falls over them, for a good part."""
    return bool((clothes & ~falling).sum() > OVER_CLOTHES * clothes.sum())
