"""Where skin, hair and clothes are usual, and where they are certain: by their place on the fitted head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ...head.model import Region
from ...photo.landmarks import CHIN
from .bareness import bare_places
from .color_classes import MINIMUM_SEED
from .long_hair import falling_hair, falls, hair_over_face, told_apart
from .portrait import HEAD_REGIONS, FittedPortrait

SKIN, HAIR, CLOTHES = range(3)
"""Classes of the colour classifier, in the order of its arrays."""
HAIR_OVER_EARS = 0.2
"""Prior of hair on the fitted ears."""
SKULL_REACH, FALLING_SHARE = 0.15, 0.12
"""Face heights that a bare skull reaches beyond the fitted head; share of something light out there from which all of
it is hair."""
MOSTLY_BARE = 0.5
"""Share of the scalp or the torso that must look like skin for all of it to be bare."""
BARE_PRIOR = (1.0, 0.02, 0.02)
"""Prior of skin, hair and clothes where the photo looks like bare skin."""
NAPE_PRIOR = (0.05, 0.3)
"""Prior of skin and hair beside the jaw, off the fitted head, where hair is short."""
FIT_MISSES, NAPE_LENGTH = 0.02, 0.35
"""Face heights, about 3 mm, by which fits miss the jaw: farther off, grey hair is hair, however much like skin; and
about 5 cm below the ears in which it is.
"""
THROAT = 0.38
"""Face heights to the side of the chin over which the throat is sure to be."""
OVER_FACE_PRIOR = (0.5, 1.0, 0.002)
"""Prior of the same where long hair falls over the face."""


def certain_places(portrait: FittedPortrait, bins: np.ndarray) -> tuple[list[np.ndarray], bool]:
    """Return where skin, hair and clothes are certain [512, 512] bool, and whether hair falls beside the neck."""
    wide = _is_wide(portrait)
    seeds = _seeds(portrait, wide)
    looks = bare_places(portrait.lab, portrait.mask, seeds[SKIN])
    bare = _bare(portrait, seeds, looks)
    falling = falling_hair(portrait, bins, seeds[SKIN], seeds[HAIR] & ~bare)
    long_hair = wide or falls(portrait, falling)
    if long_hair:
        seeds = _seeds(portrait, long_hair)
        if told_apart(seeds[CLOTHES], falling):
            seeds = seeds[SKIN], seeds[HAIR] | falling, seeds[CLOTHES] & ~falling
        over = hair_over_face(portrait, bins, seeds[SKIN], seeds[HAIR])
        seeds = seeds[SKIN] & ~over, seeds[HAIR] | over, seeds[CLOTHES]
        bare = _bare(portrait, seeds, looks) & ~falling
    return [seeds[SKIN] | bare, seeds[HAIR] & ~bare, seeds[CLOTHES] & ~bare], long_hair


def place_priors(portrait: FittedPortrait, long_hair: bool) -> np.ndarray:
    """Return p(class | place) [512, 512, 3], up to a common factor."""
    below, aside = portrait.chin_frame
    region, oval = portrait.region_map, portrait.face_oval
    from_face = ndimage.distance_transform_edt(~oval) / portrait.face_height
    inside = ndimage.distance_transform_edt(oval) / portrait.face_height
    under_chin = below > 0

    # The neck of a turned head is beside its chin.
    aside = np.where(region == Region.NECK, np.minimum(aside, THROAT), aside)

    # Skin: the face, the ears, and the neck as far as collars leave it free.
    skin = np.exp(-np.clip(from_face - 0.04, 0, None) * 6)
    throat = np.exp(-np.clip(below - 0.15, 0, None) * 3.5) * np.exp(-np.clip(aside - THROAT, 0, None) * 8)
    skin = np.where(under_chin, np.maximum(0.8 * throat, 0.15 * skin), skin)
    skin = np.where(region == Region.EARS, np.maximum(skin, 0.5), skin)
    skin = np.where((region < 0) & ~under_chin, skin * 0.2, skin) + 0.003

    # Hair: a fringe may cover the forehead, strands the cheeks' sides; nothing grows inside the face.
    fringe = np.clip((-below - 0.75) / 0.25, 0, 1)
    sides = 0.25 * np.clip(1 - inside / 0.1, 0, 1) * (below < -0.3)
    hair = np.where(oval, np.where(portrait.features(0.03), 0.003, 0.01 + 0.3 * fringe + sides), 1.0)
    if long_hair:
        hanging = np.exp(-0.6 * np.clip(below, 0, None)) * np.clip((aside - 0.2) / 0.2, 0.02, 1)
        hair = np.where(under_chin & ~oval, hanging, hair)
    else:
        hair = np.where((below > -0.4) & ~oval, 0.1, hair)
        hair = np.where((below > -0.12) & ~oval, 0.01, hair)
        hair = np.where(region == Region.EARS, HAIR_OVER_EARS, hair)
        nape = portrait.beside_jaw & ~under_chin
        off = portrait.off_head / portrait.face_height
        # Lower down it may be a bare shoulder.
        off *= below < portrait.ear_lobes + NAPE_LENGTH
        skin = np.where(nape, NAPE_PRIOR[0] * np.exp(-off / FIT_MISSES), skin)
        hair = np.where(nape, NAPE_PRIOR[1], hair)
    collar = 0.12 if long_hair else 0.02
    clothes = 1 / (1 + np.exp(-(below - collar - 0.25 * (aside < 0.4)) * 12)) + 0.002
    torso = portrait.on_torso
    clothes = np.where(oval, 0.002, np.where(torso, np.maximum(clothes, 0.5), clothes))
    hair = hair if long_hair else np.where(torso & ~oval, 0.003, hair)
    return np.stack([skin, hair + 0.002, clothes], axis=-1)


def _bare(portrait: FittedPortrait, seeds: Sequence[np.ndarray], looks: np.ndarray) -> np.ndarray:
    """Return where [512, 512] bool scalp or torso are bare skin, against what their place says.

    Where the greater part of either is, all of it is: what differs there is light, or stubble.

    Args:
        portrait: The portrait.
        seeds: [512, 512] bool: where skin, hair and clothes are usual.
        looks: [512, 512] bool: what looks like bare skin.
    """
    bare = np.zeros_like(looks)
    torso = portrait.on_torso & portrait.mask
    # A skull is about where the fitted one is: what falls far beside it is hair, however light.
    head = np.isin(portrait.region_map, HEAD_REGIONS)
    skull = ndimage.distance_transform_edt(~head) < SKULL_REACH * portrait.face_height
    pieces, count = ndimage.label(looks & ~torso & ~portrait.face_oval)
    outside = ndimage.mean(~skull, pieces, np.arange(count + 1))
    skull &= ~((outside > FALLING_SHARE)[pieces] & (pieces > 0))
    for zone, whole in ((seeds[HAIR] & skull, portrait.mask & ~torso & skull), (seeds[CLOTHES], torso)):
        if zone.sum() >= MINIMUM_SEED and (looks & zone).sum() > MOSTLY_BARE * zone.sum():
            bare |= whole
        else:
            bare |= looks & zone
    return bare & ~portrait.face_oval


def _is_wide(portrait: FittedPortrait) -> bool:
    """Return whether the person is wide on both sides of the jaw, where only hair can be.

    Shoulders may rise beside the jaw of a bowed or turned head, but hair falls past the cheeks first.
    """
    below, aside = portrait.chin_frame
    columns = np.arange(portrait.mask.shape[1]) - portrait.landmarks[CHIN, 0]
    filled = []
    for top, bottom in ((-0.3, 0.05), (-0.6, -0.3)):
        beside = (below > top) & (below < bottom) & (aside > 0.5) & (aside < 0.62)
        filled += [
            (portrait.mask & beside)[:, side].sum() / beside[:, side].sum() for side in (columns < 0, columns > 0)
        ]
    return min(filled) > 0.5


def _seeds(portrait: FittedPortrait, long_hair: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return masks of pixels whose class is certain by their place: skin, hair, clothes."""
    below, aside = portrait.chin_frame
    pixels = portrait.face_height
    oval, mask, region = portrait.face_oval, portrait.mask, portrait.region_map

    skin = ndimage.binary_erosion(oval, iterations=max(1, int(0.06 * pixels))) & mask
    skin &= ~portrait.features(0.05)
    # Beards cover the lower face: its colours teach skin only where nothing else is left.
    upper = skin & (below < -0.4)
    skin = upper if upper.sum() > MINIMUM_SEED else skin

    around = ndimage.binary_dilation(oval, iterations=max(1, int(0.12 * pixels)))
    ears = ndimage.binary_dilation(region == Region.EARS, iterations=2)
    lowest = 0.05 if long_hair else -0.45
    hair = mask & ~around & ~ears & ~portrait.on_torso & (below < lowest) & ((region == Region.SCALP) | (region < 0))
    clothes = mask & (below > 0.35) & ((aside > (0.9 if long_hair else 0.55)) | (below > 0.75) & (aside > 0.3))
    return skin, hair, clothes
