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
"""Voxels by which the hair's surface lies under the outer side of the splats' wall: as the splats' outline shows it."""
THINNEST = 0.006
"""World units (about 1.2 mm) of hair at least."""
WHORL = np.array([0.0, 0.045, 0.115])
"""Metres in the model's frame: over the back of the crown, where the whorl is."""
NEAR, FAR = 0.8, 3.0
"""Voxels: standard deviations of the windows in which the splats near a place tell whether it is hair."""


def hair_volume(gaussians: Gaussians, hair: np.ndarray, ground: Ground, pose: Pose) -> HairVolume:
    """Return the surface of a head and where it is hair.

    Args:
        gaussians: The head in the engines' frame.
        hair: [N] 0..1, how surely each splat is hair.
        ground: The head under it.
        pose: From the model's frame to the engines'.
    """
    relief = relief_of(gaussians)
    mesh = relief.mesh(INSET)
    vertices = mesh.vertices.astype(np.float64)
    heights, _ = ground.heights(vertices)
    # Beside the scalp hair hangs: what it could grow from is farther away than the skin below it.
    thickness = np.maximum(np.maximum(heights, ground.to_roots(vertices)), THINNEST)
    return HairVolume(
        vertices=vertices,
        normals=mesh.normals().astype(np.float64),
        quads=mesh.faces,
        hairiness=_hairiness(relief, hair, vertices),
        crown=pose.apply(WHORL),
        thickness=thickness,
    )


def _hairiness(relief: Relief, hair: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Return how surely vertices [V, 3] are hair [V], 0..1: the share of the splats around them that are."""
    splats = relief.gaussians
    weights = splats.opacities * np.sort(splats.scales, axis=1)[:, 1:].prod(axis=1)
    sums = []
    for values in (weights * hair, weights):
        collected = relief.grid.collect(splats.means, values)
        near, far = (ndimage.gaussian_filter(collected, blur) for blur in (NEAR, FAR))
        sums.append(relief.grid.sample(near + np.float32(1e-3) * far, vertices))
    return np.clip(sums[0] / np.maximum(sums[1], np.finfo(np.float32).tiny), 0, 1).astype(np.float64)
