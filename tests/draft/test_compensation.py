"""Colours of pixels that overlap: what the rasterizer blends from them is the photo."""

from __future__ import annotations

import numpy as np

from core.engines.draft.compensation import BLUR, compensate

FOOTPRINT = 0.5


def _blended(colors: np.ndarray, depth: np.ndarray, opacities: np.ndarray, row: int, column: int) -> np.ndarray:
    """What a pixel shows of the nine Gaussians around it, over what they cover of it."""
    offsets = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    nearest_first = sorted(offsets, key=lambda at: depth[row + at[0], column + at[1]])
    color, through = np.zeros(3), 1.0
    for i, j in nearest_first:
        alpha = opacities[row + i, column + j] * np.exp(-(i * i + j * j) / (2 * (FOOTPRINT**2 + BLUR)))
        color += through * alpha * colors[row + i, column + j]
        through *= 1 - alpha
    return color / (1 - through)


def test_the_blend_of_the_colours_is_the_photo() -> None:
    rows, columns = np.mgrid[:40, :40]
    waves = np.stack([np.sin(rows / 2), np.cos(columns / 3), np.sin((rows + columns) / 4)], axis=-1)
    target = (0.5 + 0.2 * waves).astype(np.float32)
    depth = 2.7 + 0.01 * rows
    opacities = np.zeros((40, 40))
    opacities[7:30, 9:33] = 0.6
    colors = compensate(target, depth, opacities, np.ones((40, 40)), FOOTPRINT)
    places = [(row, column) for row in range(9, 28) for column in range(11, 31)]
    errors = [np.abs(_blended(colors, depth, opacities, *at) - target[at]).max() for at in places]
    before = [np.abs(_blended(target, depth, opacities, *at) - target[at]).max() for at in places]
    assert np.mean(errors) < 0.1 * np.mean(before), (np.mean(errors), np.mean(before))
    assert (colors[:6] == target[:6]).all() and (colors[:, 35:] == target[:, 35:]).all()


def test_gaussians_at_the_pictures_border_and_none_at_all() -> None:
    target = np.random.default_rng(2).random((12, 10, 3), np.float32)
    depth, facing = np.full((12, 10), 2.7), np.ones((12, 10))
    assert (compensate(target, depth, np.zeros((12, 10)), facing, FOOTPRINT) == target).all()
    corner = np.zeros((12, 10))
    corner[0, 0] = corner[-1, -1] = 0.9
    colors = compensate(target, depth, corner, facing, FOOTPRINT)
    assert np.allclose(colors[[0, -1], [0, -1]], target[[0, -1], [0, -1]], atol=1e-6)
