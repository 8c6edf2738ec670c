"""Foreground colours without the background's share, so that hair edges show no halo."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import ndimage

from ..system import blocks
from .blur import box_blur
from .matting import refine_matte
from .outline import redraw_outline
from .surroundings import COLOR_NOISE

RADII = (0.12, 0.04, 0.012)
"""Neighbourhoods of the passes, as shares of the picture's longest side."""
EMPTY = 1e-4
CORE_ALPHA, CORE_DISTANCE = 0.98, 1
"""A cut-out's pixels of more alpha, so many pixels away from its edge, show the person's own colours for sure."""
EDGE_ALPHAS = (0.05, 0.9)
"""Alphas of the edge pixels that tell whether a cut-out still has its old background's colour."""
MIXED_SHARE = 0.7
"""Share of the edge's deviation from the colours within, above which no background explains it. Measured: 0.1 to
0.2 for plain backgrounds, 0.5 for busy ones, 0.9 for edges that were cleaned."""

FRINGE_RIM, FRINGE_DEPTH = 1.5, 6.0
"""Pixels from a cut-out's edge up to which a fringe shows most, and from which there is none of it."""
FRINGE_SHARE = 0.09
"""Share of the old background in the edge's opaque pixels from which there is a fringe. Measured: up to 0.06 under
the own matte, 0.11 to 0.34 under hard ones, more under widened ones."""


def estimate_foreground(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Estimate the colours of the person alone.

    Blur fusion in coarse-to-fine passes (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021):
    foreground and background are averaged with their alphas as weights, and what the
    compositing equation leaves unexplained goes to the foreground by its alpha.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        alpha: [H, W] float, 0..1.

    Returns:
        [H, W, 3] uint8; where alpha is 1 the photo's own colours, outside the person its colours extended.
    """
    image = rgb.astype(np.float32) / 255
    share = alpha.astype(np.float32)[..., None]
    front, back = image, image
    for ratio in RADII:
        size = 2 * max(1, round(ratio * max(image.shape))) + 1
        sides = ((front, share), (back, 1 - share))
        front, back = blocks.each(partial(_blurred_side, size), sides)
        front = np.clip(front + share * (image - share * front - (1 - share) * back), 0, 1)
    return np.rint(np.where(share >= 1, image, front) * 255).astype(np.uint8)


def _blurred_side(size: int, side: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return _weighted_blur(*side, size)


def cut_out_foreground(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return the colours of a person who was cut out, without the old background's share at the edge.

    Under soft alpha, programs leave either clean colours or what the photo had there. In the second case the
    edge's colours go from those within to one other, the further the smaller alpha is: then that other one is taken
    out as from any photo. A hard or wide alpha makes a fringe of it opaque: then its share follows from the colours,
    as in our own matte.

    Args:
        rgb: [H, W, 3] uint8, the cut-out's own colours; where alpha is 0 they may be anything.
        alpha: [H, W] float, 0..1.

    Returns:
        [H, W, 3] uint8, extended outside the person.
    """
    background = _old_background(rgb, alpha)
    if background is None:
        return estimate_foreground(rgb, alpha > 0)
    photo = np.where(alpha[..., None] > 0, rgb, np.rint(background * 255).astype(np.uint8))
    if _opaque_fringe(rgb / 255.0, alpha, background) > FRINGE_SHARE:
        image = photo.astype(np.float32) / 255
        alpha = np.minimum(alpha, redraw_outline(image, refine_matte(image, alpha.astype(np.float32))))
    return estimate_foreground(photo, alpha)


def _old_background(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray | None:
    """Return the colour [3], 0..1, that is mixed into a cut-out's soft edge; None where there is none."""
    core = ndimage.binary_erosion(alpha >= CORE_ALPHA, iterations=CORE_DISTANCE)
    edge = (alpha > EDGE_ALPHAS[0]) & (alpha < EDGE_ALPHAS[1])
    if not core.any() or not edge.any():
        return None
    rows, columns = ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)[:, edge]
    within = rgb[rows, columns] / 255.0
    deviation, share = rgb[edge] / 255.0 - within, 1 - alpha[edge, None]
    # The compositing equation: deviation = share * (background - within), in least squares.
    background = np.clip((share * (deviation + share * within)).sum(axis=0) / (share**2).sum(axis=0), 0, 1)
    unexplained = np.abs(deviation - share * (background - within)).sum()
    return None if unexplained > MIXED_SHARE * np.abs(deviation).sum() else background


def _opaque_fringe(image: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> float:
    """Return how much of the old background's colour, 0..1, the opaque pixels at a cut-out's edge hold."""
    # The picture's edge is none of the cut-out's.
    depth = ndimage.distance_transform_edt(np.pad(alpha >= CORE_ALPHA, 1, mode="edge"))[1:-1, 1:-1]
    edge, core = (depth > 0) & (depth <= FRINGE_RIM), depth > FRINGE_DEPTH
    if not edge.any() or not core.any():
        return 0.0
    rows, columns = ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)[:, edge]
    within = image[rows, columns]
    axis = background - within
    share = ((image[edge] - within) * axis).sum(axis=-1) / np.maximum((axis**2).sum(axis=-1), COLOR_NOISE)
    return float(share.mean())


def _weighted_blur(colors: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """Average colours over ``size`` x ``size`` pixels; the weight's mean colour where nothing is near."""
    layers = np.concatenate([colors * weight, weight], axis=-1)
    mean = layers[..., :3].sum(axis=(0, 1)) / max(float(weight.sum()), EMPTY)
    layers = box_blur(layers, size)
    return (layers[..., :3] + EMPTY * mean) / (layers[..., 3:] + EMPTY)
