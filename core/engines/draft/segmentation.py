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
from ...photo.landmarks import EYE_OUTLINES, MOUTH_OUTLINE
from ...splats.parts import CLASSES, Part
from .beard import SIDEBURNS, find_beard, grown_from_chin, looks_bearded
from .color_classes import ANY_COLOR, color_bins, light_colors, likelihoods, shaded_colors, smooth_posterior
from .fields import blur_inside, nearest_fill
from .headgear import find_headgear
from .places import BARE_PRIOR, CLOTHES, HAIR, OVER_FACE_PRIOR, SKIN, certain_places, place_priors
from .portrait import FittedPortrait

LEARNING_PASSES = 3
"""Rounds of classifying by the colours learnt and learning from the result."""
ABOVE_MOUTH = 0.12
"""Face heights above the mouth up to which shoulders may rise beside the jaw of a turned head."""
JAW_MARGIN, JAW_SIDE = 2.0, 0.06
"""Pixels by which the jaw goes beyond its landmarks at the chin, and by how much more per pixel further up."""
LOWEST_ROOTS, SHORTEST_LONG_HAIR = -0.45, 0.2
"""Face heights below the chin above which all hair begins on the head, and long hair: a matte may part its strands."""
NAPE_ROOTS = 0.2
"""Face heights below an ear within which the nape's hair begins beside the jaw: what begins lower is a collar."""
NAPE_REACH = 0.05
"""Face heights beside the fitted head that the nape's hair reaches at least, about 8 mm."""
CHEEK_EDGE = 0.06
"""Face heights, about 10 mm, from the edge of a cheek that turns away by which the fit may miss it."""
CHEEK_SMOOTH = 3.0
"""Pixels over which hair past a cheek is averaged."""
CHEEK_TOP = -1.0
"""Face heights below the chin, negative above, from which hair past a cheek lies behind it: above, it is a fringe's."""
BARE_ODDS = 0.3
"""By how much hair is less likely on ears that are bare."""
BARE_EAR = 0.45
"""Share of an ear's pixels that must look like skin for the ear to be free of hair."""
DYED = 0.5
"""How likely long hair has any colour, against clothes."""
SMALLEST_ISLAND = 0.0015
"""Islands of a class below this share of the picture join their surroundings."""
SHORTEST_DRESS = 0.15
"""Face heights below the chin that clothes reach down to at least."""
BESIDE, SMALLEST_HAIR = 0.5, 0.0005
"""Share of an island of hair beside the jaw from which it stays, if it is as large as this share of the picture.
"""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The photo's parts.

    Attributes:
        parts: [512, 512] int8 values of Part; BACKGROUND outside the person.
        long_hair: Hair falls beside the neck.
        beard: [512, 512] bool: hair of the beard below the jaw, part of the face's shape; SKIN in ``parts``.
        headgear: [512, 512] bool: what is worn on the head and falls beside it; CLOTHES in ``parts``.
        nape: [512, 512] bool: short hair of the nape that shows beside the jaw; HAIR in ``parts``. None for none.
        past_cheek: [512, 512] bool: hair that shows past the cheek of a turned head and lies behind it; HAIR in
            ``parts``. None for none.
        whiskers: [512, 512] bool: beard or stubble, up to the ears, whatever their part. None for none.
    """

    parts: np.ndarray
    long_hair: bool
    beard: np.ndarray
    headgear: np.ndarray
    nape: np.ndarray | None = None
    past_cheek: np.ndarray | None = None
    whiskers: np.ndarray | None = None

    def is_part(self, *parts: Part) -> np.ndarray:
        """Return a mask [512, 512] of some parts."""
        return np.isin(self.parts, parts)

    @property
    def covered(self) -> np.ndarray:
        """[512, 512] bool: pixels of hair, beard and headgear: what stands off the fitted head."""
        return self.is_part(Part.HAIR) | self.beard | self.headgear

    @property
    def behind(self) -> np.ndarray:
        """[512, 512] bool: hair that lies behind the jaw or the cheek beside which it shows."""
        kinds = [kind for kind in (self.nape, self.past_cheek) if kind is not None]
        return np.logical_or.reduce([np.zeros(self.parts.shape, bool), *kinds])

    @property
    def on_head(self) -> np.ndarray:
        """[512, 512] bool: those of them that stand off what the head shows there, not farther behind it."""
        return self.covered & ~self.behind

    @property
    def dress(self) -> np.ndarray:
        """[512, 512] bool: pixels of clothes on the body."""
        return self.is_part(Part.CLOTHES) & ~self.headgear


def segment(portrait: FittedPortrait) -> Segmentation:
    """Label every pixel of the person."""
    bins = color_bins(portrait.lab)
    seeds, long_hair = certain_places(portrait, bins)
    # Skin is the face's own under any light; clothes may be of every colour: a collar is seldom the jacket's.
    # Long hair may have dyed tips.
    beyond = light_colors(portrait.rgb, seeds[SKIN])
    shaded = shaded_colors(portrait.rgb, seeds[SKIN], beyond)
    expected = (shaded, DYED * ANY_COLOR if long_hair else 0.0, ANY_COLOR)
    priors = place_priors(portrait, long_hair)
    priors[seeds[SKIN] & ~portrait.face_oval] = BARE_PRIOR
    priors[seeds[HAIR] & portrait.face_oval] = OVER_FACE_PRIOR
    posterior = np.stack(seeds, axis=-1).astype(np.float32)
    like_skin = seeds[SKIN] | (shaded[bins] > ANY_COLOR)
    for _ in range(LEARNING_PASSES):
        posterior[..., SKIN] *= like_skin
        likelihood = likelihoods(bins, posterior, expected)
        posterior = smooth_posterior(likelihood * priors, portrait.mask)
        posterior[seeds[SKIN]] = np.eye(3, dtype=np.float32)[SKIN]
    below, _ = portrait.chin_frame
    beside = portrait.beside_jaw
    lowest = SHORTEST_LONG_HAIR if long_hair else np.where(beside, portrait.ear_lobes + NAPE_ROOTS, LOWEST_ROOTS)
    roots = portrait.mask & (below < lowest)
    classes = _absorb_islands(posterior.argmax(-1), portrait.mask, roots, beside, below)
    classes = _clear_bare_ears(portrait, classes, posterior)

    parts = np.where(portrait.mask, np.array(CLASSES)[classes], Part.BACKGROUND).astype(np.int8)
    below_jaw = _below_jaw(portrait)
    flesh = np.isin(parts, (Part.SKIN, Part.HAIR))
    bearded = looks_bearded(portrait, bins, seeds[SKIN])
    beard = find_beard(portrait, bearded, flesh) & below_jaw & (parts != Part.BACKGROUND)
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
    # Beside a beard's jaw hair is the beard's own.
    nape = None
    if not long_hair and not beard.any():
        nape = (parts == Part.HAIR) & (below > portrait.ear_lobes)
        rim = nape & _narrow(portrait, nape)
        parts[rim], nape = Part.NECK, nape & ~rim
    whiskers = grown_from_chin(portrait, bearded, SIDEBURNS) | portrait.chin_places if bearded.any() else None
    past_cheek = None
    if long_hair and any(portrait.hidden_ears):
        past_cheek, notches = _past_cheek(portrait, parts)
        parts[notches] = Part.SKIN
    return Segmentation(parts, long_hair, beard, worn, nape, past_cheek, whiskers)


def _past_cheek(portrait: FittedPortrait, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels [512, 512] of hair beyond a cheek that hides its ear, and of what is notches in its outline.

    Where skin is seen up to where the head turns away, hair beyond lies behind it. Fits miss a cheek's outline by a
    few pixels: hair on its very edge is none that lies before it. Notches are lashes and brows that reach up to it.
    """
    on_head = portrait.region_map >= 0
    beside = portrait.nearest_region == Region.FACE
    edge = ndimage.distance_transform_edt(on_head) < CHEEK_EDGE * portrait.face_height
    side = portrait.hides_ear & (portrait.chin_frame[0] > CHEEK_TOP)
    flesh = np.isin(parts, (Part.SKIN, Part.EYES)) & on_head & side
    if not flesh.any():
        return np.zeros_like(flesh), np.zeros_like(flesh)
    hair = (parts == Part.HAIR) & side & beside & edge & nearest_fill(edge, flesh)
    notches = hair & on_head & (blur_inside(hair.astype(np.float32), portrait.mask, CHEEK_SMOOTH) < 0.5)
    return hair & ~notches, notches


def _narrow(portrait: FittedPortrait, nape: np.ndarray) -> np.ndarray:
    """Return which pixels [512, 512] of hair below the ears are but the rim of an ear or a jaw, lit from behind.

    Hair stands off the nape, and shows farther beside the jaw than that.
    """
    pieces, count = ndimage.label(nape)
    away = portrait.off_head * ~portrait.ear_places
    reach, beside = (
        function(values, pieces, np.arange(count + 1))
        for function, values in ((ndimage.maximum, away), (ndimage.mean, portrait.off_head > 0))
    )
    return nape & ((reach < NAPE_REACH * portrait.face_height) & (beside > BESIDE))[pieces]


def _below_jaw(portrait: FittedPortrait) -> np.ndarray:
    """[512, 512] bool: under the face's outline, from a little above the mouth on."""
    rows = np.arange(portrait.mask.shape[0])[:, None]
    top = portrait.landmarks[list(MOUTH_OUTLINE), 1].mean() - ABOVE_MOUTH * portrait.face_height
    # The higher up, the further the jaw's side reaches beyond the outline's landmarks.
    margin = JAW_MARGIN + JAW_SIDE * np.clip(portrait.chin_row - rows, 0, None)
    return (ndimage.distance_transform_edt(~portrait.face_oval) > margin) & (rows > top)


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


def _absorb_islands(
    classes: np.ndarray, mask: np.ndarray, roots: np.ndarray, beside: np.ndarray, below: np.ndarray
) -> np.ndarray:
    """Give small islands of a class to what surrounds them, and so hair that does not reach up to where hair grows, and
    clothes beside the jaw that do not reach down to the body: these are light along it. Clothes that have skin all
    around them are its shade or light, or a jewel on it: clothes go on to the outline or the picture's border.

    Beside the jaw small ones of hair may be the nape's.
    """
    smallest = SMALLEST_ISLAND * mask.size
    rows = np.broadcast_to(below, mask.shape)
    for k in range(3):
        labels, count = ndimage.label((classes == k) & mask)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        small = (sizes < smallest) & (np.arange(count + 1) > 0)
        if k == HAIR:
            own = np.bincount(labels[beside], minlength=count + 1)
            small &= own < BESIDE * np.maximum(sizes, SMALLEST_HAIR * mask.size)
            small[np.setdiff1d(np.arange(1, count + 1), labels[roots])] = True
        if k == CLOTHES and count:
            top, bottom = (end(rows, labels, np.arange(count + 1)) for end in (ndimage.minimum, ndimage.maximum))
            small |= (top > LOWEST_ROOTS) & (bottom < SHORTEST_DRESS)
            small |= _enclosed(labels, count, (classes == SKIN) & mask)
        island = small[labels]
        if island.any() and not (island | ~mask).all():
            nearest = ndimage.distance_transform_edt(island | ~mask, return_distances=False, return_indices=True)
            classes = np.where(island, classes[tuple(nearest)], classes)
    return classes


def _enclosed(pieces: np.ndarray, count: int, around: np.ndarray) -> np.ndarray:
    """Return which of the pieces [count + 1] of a labelled map [512, 512] have nothing but ``around`` beside them."""
    others = np.pad(~around & (pieces == 0), 1, constant_values=True)
    reached = ndimage.binary_dilation(others)[1:-1, 1:-1]
    enclosed = np.bincount(pieces[reached], minlength=count + 1) == 0
    enclosed[0] = False
    return enclosed
