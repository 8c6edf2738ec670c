"""Where a brow's hair covers the skin: how far each cell of its strip is darker and less red than skin around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...geometry.ramps import smooth_step
from .strip import CELL, Strip

REDNESS = 0.7
"""How much less red counts against how much darker: grey hair on skin is hardly darker than skin."""
NOISE = 0.0006
"""Metres over which the picture is averaged first."""
WIDEST = 0.0155
"""Metres: a dark band wider than this, across, is no brow but shade."""
SHADE = 0.7
"""Under the brow, skin is not darker than this share of the forehead's: what is, is taken for brow and eye."""
RIDGE, OFF_MIDDLE, BEND = 0.0015, 0.005, 0.25
"""Metres over which a brow's middle line is sought, and about how far it may lie from that of the landmarks; what a
step to the side from column to column costs."""
CORE = (0.1, 0.75)
"""Share of the length between which every brow has hair."""
FIRST, BEFORE = 0.05, (0.007, 0.002)
"""Share of the length up to which the middle line may bend at the inner end; metres before it where hair ends."""
ASIDE = (0.0055, 0.0075)
"""Metres beside the middle line from which hair is doubted, and beyond which there is none."""
SEEN = 0.8
"""Share of the cells between, above and below, that the picture has to show."""
FAINT, LEAST = 0.18, 7.0
"""Share of the brow's own contrast below which cells have no hair; CIE units of it below which there is no brow."""
ABOVE_LIDS, SPREAD = 0.011, 0.004
"""Metres from the landmarks' line within which skin is skin of the brow, and over which its colour is averaged."""
DISTINCT = 1.7
"""Times that a brow's contrast is that of the skin above it, at least."""


@dataclass(frozen=True, eq=False)
class BrowCover:
    """What hair covers of a strip with R x C cells.

    Attributes:
        strip: The strip.
        share: [R, C] 0..1: 1 where hair hides as much of the skin as it does where it is thickest.
        middle: [C] metres above the landmarks' line where the brow's own middle line is.
        skin: [R, C, 3] sRGB-encoded colour of the skin under it.
        contrast: CIE units between hair and skin in the middle of the brow; 0 where there is no brow.
    """

    strip: Strip
    share: np.ndarray
    middle: np.ndarray
    skin: np.ndarray
    contrast: float

    @classmethod
    def of(cls, strip: Strip) -> BrowCover:
        """Tell the brow's hair from skin."""
        light = ndimage.gaussian_filter(strip.lab[..., 0] + REDNESS * strip.lab[..., 1], NOISE / CELL)
        bare = ndimage.grey_closing(light, (round(WIDEST / CELL), 1), mode="nearest")
        bare = ndimage.gaussian_filter(bare, RIDGE / CELL)
        row = _middle(np.maximum(bare - light, 0) * strip.seen, strip)
        up = strip.up[:, None] - strip.up[row]
        above = (up > ASIDE[0]) & (up < ASIDE[0] + 0.005)
        forehead = ndimage.gaussian_filter1d(_mean(light, above), 2 * RIDGE / CELL)
        bare = np.maximum(bare, SHADE * forehead)
        away = np.maximum(bare - light, 0) * strip.seen
        core = (strip.along > CORE[0] * strip.length) & (strip.along < CORE[1] * strip.length)
        columns = np.arange(len(row))
        ridge = ndimage.gaussian_filter(away, RIDGE / CELL / 2)[row, columns]
        contrast = float(np.median(ridge[core]))
        off = abs(np.median(strip.up[row][core]))
        wrinkled = away[above & core].mean() if (above & core).any() else 0.0
        if contrast < max(LEAST, DISTINCT * wrinkled) or off > OFF_MIDDLE or strip.seen[:, core].mean() < SEEN:
            contrast = 0.0
        middle = _held(strip.up[row], (ridge > 0.3 * contrast) & (strip.along > FIRST * strip.length), core)
        share = np.clip((away / max(contrast, LEAST) - FAINT) / (1 - FAINT), 0, 1)
        share *= 1 - smooth_step(np.abs(strip.up[:, None] - middle), *ASIDE)
        share *= 1 - smooth_step(-strip.along, BEFORE[1], BEFORE[0])
        labels, _ = ndimage.label(share > 0.15)
        near = np.abs(strip.up[:, None] - middle) < 2 * CELL
        own = np.setdiff1d(labels[near & core & (share > 0.3)], [0])
        share *= ndimage.gaussian_filter(np.isin(labels, own).astype(float), 1.0) * (contrast > 0)
        return cls(strip, share, middle, _skin(strip, share), contrast)


def _middle(away: np.ndarray, strip: Strip) -> np.ndarray:
    """Return the row [C] of the line along which hair is most likely: the best path from column to column."""
    cost = -ndimage.gaussian_filter(away, RIDGE / CELL) * np.exp(-((strip.up / OFF_MIDDLE) ** 2) / 2)[:, None]
    rows = np.arange(len(cost))
    bend = BEND * (rows[:, None] - rows) ** 2
    total, before = cost[:, 0], []
    for column in cost.T[1:]:
        ways = total + bend
        before.append(ways.argmin(axis=1))
        total = column + ways.min(axis=1)
    path = [int(total.argmin())]
    for back in reversed(before):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1])


def _held(values: np.ndarray, sure: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return a line [C] that beyond the sure columns around the core goes on as it was at the last of them."""
    labels, _ = ndimage.label(ndimage.binary_closing(sure | core, iterations=3))
    inside = np.flatnonzero(labels == labels[np.flatnonzero(core)[len(np.flatnonzero(core)) // 2]])
    columns = np.clip(np.arange(len(values)), inside[0], inside[-1])
    return ndimage.gaussian_filter1d(values[columns], RIDGE / CELL)


def _mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the means [C] of a mask's cells in each column; that of all where a column has none."""
    count = mask.sum(axis=0)
    means = np.where(mask, values, 0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count > 0, means, values[mask].mean() if mask.any() else values.mean())


def _skin(strip: Strip, share: np.ndarray) -> np.ndarray:
    """Return the colours [R, C, 3] of the skin: those of cells without hair, continued."""
    bare = (ndimage.maximum_filter(share, 5) < 0.05) & (np.abs(strip.up) < ABOVE_LIDS)[:, None]
    weight = ndimage.gaussian_filter(bare.astype(float), SPREAD / CELL, mode="constant", truncate=3) + 1e-6
    total = [
        ndimage.gaussian_filter(strip.rgb[..., c] * bare, SPREAD / CELL, mode="constant", truncate=3) for c in range(3)
    ]
    return np.stack(total, axis=-1) / weight[..., None]
