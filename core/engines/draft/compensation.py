"""Colours that, blended by the rasterizer, give the photo back.

Neighbouring Gaussians overlap, and the nearer one is blended first: on a slope every pixel takes
some colour from its nearer neighbours. The blend is linear in the colours, so its weights are
worked out once and the colours are corrected until the blend gives the photo.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...system import blocks
from .fields import window

BLUR = 0.3
"""Variance in square pixels that the rasterizer adds to every projected Gaussian."""
ITERATIONS = 6
STRONGEST = (0.3, 0.5)
"""Largest correction of a colour where the surface is seen edge-on and straight on: from other sides it is grain, where
skin and hair have no other colours there (:mod:`.view_colors`)."""
ROWS = 16
"""Rows of the picture that are worked on at once: what they need stays in a processor's cache."""
_NEIGHBORS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]


def compensate(
    target: np.ndarray, depth: np.ndarray, opacities: np.ndarray, facing: np.ndarray, footprint: float
) -> np.ndarray:
    """Return colours [H, W, 3] float32 of pixel-sized Gaussians whose blend is the target.

    Args:
        target: [H, W, 3] float32 colours 0..1.
        depth: [H, W] depth of the pixels' Gaussians, the blending order.
        opacities: [H, W]; 0 where there is no Gaussian.
        facing: [H, W] cosine between normal and ray.
        footprint: Standard deviation of the Gaussians in pixels, without the rasterizer's blur.
    """
    colors = target.copy()
    if not opacities.any():
        return colors
    rows, columns = window(opacities != 0, 1)
    facing = ndimage.minimum_filter(facing, 3)
    channels = np.ascontiguousarray(np.moveaxis(target[rows, columns], -1, 0))
    part = _compensated(channels, depth[rows, columns], opacities[rows, columns], facing[rows, columns], footprint)
    colors[rows, columns] = np.moveaxis(part, 0, -1)
    return colors


def _compensated(
    target: np.ndarray, depth: np.ndarray, opacities: np.ndarray, facing: np.ndarray, footprint: float
) -> np.ndarray:
    """Return the colours [3, H, W] of the part of the picture that holds Gaussians; so is the target."""
    weights = np.empty((9, *depth.shape), np.float32)
    depths, alphas = _bordered(depth), _bordered(opacities)

    def weigh(rows: slice) -> None:
        weights[:, rows] = _blend_weights(_around(depths, rows), _around(alphas, rows), footprint)

    blocks.fill(weigh, len(depth), ROWS)
    total = weights.sum(0)
    strongest = np.interp(facing, (0, 1), STRONGEST).astype(np.float32)
    low, high = np.maximum(target - strongest, 0), np.minimum(target + strongest, 1)
    coverage = np.maximum(total, 1e-3)
    colors = target.copy()
    for _ in range(ITERATIONS):
        before = _bordered(colors)

        def correct(rows: slice, before: np.ndarray = before) -> None:
            around = _around(before, rows)
            blend = weights[0, rows] * around[0]
            for weight, color in zip(weights[1:, rows], around[1:], strict=True):
                blend += weight * color
            # Divided by coverage, for what shows through at soft edges is the background's business.
            error = target[:, rows] - blend / coverage[rows]
            np.clip(colors[:, rows] + error, low[:, rows], high[:, rows], out=colors[:, rows])

        blocks.fill(correct, len(depth), ROWS)
    return np.where(total > 1e-3, colors, target)


def _blend_weights(depths: list[np.ndarray], opacities: list[np.ndarray], footprint: float) -> np.ndarray:
    """Return the weight [9, H, W] with which each neighbour's colour enters a pixel.

    Args:
        depths: Those of the nine neighbours, each [H, W] float32.
        opacities: The same.
        footprint: Standard deviation of the Gaussians in pixels.
    """
    variance = footprint**2 + BLUR
    alphas = np.stack(
        [
            opacity * np.exp(-(row**2 + column**2) / (2 * variance))
            for opacity, (row, column) in zip(opacities, _NEIGHBORS, strict=True)
        ]
    ).astype(np.float32)
    order = np.argsort(np.stack(depths), axis=0, kind="stable")
    ordered = np.take_along_axis(alphas, order, axis=0)
    through = np.cumprod(1 - ordered, axis=0)
    ordered[1:] *= through[:-1]
    weights = np.empty_like(alphas)
    np.put_along_axis(weights, order, ordered, axis=0)
    return weights


def _bordered(values: np.ndarray) -> np.ndarray:
    """Return maps [..., H + 2, W + 2] float32 with their borders repeated around them."""
    around = [(0, 0)] * (values.ndim - 2) + [(1, 1), (1, 1)]
    return np.pad(values.astype(np.float32), around, mode="edge")


def _around(bordered: np.ndarray, rows: slice) -> list[np.ndarray]:
    """Return the nine neighbours' values [..., R, W] of some of the rows of maps that were :func:`_bordered`."""
    width = bordered.shape[-1] - 2
    return [
        bordered[..., rows.start + 1 + row : rows.stop + 1 + row, 1 + column : 1 + column + width]
        for row, column in _NEIGHBORS
    ]
