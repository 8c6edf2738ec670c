"""The volume that a head's hair fills, found in its splats."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..gaussians import Gaussians
from ..hair.volume import HairVolume
from ..head.pose import Pose
from ..surface.relief import Relief, relief_of
from .ground import Ground

INSET = -0.3
"""Voxels by which the hair's surface lies under the outer side of the splats' wall: outside of it, for what grows
between guides is a mean of them, and flatter."""
MOSTLY = 0.75
"""Share of hair among the splats around from which a place is all hair: at a hairline it lies over the skin."""
THINNEST = 0.006
"""World units (about 1.2 mm) of hair at least."""
PRESSED = 0.03
"""World units (about 6 mm) that hair under a hat is thick."""
WHORL = np.array([0.0, 0.045, 0.115])
"""Metres in the model's frame: over the back of the crown, where the whorl is."""
NEAR, FAR = 0.8, 3.0
"""Voxels: standard deviations of the windows in which the splats near a place tell whether it is hair."""


def hair_volume(gaussians: Gaussians, hair: np.ndarray, hat: np.ndarray, ground: Ground, pose: Pose) -> HairVolume:
    """Return the surface of a head and where it is hair; under a hat there is some, too.

    Args:
        gaussians: The head in the engines' frame.
        hair: [N] 0..1, how surely each splat is hair.
        hat: [N] 0..1, how surely each is of a hat.
        ground: The head under it.
        pose: From the model's frame to the engines'.
    """
    relief = relief_of(gaussians)
    mesh = relief.mesh(INSET)
    vertices = mesh.vertices.astype(np.float64)
    hairiness = np.minimum(_share(relief, np.maximum(hair, hat), vertices) / MOSTLY, 1)
    # What is no hair is a large part of a bust, and far from all roots.
    near = np.flatnonzero(hairiness > 0)
    heights, upwards = ground.heights(vertices[near])
    if hat.any():
        pressed = _share(relief, hat, vertices[near]) * np.maximum(heights - PRESSED, 0)
        vertices[near] -= pressed[:, None] * upwards
        heights -= pressed
    # Beside the scalp hair hangs: what it could grow from is farther away than the skin below it.
    thickness = np.full(len(vertices), THINNEST)
    thickness[near] = np.maximum(np.maximum(heights, ground.to_roots(vertices[near])), THINNEST)
    return HairVolume(
        vertices=vertices,
        normals=mesh.normals().astype(np.float64),
        quads=mesh.faces,
        hairiness=hairiness,
        crown=pose.apply(WHORL),
        thickness=thickness,
    )


def _share(relief: Relief, what: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Return the mean [V] of what splats are [N], 0..1, around vertices [V, 3]."""
    splats = relief.gaussians
    weights = splats.opacities * np.sort(splats.scales, axis=1)[:, 1:].prod(axis=1)
    sums = []
    for values in (weights * what, weights):
        collected = relief.grid.collect(splats.means, values)
        near, far = (ndimage.gaussian_filter(collected, blur) for blur in (NEAR, FAR))
        sums.append(relief.grid.sample(near + np.float32(1e-3) * far, vertices))
    return np.clip(sums[0] / np.maximum(sums[1], np.finfo(np.float32).tiny), 0, 1).astype(np.float64)
