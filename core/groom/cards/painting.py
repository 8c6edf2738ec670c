"""Draws hairs into a cell of the atlas: colour, how much of each pixel they cover, and the normals of round hairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from .clusters import STEPS
from .strokes import Strokes

SAMPLES = 2
"""Samples of a pixel along each axis."""
TIP = 0.12
"""Share of a hair over which it gets thinner to its tip."""
ROUND = 0.8
"""How far to the side a hair's normal points at its edge, 0..1."""
SPREADS = (1.5, 5.0, 20.0)
"""Pixels over which colours go on beyond the hairs, nearer ones first: smaller copies of the atlas mix them in."""
LEAST = 1e-3
"""Of a hair's weight: less says nothing of colours."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A cell's pixels, the first row the upper one, at the root.

    Attributes:
        color: [H, W, 3] sRGB-encoded, 0..1, also where no hair is.
        alpha: [H, W] 0..1.
        normal: [H, W, 3] unit vectors: to the right, up, and to who looks.
    """

    color: np.ndarray
    alpha: np.ndarray
    normal: np.ndarray


def paint(strokes: Strokes, shape: tuple[int, int], width: float) -> Picture:
    """Draw hairs.

    Args:
        strokes: The hairs; later ones lie above earlier ones.
        shape: Height and width in pixels.
        width: Of a hair in pixels.
    """
    height, wide = shape[0] * SAMPLES, shape[1] * SAMPLES
    color = np.zeros((height, wide, 3), np.float32)
    normal = np.zeros((height, wide, 3), np.float32)
    covered = np.zeros((height, wide), bool)
    half = width * SAMPLES / 2
    # Whole hairs, and a free pixel, to both sides.
    edge = half + SAMPLES
    along = (np.arange(height) + 0.5) / height
    reach = np.arange(-int(np.ceil(half)) - 1, int(np.ceil(half)) + 2)
    for path, start, end, tones in zip(strokes.across, strokes.starts, strokes.ends, strokes.colors, strict=True):
        rows = np.arange(int(start * height), int(end * height))
        place = along[rows] * (STEPS - 1)
        before = np.minimum(place.astype(int), STEPS - 2)
        share = (place - before)[:, None]
        middle = _curve(path, place)
        middle = edge + (middle + 1) / 2 * (wide - 2 * edge)
        lean = np.gradient(middle)
        thin = half * np.clip((end - along[rows]) / TIP, 0.35, 1)
        columns = middle.astype(int)[:, None] + reach
        # Distances square to the hair, which leans.
        aside = (columns + 0.5 - middle[:, None]) / np.sqrt(1 + lean**2)[:, None]
        inside = (np.abs(aside) <= thin[:, None]) & (columns >= 0) & (columns < wide)
        row = np.broadcast_to(rows[:, None], columns.shape)[inside]
        column = columns[inside]
        tone = tones[before] * (1 - share) + tones[before + 1] * share
        color[row, column] = np.broadcast_to(tone[:, None], (*columns.shape, 3))[inside]
        slope = ROUND * aside / thin[:, None]
        right = slope / np.sqrt(1 + lean**2)[:, None]
        up = right * lean[:, None]
        facing = np.stack([right, up, np.sqrt(np.maximum(1 - slope**2, 0))], axis=-1)
        normal[row, column] = facing[inside]
        covered[row, column] = True
    alpha = _pixels(covered[..., None].astype(np.float32))
    return _whole(_pixels(color), alpha[..., 0], _pixels(normal))


def _curve(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return values [STEPS] at places 0..STEPS-1, on a Catmull-Rom curve."""
    padded = np.concatenate([[2 * values[0] - values[1]], values, [2 * values[-1] - values[-2]]])
    before = np.minimum(place.astype(int), STEPS - 2)
    t = place - before
    a, b, c, d = (padded[before + step] for step in range(4))
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def _pixels(samples: np.ndarray) -> np.ndarray:
    """Return the means [H, W, C] of pixels' samples."""
    height, wide, channels = samples.shape
    shape = height // SAMPLES, SAMPLES, wide // SAMPLES, SAMPLES, channels
    return samples.reshape(shape).mean(axis=(1, 3))


def _whole(color: np.ndarray, alpha: np.ndarray, normal: np.ndarray) -> Picture:
    """Return a picture whose colours and normals, weighted with ``alpha``, go on beyond the hairs."""
    return Picture(
        np.clip(spread(color, alpha, color.sum((0, 1)) / max(float(alpha.sum()), LEAST)), 0, 1),
        alpha,
        _unit_up(spread(normal, alpha, np.array([0.0, 0.0, 1.0]))),
    )


def spread(values: np.ndarray, weight: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return values [H, W, C], which are multiplied by their weights [H, W], divided by these; around them they go on.

    Args:
        values: The values.
        weight: Their weights, 0..1.
        far: [C] the value far from all of them.
    """
    found, left = values.copy(), 1 - weight
    for sigma in SPREADS:
        near = gaussian_filter(values, (sigma, sigma, 0))
        much = gaussian_filter(weight, sigma)
        share = left * np.clip(much / 0.02, 0, 1)
        found += near / np.maximum(much, LEAST)[..., None] * share[..., None]
        left = left - share
    return (found + far * left[..., None]).astype(np.float32)


def _unit_up(normal: np.ndarray) -> np.ndarray:
    """Return normals at length 1, none of which points away from who looks."""
    normal[..., 2] = np.maximum(normal[..., 2], 0.05)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)
