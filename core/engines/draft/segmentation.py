"""Which pixel of the photo is skin, hair, clothes, eyes, mouth or neck.

A small Bayes classifier: colour histograms learnt from places where the class is certain, times
spatial priors from the fitted head. The photo teaches its own colours, so grey hair, dark
skin and skin-coloured clothes need no special case; only the places are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...head.model import Region
from ...parts import Part
from ...photo.landmarks import CHIN, EYE_OUTLINES, MOUTH_OUTLINE
from .bareness import bare_places
from .beard import find_beard
from .color_classes import ANY_COLOR, MINIMUM_SEED, color_bins, likelihoods, shaded_colors, smooth_posterior
from .fields import nearest_fill
from .headgear import find_headgear
from .portrait import FittedPortrait

SKIN, HAIR, CLOTHES = range(3)
"""Classes of the colour classifier, in the order of its arrays."""
CLASS_PARTS = np.array([Part.SKIN, Part.HAIR, Part.CLOTHES])
LEARNING_PASSES = 3
"""Rounds of classifying by the colours learnt and learning from the result."""
ABOVE_MOUTH = 0.12
"""Face heights above the mouth up to which shoulders may rise beside the jaw of a turned head."""
JAW_MARGIN, JAW_SIDE = 2.0, 0.06
"""Pixels by which the jaw goes beyond its landmarks at the chin, and by how much more per pixel further up."""
LOWEST_ROOTS, SHORTEST_LONG_HAIR = -0.45, 0.2
"""Face heights below the chin above which all hair begins; for long hair, whose strands a matte may part."""
HAIR_OVER_EARS, BARE_ODDS = 0.2, 0.3
"""Prior of hair on the fitted ears, and by how much it is less likely on ears that are bare."""
BARE_EAR = 0.45
"""Share of an ear's pixels that must look like skin for the ear to be free of hair."""
MOSTLY_BARE = 0.5
"""Share of the scalp or the torso that must look like skin for all of it to be bare."""
BARE_PRIOR = (1.0, 0.02, 0.02)
"""Prior of skin, hair and clothes where the photo looks like bare skin."""
SMALLEST_ISLAND = 0.0015
"""Islands of a class below this share of the picture join their surroundings."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The photo's parts.

    Attributes:
        parts: [512, 512] int8 values of Part; BACKGROUND outside the person.
        long_hair: Hair falls beside the neck.
        beard: [512, 512] bool: hair of the beard below the jaw, part of the face's shape; SKIN in ``parts``.
        headgear: [512, 512] bool: what is worn on the head and falls beside it; CLOTHES in ``parts``.
    """

    parts: np.ndarray
    long_hair: bool
    beard: np.ndarray
    headgear: np.ndarray

    def is_part(self, *parts: Part) -> np.ndarray:
        """Return a mask [512, 512] of some parts."""
        return np.isin(self.parts, parts)

    @property
    def covered(self) -> np.ndarray:
        """[512, 512] bool: pixels of hair, beard and headgear: what stands off the fitted head."""
        return self.is_part(Part.HAIR) | self.beard | self.headgear

    @property
    def dress(self) -> np.ndarray:
        """[512, 512] bool: pixels of clothes on the body."""
        return self.is_part(Part.CLOTHES) & ~self.headgear


def segment(portrait: FittedPortrait) -> Segmentation:
    """Label every pixel of the person."""
    long_hair = _has_long_hair(portrait)
    seeds = _seeds(portrait, long_hair)
    bare = _bare_places(portrait, seeds)
    seeds = (seeds[SKIN] | bare, seeds[HAIR] & ~bare, seeds[CLOTHES] & ~bare)
    bins = color_bins(portrait.rgb)
    # Skin is the face's own under any light; clothes may be of every colour: a collar is seldom the jacket's.
    expected = (shaded_colors(portrait.rgb, seeds[SKIN]), 0.0, ANY_COLOR)
    priors = _priors(portrait, long_hair)
    priors[bare] = BARE_PRIOR
    posterior = np.stack(seeds, axis=-1).astype(np.float32)
    like_skin = seeds[SKIN] | (expected[SKIN][bins] > ANY_COLOR)
    for _ in range(LEARNING_PASSES):
        posterior[..., SKIN] *= like_skin
        likelihood = likelihoods(bins, posterior, expected)
        posterior = smooth_posterior(likelihood * priors, portrait.mask)
        posterior[seeds[SKIN]] = np.eye(3, dtype=np.float32)[SKIN]
    below, _ = portrait.chin_frame
    roots = portrait.mask & (below < (SHORTEST_LONG_HAIR if long_hair else LOWEST_ROOTS))
    classes = _absorb_islands(posterior.argmax(-1), portrait.mask, roots)
    classes = _clear_bare_ears(portrait, classes, posterior)

    parts = np.where(portrait.mask, CLASS_PARTS[classes], Part.BACKGROUND).astype(np.int8)
    below_jaw = _below_jaw(portrait)
    flesh = np.isin(parts, (Part.SKIN, Part.HAIR))
    beard = find_beard(portrait, bins, seeds[SKIN], flesh) & below_jaw & (parts != Part.BACKGROUND)
    headgear = find_headgear(portrait, parts, beard)
    worn = np.zeros_like(beard)
    if headgear is not None:
        worn = headgear.pixels
        parts[worn | headgear.below] = Part.CLOTHES
    parts[beard] = Part.SKIN
    parts[(parts == Part.SKIN) & below_jaw & ~beard] = Part.NECK
    for outline in EYE_OUTLINES:
        parts[portrait.polygon(outline) & (parts == Part.SKIN)] = Part.EYES
    parts[portrait.polygon(MOUTH_OUTLINE) & (parts == Part.SKIN)] = Part.MOUTH
    return Segmentation(parts, long_hair, beard, worn)


def _bare_places(portrait: FittedPortrait, seeds: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Return where [512, 512] bool scalp or torso are bare skin, against what their place says.

    Where the greater part of either is, all of it is: what differs there is light, or stubble.
    """
    looks = bare_places(portrait.rgb, portrait.mask, seeds[SKIN])
    bare = np.zeros_like(looks)
    torso = _on_torso(portrait) & portrait.mask
    for zone, whole in ((seeds[HAIR], portrait.mask & ~torso), (seeds[CLOTHES], torso)):
        if zone.sum() >= MINIMUM_SEED and (looks & zone).sum() > MOSTLY_BARE * zone.sum():
            bare |= whole
        else:
            bare |= looks & zone
    return bare & ~portrait.face_oval


def _below_jaw(portrait: FittedPortrait) -> np.ndarray:
    """[512, 512] bool: under the face's outline, from a little above the mouth on."""
    rows = np.arange(portrait.mask.shape[0])[:, None]
    top = portrait.landmarks[list(MOUTH_OUTLINE), 1].mean() - ABOVE_MOUTH * portrait.face_height
    # The higher up, the further the jaw's side reaches beyond the outline's landmarks.
    margin = JAW_MARGIN + JAW_SIDE * np.clip(portrait.chin_row - rows, 0, None)
    return (ndimage.distance_transform_edt(~portrait.face_oval) > margin) & (rows > top)


def _has_long_hair(portrait: FittedPortrait) -> bool:
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
    hair = mask & ~around & ~ears & ~_on_torso(portrait) & (below < lowest) & ((region == Region.SCALP) | (region < 0))
    clothes = mask & (below > 0.35) & ((aside > (0.9 if long_hair else 0.55)) | (below > 0.75) & (aside > 0.3))
    return skin, hair, clothes


def _priors(portrait: FittedPortrait, long_hair: bool) -> np.ndarray:
    """Return p(class | place) [512, 512, 3], up to a common factor."""
    below, aside = portrait.chin_frame
    region, oval = portrait.region_map, portrait.face_oval
    from_face = ndimage.distance_transform_edt(~oval) / portrait.face_height
    inside = ndimage.distance_transform_edt(oval) / portrait.face_height
    under_chin = below > 0

    # Skin: the face, the ears, and the neck as far as collars leave it free.
    skin = np.exp(-np.clip(from_face - 0.04, 0, None) * 6)
    throat = np.exp(-np.clip(below - 0.15, 0, None) * 3.5) * np.exp(-np.clip(aside - 0.38, 0, None) * 8)
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
    collar = 0.12 if long_hair else 0.02
    clothes = 1 / (1 + np.exp(-(below - collar - 0.25 * (aside < 0.4)) * 12)) + 0.002
    torso = _on_torso(portrait)
    clothes = np.where(oval, 0.002, np.where(torso, np.maximum(clothes, 0.5), clothes))
    hair = hair if long_hair else np.where(torso & ~oval, 0.003, hair)
    return np.stack([skin, hair + 0.002, clothes], axis=-1)


def _on_torso(portrait: FittedPortrait) -> np.ndarray:
    """[512, 512] bool: on the fitted shoulders or nearer to them than to the head; they rise beside a turned head."""
    region = portrait.region_map
    return nearest_fill(region, region >= 0) == Region.TORSO


def is_bare(ear: np.ndarray, skin: np.ndarray) -> bool:
    """Return whether an ear shows rather than being covered: by the share of its pixels that look like skin."""
    return bool(ear.any() and skin[ear].mean() > BARE_EAR)


def _clear_bare_ears(portrait: FittedPortrait, classes: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """Return the classes [512, 512] with less hair on ears that are skin for the greater part.

    Their hollows are as dark as hair; but on ears that hair covers, strips of skin would be shreds in it.
    """
    cleared = posterior[..., SKIN] > BARE_ODDS * posterior[..., HAIR]
    for ear in portrait.ear_maps:
        if is_bare(ear, classes == SKIN):
            classes = np.where(ear & cleared, SKIN, classes)
    return classes


def _absorb_islands(classes: np.ndarray, mask: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Give small islands of a class to what surrounds them, and so hair that does not reach up to where hair grows."""
    smallest = SMALLEST_ISLAND * mask.size
    for k in range(3):
        labels, count = ndimage.label((classes == k) & mask)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        small = (sizes < smallest) & (np.arange(count + 1) > 0)
        if k == HAIR:
            small[np.setdiff1d(np.arange(1, count + 1), labels[roots])] = True
        island = small[labels]
        if island.any() and not (island | ~mask).all():
            nearest = ndimage.distance_transform_edt(island | ~mask, return_distances=False, return_indices=True)
            classes = np.where(island, classes[tuple(nearest)], classes)
    return classes
