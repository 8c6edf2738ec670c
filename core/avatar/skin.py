"""Which splats are bare skin: by their labels, or by the colours of the face."""

from __future__ import annotations

import numpy as np

from ..cameras import RIG_RADIUS
from ..gaussians import Gaussians
from ..head.mesh_raster import rasterize_mesh
from ..head.model import HeadModel, Region
from ..splats.parts import Part
from .distance import SKIN, head_cameras, solid_pixels
from .views import look

LABELLED = 0.5
"""Share of splats with a label from which labels are believed."""
SAMPLE_SIZE = 160
"""Pixels of the picture from which the face's colours are taken."""
ROUNDS = 4
"""Of leaving out what is not of the face's colour: brows, lips, nostrils, hair over the forehead."""
OUTLIER = 2.75
"""Deviations from which a colour is another one."""
NARROWEST, WIDEST = np.array([0.12, 0.012, 0.010]), np.array([0.50, 0.035, 0.020])
"""Bounds of the deviations of a face's colours: logarithm of brightness, shares of red and green. Where hard light
makes them larger, it is better to miss skin than to take grey hair for it."""
CHEEKS = np.array([[-0.05, 0.05], [-0.048, -0.012]])
"""Metres in the head model's frame, from right to left and up: where almost everybody's face is bare."""


def skin_of(gaussians: Gaussians, vertices: np.ndarray, model: HeadModel) -> np.ndarray:
    """Return how much each splat is skin (or eyes, or mouth), [N] float32, 0 or 1.

    Args:
        gaussians: In the engines' frame.
        vertices: [V, 3] of the head model, fitted to them but for the last millimetres.
        model: The head model.
    """
    if (gaussians.parts != Part.UNKNOWN).mean() >= LABELLED:
        return np.isin(gaussians.parts, SKIN).astype(np.float32)
    (camera,) = head_cameras(((270, 0),), SAMPLE_SIZE)
    view = look(gaussians, camera, reach=RIG_RADIUS)
    maps = rasterize_mesh(camera, vertices, model.triangles)
    x, _, z = np.moveaxis(maps.interpolate(model.triangles, model.mean), 2, 0)
    face = model.in_regions(Region.FACE)[model.triangles].all(axis=1)[maps.triangles]
    inside = [(CHEEKS[axis, 0] < values) & (values < CHEEKS[axis, 1]) for axis, values in enumerate((x, z))]
    mask = maps.mask & face & inside[0] & inside[1] & solid_pixels(view)
    samples = _features(view.image[mask] / np.float32(255))
    chosen = np.ones(len(samples), bool)
    for _ in range(ROUNDS):
        if not chosen.any():
            return np.ones(len(gaussians), np.float32)
        middle = np.median(samples[chosen], axis=0)
        deviation = np.clip(1.4826 * np.median(np.abs(samples[chosen] - middle), axis=0), NARROWEST, WIDEST)
        chosen = _distance(samples, middle, deviation) < OUTLIER
    return (_distance(_features(gaussians.colors), middle, deviation) < OUTLIER).astype(np.float32)


def _features(colors: np.ndarray) -> np.ndarray:
    """Return colours [P, 3] as logarithm of brightness and shares of red and green."""
    safe = np.clip(colors, 1 / 255, None)
    total = safe.sum(axis=1)
    return np.stack([np.log(total), safe[:, 0] / total, safe[:, 1] / total], axis=1)


def _distance(features: np.ndarray, middle: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return (np.abs(features - middle) / deviation).max(axis=1)
