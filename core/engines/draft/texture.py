"""Texture for the sides and the back: patches of the photo's own hair and cloth, sewn together.

Only the fine structure is taken, without its light: the smooth colours come from
:mod:`.painting`. Random overlapping patches are blended so that their contrast is kept
(variance-preserving blending, Heitz and Neyret 2018), on a cylinder around the head, where
strands run down from the crown.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...cameras import RIG_RADIUS, RIG_SIZE
from .fields import blur_inside
from .portrait import FittedPortrait

PATCH = 28
"""Side of a patch in pixels of the photo."""
STRUCTURE = 9.0
"""Standard deviation in pixels of what counts as light rather than structure."""
FULL_SHARE = 0.97
"""Share of a patch that must belong to the part."""
FEWEST_PATCHES = 12
CANDIDATES = 10
"""Patches drawn for each place; the one from the most similar height is taken."""
CYLINDER_RADIUS = 0.6
"""World units: about a head with hair."""
STRONGEST = 0.25
"""Largest deviation from the smooth colour."""


def synthesize(portrait: FittedPortrait, source: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Return fine structure [512, W, 3] on the cylinder, mean about 0; None if the photo shows too little.

    Args:
        portrait: The portrait.
        source: [512, 512] bool: reliable pixels of one part.
        rng: Source of chance.
    """
    centers = np.argwhere(ndimage.uniform_filter(source.astype(np.float32), PATCH) > FULL_SHARE)
    half = PATCH // 2
    centers = centers[((centers >= half) & (centers <= RIG_SIZE - half)).all(1)]
    if len(centers) < FEWEST_PATCHES:
        return None
    structure = np.clip(portrait.rgb - blur_inside(portrait.rgb, source, STRUCTURE), -STRONGEST, STRONGEST)
    width = _columns()
    window = np.outer(*2 * [np.hanning(PATCH + 2)[1:-1]]).astype(np.float32)[..., None]
    total = np.zeros((RIG_SIZE + PATCH, width + PATCH, 3), np.float32)
    weight = np.full((RIG_SIZE + PATCH, width + PATCH, 1), 1e-6, np.float32)
    for top in range(0, RIG_SIZE, half):
        lefts = np.arange(0, width, half)
        drawn = centers[rng.integers(len(centers), size=(len(lefts), CANDIDATES))]
        nearest = np.abs(drawn[..., 0] - top + rng.uniform(-half, half, drawn.shape[:2])).argmin(1)
        mirrored = rng.random(len(lefts)) < 0.5
        for left, (row, column), mirror in zip(lefts, drawn[np.arange(len(lefts)), nearest], mirrored, strict=True):
            patch = structure[row - half : row + half, column - half : column + half]
            total[top : top + PATCH, left : left + PATCH] += (patch[:, ::-1] if mirror else patch) * window
            weight[top : top + PATCH, left : left + PATCH] += window**2
    # The cylinder closes: what lies beyond its end also lies at its beginning.
    total[:, :PATCH] += total[:, width : width + PATCH]
    weight[:, :PATCH] += weight[:, width : width + PATCH]
    return (total / np.sqrt(weight))[half : half + RIG_SIZE, :width]


def look_up(texture: np.ndarray, portrait: FittedPortrait, positions: np.ndarray) -> np.ndarray:
    """Return the texture [N, 3] at world positions [N, 3]."""
    axis = portrait.fit.pose.translation
    angle = np.arctan2(positions[:, 0] - axis[0], positions[:, 1] - axis[1]) / (2 * np.pi) + 0.5
    pixel = RIG_RADIUS / portrait.camera.fx
    place = np.stack([RIG_SIZE / 2 - positions[:, 2] / pixel, angle * texture.shape[1]])
    place[1] %= texture.shape[1]
    return np.stack(
        [ndimage.map_coordinates(texture[..., c], place, order=1, mode="nearest") for c in range(3)], axis=1
    )


def _columns() -> int:
    """Return the number of columns around the cylinder, a multiple of half a patch."""
    pixel = RIG_RADIUS / (RIG_SIZE / 2 / np.tan(np.radians(25)))
    return int(2 * np.pi * CYLINDER_RADIUS / pixel) // (PATCH // 2) * (PATCH // 2)
