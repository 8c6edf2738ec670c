"""Colours that, blended by the rasterizer, give the photo back.

Neighbouring Gaussians overlap, and the nearer one is blended first: on a slope every pixel takes
some colour from its nearer neighbours. The blend is linear in the colours, so its weights are
worked out once and the colours are corrected until the blend gives the photo.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BLUR = 0.3
"""Variance in square pixels that the rasterizer adds to every projected Gaussian."""
ITERATIONS = 6
STRONGEST = (0.3, 0.5)
"""Largest correction of a colour where the surface is seen edge-on and straight on: from other sides it is grain, where
skin and hair have no other colours there (:mod:`.view_colors`)."""
_NEIGHBORS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]


def compensate(
    target: np.ndarray, depth: np.ndarray, opacities: np.ndarray, facing: np.ndarray, footprint: float
) -> np.ndarray:
    """Return colours [H, W, 3] of pixel-sized Gaussians whose blend is the target.

    Args:
        target: [H, W, 3] colours 0..1.
        depth: [H, W] depth of the pixels' Gaussians, the blending order.
        opacities: [H, W]; 0 where there is no Gaussian.
        facing: [H, W] cosine between normal and ray.
        footprint: Standard deviation of the Gaussians in pixels, without the rasterizer's blur.
    """
    weights = _blend_weights(depth, opacities, footprint)
    total = weights.sum(0)[..., None]
    strongest = np.interp(ndimage.minimum_filter(facing, 3), (0, 1), STRONGEST).astype(np.float32)[..., None]
    low, high = np.maximum(target - strongest, 0), np.minimum(target + strongest, 1)
    colors = target.copy()
    for _ in range(ITERATIONS):
        blend = sum(weights[k][..., None] * shift(colors, *offset) for k, offset in enumerate(_NEIGHBORS))
        # Divided by coverage, for what shows through at soft edges is the background's business.
        error = target - blend / np.maximum(total, 1e-3)
        colors = np.clip(colors + error, low, high)
    return np.where(total > 1e-3, colors, target)


def _blend_weights(depth: np.ndarray, opacities: np.ndarray, footprint: float) -> np.ndarray:
    """Return the weight [9, H, W] with which each neighbour's colour enters a pixel."""
    variance = footprint**2 + BLUR
    depths = np.stack([shift(depth, *offset) for offset in _NEIGHBORS]).astype(np.float32)
    opacities = opacities.astype(np.float32)
    alphas = np.stack(
        [shift(opacities, row, column) * np.exp(-(row**2 + column**2) / (2 * variance)) for row, column in _NEIGHBORS]
    )
    order = np.argsort(depths, axis=0, kind="stable")
    ordered = np.take_along_axis(alphas, order, axis=0)
    through = np.cumprod(1 - ordered, axis=0)
    through = np.concatenate([np.ones_like(through[:1]), through[:-1]])
    weights = np.empty_like(alphas)
    np.put_along_axis(weights, order, ordered * through, axis=0)
    return weights


def shift(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return a map whose place (i, j) holds ``values[i + rows, j + columns]``, borders repeated."""
    height, width = values.shape[:2]
    row = np.clip(np.arange(height) + rows, 0, height - 1)
    column = np.clip(np.arange(width) + columns, 0, width - 1)
    return values[row[:, None], column]
