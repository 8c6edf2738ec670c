"""Which pixel of the photo is skin, hair, clothes, eyes, mouth or neck.

A small Bayes classifier: colour histograms learnt from places where the class is certain, times
spatial priors from the fitted head. The photo teaches its own colours, so grey hair, dark
skin and skin-coloured clothes need no special case; only the places are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...parts import Part
from .color import rgb_to_lab
from .head_model import Region
from .portrait import BROWS, EYE_OUTLINES, MOUTH_OUTLINE, FittedPortrait

SKIN, HAIR, CLOTHES = range(3)
"""Classes of the colour classifier, in the order of its arrays."""
CLASS_PARTS = np.array([Part.SKIN, Part.HAIR, Part.CLOTHES])
LAB_BINS = (20, 24, 24)
LAB_LOW, LAB_HIGH = np.array([0.0, -60.0, -60.0]), np.array([100.0, 60.0, 60.0])
MINIMUM_SEED = 60
"""Pixels from which a colour histogram is worth trusting."""
SMALLEST_ISLAND = 0.0015
"""Islands of a class below this share of the picture join their surroundings."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The photo's parts.

    Attributes:
        parts: [512, 512] int8 values of Part; BACKGROUND outside the person.
        long_hair: Hair falls beside the neck.
        baldness: 0..1, share of the visible scalp that has the colour of skin.
    """

    parts: np.ndarray
    long_hair: bool
    baldness: float

    def is_part(self, *parts: Part) -> np.ndarray:
        """Return a mask [512, 512] of some parts."""
        return np.isin(self.parts, parts)


def segment(portrait: FittedPortrait) -> Segmentation:
    """Label every pixel of the person."""
    seeds = _seeds(portrait)
    likelihood = _likelihoods(portrait, seeds)
    long_hair = _has_long_hair(portrait, likelihood)
    scalp = portrait.mask & (portrait.region_map == Region.SCALP)
    baldness = float((likelihood[scalp, SKIN] > likelihood[scalp, HAIR]).mean()) if scalp.any() else 0.0

    posterior = likelihood * _priors(portrait, long_hair)
    posterior /= posterior.sum(-1, keepdims=True)
    weight = portrait.mask.astype(np.float32)
    posterior = ndimage.gaussian_filter(posterior * weight[..., None], (2.0, 2.0, 0))
    posterior[seeds[SKIN], SKIN] += 1
    classes = _absorb_islands(posterior.argmax(-1), portrait.mask)

    parts = np.where(portrait.mask, CLASS_PARTS[classes], Part.BACKGROUND).astype(np.int8)
    below = _below_jaw(portrait)
    parts[(parts == Part.SKIN) & below] = Part.NECK
    for outline in EYE_OUTLINES:
        parts[portrait.polygon(outline) & (parts == Part.SKIN)] = Part.EYES
    parts[portrait.polygon(MOUTH_OUTLINE) & (parts == Part.SKIN)] = Part.MOUTH
    return Segmentation(parts, long_hair, baldness)


def _below_jaw(portrait: FittedPortrait) -> np.ndarray:
    """[512, 512] bool: under the face's outline and below the mouth."""
    rows = np.arange(portrait.mask.shape[0])[:, None]
    mouth = portrait.landmarks[list(MOUTH_OUTLINE), 1].mean()
    return ~ndimage.binary_dilation(portrait.face_oval, iterations=2) & (rows > mouth)


def _frame(portrait: FittedPortrait) -> tuple[np.ndarray, np.ndarray]:
    """Return face-sized coordinates: rows below the chin [512, 1], columns from the chin [1, 512]."""
    rows, columns = np.mgrid[: portrait.mask.shape[0], : portrait.mask.shape[1]].astype(np.float32)
    chin_column = float(portrait.landmarks[152, 0])
    height = portrait.face_height
    return (rows - portrait.chin_row) / height, np.abs(columns - chin_column) / height


def _seeds(portrait: FittedPortrait) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return masks of pixels whose class is certain by their place: skin, hair, clothes."""
    below, _ = _frame(portrait)
    pixels = portrait.face_height
    oval, mask, region = portrait.face_oval, portrait.mask, portrait.region_map

    skin = ndimage.binary_erosion(oval, iterations=max(1, int(0.06 * pixels))) & mask
    for outline in (*EYE_OUTLINES, *BROWS, MOUTH_OUTLINE):
        skin &= ~ndimage.binary_dilation(portrait.polygon(outline), iterations=max(1, int(0.05 * pixels)))
    # Beards cover the lower face: its colours teach skin only where nothing else is left.
    upper = skin & (below < -0.45)
    skin_colors = upper if upper.sum() > MINIMUM_SEED else skin

    around = ndimage.binary_dilation(oval, iterations=max(1, int(0.12 * pixels)))
    ears = ndimage.binary_dilation(region == Region.EARS, iterations=2)
    hair = mask & ~around & ~ears & (below < -0.45) & ((region == Region.SCALP) | (region < 0))
    clothes = mask & (below > 0.9) & ~hair
    return skin_colors, hair, clothes


def _likelihoods(portrait: FittedPortrait, seeds: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return p(colour | class) [512, 512, 3], up to a common factor."""
    lab = ndimage.gaussian_filter(rgb_to_lab(portrait.rgb), (0.8, 0.8, 0))
    bins = np.array(LAB_BINS)
    index = np.clip((lab - LAB_LOW) / (LAB_HIGH - LAB_LOW) * bins, 0, bins - 1).astype(np.int64)
    flat = np.ravel_multi_index(tuple(np.moveaxis(index, -1, 0)), LAB_BINS)
    likelihood = np.full((*flat.shape, 3), 1e-4, np.float32)
    for k, seed in enumerate(seeds):
        if seed.sum() < MINIMUM_SEED:
            continue
        histogram = np.bincount(flat[seed], minlength=bins.prod()).reshape(LAB_BINS)
        histogram = ndimage.gaussian_filter(histogram.astype(np.float32), 1.0)
        likelihood[..., k] = histogram.ravel()[flat] / histogram.sum() + 1e-6
    return likelihood


def _has_long_hair(portrait: FittedPortrait, likelihood: np.ndarray) -> bool:
    """Return whether there is hair on both sides of the neck, just below the chin."""
    below, aside = _frame(portrait)
    columns = np.arange(portrait.mask.shape[1]) - portrait.landmarks[152, 0]
    beside = (below > -0.02) & (below < 0.16) & (aside > 0.58) & (aside < 0.72)
    hair = portrait.mask & (likelihood[..., HAIR] > likelihood[..., [SKIN, CLOTHES]].max(-1))
    return all((hair & beside)[:, side].sum() > 0.45 * beside[:, side].sum() for side in (columns < 0, columns > 0))


def _priors(portrait: FittedPortrait, long_hair: bool) -> np.ndarray:
    """Return p(class | place) [512, 512, 3], up to a common factor."""
    below, aside = _frame(portrait)
    region, oval = portrait.region_map, portrait.face_oval
    from_face = ndimage.distance_transform_edt(~oval) / portrait.face_height
    off_mesh = region < 0
    under_chin = below > 0

    skin = np.exp(-np.clip(from_face - 0.05, 0, None) * np.where(under_chin, 1.6, 5.0))
    skin = np.where(under_chin & (aside > 0.7), skin * 0.2, skin)
    skin = np.where(region == Region.EARS, np.maximum(skin, 0.5), skin)
    skin = np.where(off_mesh & ~under_chin, skin * 0.2, skin) + 0.003

    # A fringe may cover the forehead, hair the cheeks' sides; nothing grows inside the face.
    fringe = np.clip((-below - 0.75) / 0.25, 0, 1)
    inside = ndimage.distance_transform_edt(oval) / portrait.face_height
    hair = np.where(oval, 0.02 + 0.3 * fringe + 0.25 * np.clip(1 - inside / 0.12, 0, 1) * (below < -0.3), 1.0)
    if long_hair:
        hair = np.where(under_chin & ~oval, np.exp(-0.5 * below) * np.where(region == Region.NECK, 0.4, 1.0), hair)
    else:
        hair = np.where(below > -0.12, np.where(oval, hair, 0.02), hair)
    clothes = 1 / (1 + np.exp(-(below - 0.3) * 10)) + 0.002
    clothes = np.where(region == Region.NECK, clothes * 0.6, clothes)
    return np.stack([skin, hair + 0.002, clothes], axis=-1)


def _absorb_islands(classes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give small islands of a class to what surrounds them."""
    smallest = SMALLEST_ISLAND * mask.size
    for k in range(3):
        labels, count = ndimage.label((classes == k) & mask)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        small = (sizes < smallest) & (np.arange(count + 1) > 0)
        island = small[labels]
        if island.any() and not (island | ~mask).all():
            nearest = ndimage.distance_transform_edt(island | ~mask, return_distances=False, return_indices=True)
            classes = np.where(island, classes[tuple(nearest)], classes)
    return classes
