"""A painted ball of flat splats, whose look from everywhere is known."""

from __future__ import annotations

import numpy as np

from core.cameras import Camera
from core.gaussians import Gaussians
from core.geometry import quaternions
from core.rasterize.cpu import render
from core.refine.types import View
from core.splats import spherical_harmonics as harmonics

RADIUS = 0.6


def directions_of(count: int) -> np.ndarray:
    """Return well spread unit vectors [count, 3]: a Fibonacci sphere."""
    i = np.arange(count) + 0.5
    z, angle = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1)


def painted(directions: np.ndarray, stripes: float) -> np.ndarray:
    """Return colours [N, 3] of places on the ball: stripes of so many radians, over a gradient."""
    x, _, z = directions.T
    wave = 0.5 + 0.3 * np.sin(2 * np.pi * np.arcsin(z) / stripes)
    return np.stack([wave, 0.5 + 0.3 * x, 0.5 + 0.3 * z], axis=1)


def ball(count: int = 4000, stripes: float = 0.5, **extras: np.ndarray) -> Gaussians:
    """Return a ball of ``count`` opaque flat splats that overlap."""
    out = directions_of(count)
    width = RADIUS * np.sqrt(4 * np.pi / count) * 0.6
    # The quaternion that turns z to a direction, by the half angle.
    turns = quaternions.normalize(np.stack([1 + out[:, 2], -out[:, 1], out[:, 0], np.zeros(count)], axis=1))
    scales = np.tile([width, width, width / 10], (count, 1))
    colors = harmonics.from_colors(painted(out, stripes))
    return Gaussians(RADIUS * out, scales, turns, np.full(count, 0.9), colors, extras=extras)


def reshaped(truth: Gaussians) -> Gaussians:
    """Return splats with random errors of means, scales and rotations."""
    generator, count = np.random.default_rng(1), len(truth)
    turns = np.concatenate([np.ones((count, 1)), generator.normal(scale=0.1, size=(count, 3))], axis=1)
    return truth.replace(
        means=truth.means + generator.normal(scale=0.5, size=(count, 3)) * truth.scales.max(axis=1)[:, None],
        scales=truth.scales * np.exp(generator.normal(scale=0.25, size=(count, 3))),
        rotations=quaternions.multiply(truth.rotations, quaternions.normalize(turns)),
    )


def photo(truth: Gaussians, camera: Camera) -> View:
    """Return a photo of splats with their true matte."""
    rendering = render(truth, camera, (0, 0, 0))
    alpha = np.clip(rendering.alpha, 0, 1)
    image = rendering.image / np.maximum(alpha, 1e-3)[..., None]
    return View(camera, np.clip(image, 0, 1).astype(np.float32), alpha)


def error(gaussians: Gaussians, truth: Gaussians, camera: Camera, window: slice = slice(None)) -> float:
    """Return the mean square difference of two balls' pictures over grey, in a square window."""
    grey = (0.5, 0.5, 0.5)
    ours, theirs = (render(each, camera, grey).image.astype(np.float64) for each in (gaussians, truth))
    return float(((ours - theirs)[window, window] ** 2).mean())
