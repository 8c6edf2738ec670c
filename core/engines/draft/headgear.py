"""Hats, caps, turbans, headscarves and veils: told from hair, once, by all that speaks for cloth on a head.

Place alone takes for hair whatever is on a scalp. Each look at it is a vote in natural logarithms of odds; cloth needs
their sum to be positive, for most heads wear none.

* Its lower edge on the forehead is one smooth curve, and lies low; hairlines are ragged and high.
* It is smooth where hair has strands.
* It may have colours that hair does not grow in.
* It may go on around the throat, where no hair grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...hair.directions import gradient_tensor, luminance, strand_directions
from ...photo.landmarks import CHIN
from ...splats.parts import Part
from .color import ALIKE, unlikeness
from .color_classes import color_bins, likelihoods
from .fields import blur_inside, disk
from .portrait import FittedPortrait

NONE = -2.0
"""Log-odds of headgear before anything is known: about one portrait in eight shows some."""
EDGE_WIDTH, EDGE_SHARE = 0.33, 0.6
"""Face widths to each side of the middle where the edge on the forehead is looked for; share of columns to show it."""
EDGE_TOP = -1.9
"""Face heights below the chin: a lower edge further up is none."""
RAGGED, EDGE_WEIGHT = 0.0075, 3.0
"""Face heights that an edge deviates from a parabola where it says nothing (cloth 0.003 to 0.006, hairlines 0.009 to
0.03, of 25 heads), and the votes for each e-fold of it."""
LOW, LOW_WEIGHT = -1.28, 8.0
"""Face heights below the chin of an edge that says nothing (cloth -1.27 to -1.14, hairlines -1.5 to -1.3, fringes
-1.17), and the votes for each face height."""
FINE, FINE_SPREAD = 0.7, 3.0
"""Pixels between which structure is strands or weave."""
ROUGH, ROUGH_WEIGHT, ROUGH_MOST = 1.5, 1.5, 1.5
"""CIE L* of the fine structure's median strength that says nothing, the votes for each e-fold, and at most."""
HAIR_RED, HAIR_YELLOW, HAIR_HUE = (-3.0, 24.0), (-6.0, 48.0), 8.0
"""CIE a* and b* that hair grows in, greys under blue light included; units beyond for one vote."""
HUE_MOST = 2.5
"""Votes that a colour has at most: hair may be dyed."""
THROAT_ASIDE, THROAT = 0.12, (0.06, 0.25)
"""Face heights aside of and below the chin where the throat is."""
THROAT_SHARE, THROAT_VOTES = 0.6, 3.0
"""Share of the throat that must look like what is on the head, and its votes."""
FEWEST_THROAT = 30
"""Pixels of throat from which it tells something."""
ON_TOP = -1.3
"""Face heights below the chin above which the upper of two things is the larger."""
COHERENT, COHERENT_WEIGHT = 0.6, 8.0
"""Coherence of the structure tensor under which structure is tangled (curls 0.35 to 0.5), and the votes for one."""
TANGLED, DARK = (0.05, 0.1), 0.03
"""Mean gradient over lightness from which that counts, and counts fully; lightness added to that, for noise."""
APART = 3.2
"""Distance of two colours over their spread from which they may be two things: hair alone has 1.9 to 3.5."""
FEWEST = 300
"""Pixels of cover from which it is judged."""
SMALLEST_SHARE = 0.3
"""Share of the cover that its upper colour must have to be judged alone."""
BELOW_EDGE = 0.25
"""Face heights under the edge on the forehead down to which a hat of one colour reaches at the temples."""
PURE = 3
"""Pixels at the outline in which other things are mixed."""
SMOOTH = 2.0
"""Pixels over which votes for cloth or hair are averaged."""
GAPS = 0.06
"""Face heights: half the width of gaps in cloth that belong to it: emblems, shade in folds."""


@dataclass(frozen=True, eq=False)
class Headgear:
    """What is worn on the head.

    Attributes:
        pixels: [512, 512] bool: where the photo shows it, the chin's height and above.
        below: [512, 512] bool: where the same cloth goes on below the chin, around neck and shoulders.
        votes: Logarithm of the odds that it is cloth.
    """

    pixels: np.ndarray
    below: np.ndarray
    votes: float


def find_headgear(portrait: FittedPortrait, parts: np.ndarray, beard: np.ndarray) -> Headgear | None:
    """Return what is worn on the head; None where that is hair, or nothing.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts, with all that covers the scalp labelled as hair.
        beard: [512, 512] bool: hair of the beard, which may look like what is on the head.
    """
    rows, columns = np.mgrid[: portrait.mask.shape[0], : portrait.mask.shape[1]]
    down = (rows + 0.5 - portrait.chin_row) / portrait.face_height
    aside = np.abs(columns + 0.5 - float(portrait.landmarks[CHIN, 0])) / portrait.face_height
    cover = (parts == Part.HAIR) & (down < 0)
    lab = portrait.lab
    skin = ndimage.binary_erosion(portrait.face_oval & (parts == Part.SKIN), iterations=PURE)
    throat = (aside < THROAT_ASIDE) & (down > THROAT[0]) & (down < THROAT[1]) & portrait.mask & ~beard
    found = []
    # What looks like two things may be one in light and shade, and the other way round.
    for candidate in (cover, _upper(portrait, cover, lab, down)):
        if candidate is None:
            continue
        inner = _pure(portrait, candidate)
        if inner.sum() < FEWEST or skin.sum() < FEWEST:
            continue
        unlike = unlikeness(lab, lab[inner])
        cloth = (unlike < ALIKE) & (unlike < unlikeness(lab, lab[skin]))
        wrapped = bool(throat.sum() > FEWEST_THROAT and cloth[throat].mean() > THROAT_SHARE)
        edge = _edge(portrait, candidate, down)
        votes = NONE + edge.votes + _smoothness(lab, inner) + _tangles(portrait, inner) + _colors(lab, inner)
        found.append((votes + THROAT_VOTES * wrapped, candidate, inner, cloth, wrapped, edge))
    if not found:
        return None
    votes, candidate, inner, cloth, wrapped, edge = max(found, key=lambda one: one[0])
    if votes <= 0:
        return None
    over = cover & (down < edge.heights)
    other = _pure(portrait, cover & ~candidate & ~over)
    if other.sum() >= FEWEST:
        likely = likelihoods(color_bins(portrait.lab), np.stack([inner, other], axis=-1).astype(np.float32))
        mine = cover & (blur_inside(np.log(likely[..., 0] / likely[..., 1]), cover, SMOOTH, cover) > 0)
    else:
        mine = cover & ((down < edge.heights + BELOW_EDGE) | (down < edge.lowest + BELOW_EDGE) | wrapped)
    gaps = int(np.ceil(GAPS * portrait.face_height))
    closed = ndimage.binary_closing(np.pad(mine | over, gaps), disk(gaps))[gaps:-gaps, gaps:-gaps]
    mine, below = closed & cover, np.zeros_like(mine)
    # Nothing grows out of a hat's top: what lies over its edge altogether is its own.
    labels, count = ndimage.label(cover & ~mine)
    bottoms = ndimage.maximum(np.broadcast_to(down, labels.shape), labels, np.arange(count + 1))
    mine |= (bottoms < edge.lowest)[labels] & (labels > 0)
    if wrapped:
        free = portrait.mask & ~portrait.face_oval & ~beard
        same = free & (blur_inside(cloth.astype(np.float32), portrait.mask, SMOOTH, free) > 0.5)
        labels, _ = ndimage.label(same | mine)
        same = np.isin(labels, np.setdiff1d(np.unique(labels[mine]), [0]))
        mine, below = mine | (same & (down < 0)), same & (down >= 0)
    return Headgear(mine, below, float(votes))


def _pure(portrait: FittedPortrait, place: np.ndarray) -> np.ndarray:
    """Return the pixels [512, 512] of a place that show nothing else."""
    return ndimage.binary_erosion(place, iterations=PURE, border_value=1) & (portrait.alpha > 0.97)


def _upper(portrait: FittedPortrait, cover: np.ndarray, lab: np.ndarray, down: np.ndarray) -> np.ndarray | None:
    """Return the upper [512, 512] of two things of different colour that cover the head; None where it is one."""
    pure = _pure(portrait, cover)
    if pure.sum() < FEWEST:
        return None
    colors = lab[pure]
    along = colors @ np.linalg.eigh(np.cov(colors.T))[1][:, -1]
    first = along < np.median(along)
    # Lloyd's algorithm for two colours.
    for _ in range(10):
        if min(first.sum(), (~first).sum()) < FEWEST / 2:
            return None
        middles = colors[first].mean(0), colors[~first].mean(0)
        first = ((colors - middles[0]) ** 2).sum(1) < ((colors - middles[1]) ** 2).sum(1)
    spread = sum(float(colors[one].var(0).sum()) for one in (first, ~first)) / 2
    if np.linalg.norm(middles[0] - middles[1]) < APART * np.sqrt(spread):
        return None
    nearer = ((lab - middles[0]) ** 2).sum(-1) < ((lab - middles[1]) ** 2).sum(-1)
    share = blur_inside(nearer.astype(np.float32), cover, SMOOTH, cover)
    above = cover & (down < ON_TOP)
    upper = cover & ((share > 0.5) == (above.any() and share[above].mean() > 0.5))
    labels, _ = ndimage.label(upper)
    sizes = np.bincount(labels[upper], minlength=1)
    return labels == sizes.argmax() if sizes.max(initial=0) > SMALLEST_SHARE * cover.sum() else None


@dataclass(frozen=True, eq=False)
class _Edge:
    """The lower edge on the forehead.

    Attributes:
        votes: What it says.
        heights: [512] its height in the columns of the forehead, face heights below the chin; -inf in others.
        lowest: Its lowest height, -inf where there is none.
    """

    votes: float
    heights: np.ndarray
    lowest: float = -np.inf


def _edge(portrait: FittedPortrait, candidate: np.ndarray, down: np.ndarray) -> _Edge:
    landmarks = portrait.landmarks
    middle, width = (landmarks[234, 0] + landmarks[454, 0]) / 2, abs(landmarks[454, 0] - landmarks[234, 0])
    across = (np.arange(candidate.shape[1]) + 0.5 - middle) / width
    # The brows are at -1: an edge lies above them.
    place = candidate & (down < -0.95) & (np.abs(across) < EDGE_WIDTH)
    shown = place.any(0)
    last = candidate.shape[0] - 1 - place[::-1].argmax(0)
    shown &= portrait.mask[np.minimum(last + 2, len(down) - 1), np.arange(len(last))] & (down[last, 0] > EDGE_TOP)
    none = np.full(len(across), -np.inf)
    if shown.sum() < EDGE_SHARE * (np.abs(across) < EDGE_WIDTH).sum():
        return _Edge(0.0, none)
    curve = np.polyfit(across[shown], down[last[shown], 0], 2)
    heights = np.polyval(curve, across)
    ragged = max(float(np.std(down[last[shown], 0] - heights[shown])), 1e-3)
    votes = EDGE_WEIGHT * np.log(RAGGED / ragged) + LOW_WEIGHT * (float(heights[shown].mean()) - LOW)
    within = np.abs(across) < EDGE_WIDTH
    return _Edge(float(votes), np.where(within, heights, -np.inf), float(heights[within].max()))


def _smoothness(lab: np.ndarray, inner: np.ndarray) -> float:
    """Return the votes of the fine structure."""
    light = ndimage.gaussian_filter(lab[..., 0], FINE)
    fine = float(np.median(np.abs(light - blur_inside(light, inner, FINE_SPREAD, inner))[inner]))
    return float(np.clip(ROUGH_WEIGHT * np.log(ROUGH / max(fine, 0.05)), -ROUGH_MOST, ROUGH_MOST))


def _colors(lab: np.ndarray, inner: np.ndarray) -> float:
    """Return the votes of the colour."""
    red, yellow = np.median(lab[inner][:, 1:], axis=0)
    beyond = sum(max(low - value, value - high, 0) for value, (low, high) in ((red, HAIR_RED), (yellow, HAIR_YELLOW)))
    return float(min(beyond / HAIR_HUE, HUE_MOST))


def _tangles(portrait: FittedPortrait, inner: np.ndarray) -> float:
    """Return the votes of rough structure without a direction: curls, against folds and ribs."""
    tensor = gradient_tensor(portrait.rgb, inner)
    directions = strand_directions(tensor, inner)
    strength = np.sqrt(tensor.strength[inner])
    coherence = float((directions.coherence[inner] * strength).sum() / max(float(strength.sum()), 1e-9))
    light = luminance(portrait.rgb)[inner]
    rough = float(strength.mean()) / (float(np.median(light)) + DARK)
    share = np.clip((rough - TANGLED[0]) / (TANGLED[1] - TANGLED[0]), 0, 1)
    return float(min(COHERENT_WEIGHT * (coherence - COHERENT), 0) * share)
