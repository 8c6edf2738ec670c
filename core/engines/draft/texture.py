"""Texture for the sides and the back: patches of the photo's own skin and cloth, sewn together.

Only the fine structure is taken, without its light: the smooth colours come from
:mod:`.painting` and :mod:`.skin`. Random overlapping patches are blended so that their contrast is kept
(variance-preserving blending, Heitz and Neyret 2018), on a cylinder around the head.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...cameras import RIG_HALF_WIDTH, RIG_SIZE
from .fields import blur_inside
from .portrait import FittedPortrait

PATCH = 36
"""Side of a patch in pixels of the photo."""
STRUCTURE = 3.0
"""Standard deviation in pixels of what counts as light, folds and seams rather than as weave."""
PORES = 1.5
"""Standard deviation in pixels of what counts as skin's colour rather than its grain."""
STRENGTH = 0.8
"""How much of the photo's structure invented cloth gets: less catches the eye less."""
FULL_SHARE = 0.97
"""Share of a patch that must belong to the part."""
FEWEST_PATCHES = 12
CALM = 0.5
"""Share of the patches that is used, those of least contrast: lapels, badges and ties are none of the weave."""
CANDIDATES = 10
"""Patches drawn for each place; the one from the most similar height is taken."""
PIXEL = 2 * RIG_HALF_WIDTH / RIG_SIZE
"""World size of the photo's pixels at the head's distance."""
CYLINDER_RADIUS = 0.6
"""World units: about a head with hair."""
STRONGEST = 0.3
"""Largest deviation from the smooth lightness, as a share of it."""
DARKEST = 0.05
"""Lightness, 0..1, that darker cloth is taken for: its structure is noise."""


def synthesize(portrait: FittedPortrait, source: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Return fine structure [512, W] on the cylinder, a share of lightness, mean about 0; None if too little shows.

    Args:
        portrait: The portrait.
        source: [512, 512] bool: reliable pixels of one part.
        rng: Source of chance.
    """
    full = ndimage.uniform_filter(source.astype(np.float32), PATCH) > FULL_SHARE
    half = PATCH // 2
    centers = np.argwhere(full)
    centers = centers[((centers >= half) & (centers <= RIG_SIZE - half)).all(1)]
    if len(centers) < FEWEST_PATCHES:
        return None
    light = portrait.rgb.mean(-1)
    smooth = blur_inside(light, source, STRUCTURE, source)
    structure = np.clip((light - smooth) / np.maximum(smooth, DARKEST), -STRONGEST, STRONGEST) * source
    contrast = ndimage.uniform_filter(structure**2, PATCH)[tuple(centers.T)]
    centers = centers[contrast <= np.quantile(contrast, CALM)]
    tops, lefts = np.arange(0, RIG_SIZE, half), np.arange(0, _columns(), half)
    target = np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1).reshape(-1, 2)
    drawn = centers[rng.integers(len(centers), size=(len(target), CANDIDATES))]
    mismatch = np.abs(drawn[..., 0] - target[:, :1] + rng.uniform(-half, half, drawn.shape[:2]))
    chosen = drawn[np.arange(len(target)), mismatch.argmin(1)]
    return STRENGTH * _sew(_cut(structure, chosen, rng), target)


def fine_contrast(portrait: FittedPortrait, source: np.ndarray) -> float:
    """Return the standard deviation of lightness that pores and grain give skin, 0..1.

    Args:
        portrait: The portrait.
        source: [512, 512] bool: reliable pixels of skin.
    """
    if not source.any():
        return 0.0
    light = portrait.rgb.mean(-1)
    fine = np.abs(light - blur_inside(light, source, PORES, source))[source]
    # The median, for brows and lashes are no pores; 1.48 makes it a standard deviation.
    return float(1.48 * np.median(fine))


def _cut(structure: np.ndarray, centers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return patches [N, PATCH, PATCH] around centers [N, 2], half of them mirrored."""
    offsets = np.arange(PATCH) - PATCH // 2
    rows = np.clip(centers[:, 0, None] + offsets, 0, structure.shape[0] - 1)
    mirror = rng.choice([-1, 1], len(centers))[:, None]
    columns = np.clip(centers[:, 1, None] + mirror * offsets, 0, structure.shape[1] - 1)
    return structure[rows[:, :, None], columns[:, None, :]]


def _sew(patches: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Blend patches whose corners [N, 2] lie half a patch apart into a cylinder's texture [512, W]."""
    half, width = PATCH // 2, _columns()
    window = np.outer(*2 * [np.hanning(PATCH + 2)[1:-1]])
    total = np.zeros((RIG_SIZE + PATCH, width + PATCH))
    weight = np.full(total.shape, 1e-6)
    for patch, (top, left) in zip(patches, target, strict=True):
        total[top : top + PATCH, left : left + PATCH] += patch * window
        weight[top : top + PATCH, left : left + PATCH] += window**2
    # The cylinder closes: what lies beyond its end also lies at its beginning.
    total[:, :PATCH] += total[:, width : width + PATCH]
    weight[:, :PATCH] += weight[:, width : width + PATCH]
    return (total / np.sqrt(weight))[half : half + RIG_SIZE, :width]


def look_up(texture: np.ndarray, portrait: FittedPortrait, positions: np.ndarray) -> np.ndarray:
    """Return the texture [N] at world positions [N, 3]."""
    axis = portrait.fit.pose.translation
    angle = np.arctan2(positions[:, 0] - axis[0], positions[:, 1] - axis[1]) / (2 * np.pi) + 0.5
    row = RIG_SIZE / 2 - positions[:, 2] / PIXEL
    column = angle * texture.shape[1] % texture.shape[1]
    return ndimage.map_coordinates(texture, [row, column], order=1, mode="nearest")


def _columns() -> int:
    """Return the number of columns around the cylinder, a multiple of half a patch."""
    return int(2 * np.pi * CYLINDER_RADIUS / PIXEL) // (PATCH // 2) * (PATCH // 2)
