"""The fitted head's outline brought onto the photo's, where skin borders the background.

Landmarks fit the face; ears, neck and shoulders are the model's mean. Where the photo shows their outline, the
mesh is moved across the picture to meet it, by the displacement of least bending energy
(:mod:`core.head.bending`), so that what the photo shows from the front has a surface to lie on.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

from ...head import bending
from ...head.model import HeadModel, Region
from ...splats.parts import Part
from .fields import sample_map
from .portrait import FittedPortrait

CONTOUR = 0.3
"""Cosine between normal and ray up to which a vertex lies on the outline that the camera sees."""
REACH = 26
"""Pixels over which the photo's outline is looked for: 5 % of the picture, as far as fits miss ears and necks."""
STEP = 0.5
"""Pixels between looks."""
SOFT = 1.5
"""Pixels over which the mask is averaged before its border's direction is taken."""
ALIKE = 0.75
"""Cosine between the two outlines' directions in the picture from which they are the same outline."""
FLESH_RIM = 5
"""Side in pixels of the square that tells what part ends at the outline."""
WEIGHT = 0.3
"""Of an outline vertex against the bending energy."""
SETTLE = 1e-4
"""Weight that draws what no outline moves back to where it was."""
SKULL, HELD = 0.002, 3.0
"""Weights with which the skull, whose outline is :mod:`.thickness`'s, and the landmarks stay where the fit put them."""
BESIDE_EAR = 0.02
"""Metres from an ear within which it hides the outline of the head itself."""
MOVED = (Region.FACE, Region.EARS, Region.NECK, Region.TORSO)


def meet_outline(portrait: FittedPortrait, parts: np.ndarray) -> FittedPortrait:
    """Return the portrait with the head's outline on the photo's.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts.
    """
    model = portrait.model
    vertices = portrait.vertices.astype(np.float64)
    found, moves = _moves(portrait, parts)
    if not found.any():
        return portrait
    count = len(vertices)
    landmark = np.unique(model.landmark_vertices)
    weight = np.full(count, SETTLE)
    weight[found] = WEIGHT
    weight[model.in_regions(Region.SCALP)] = SKULL
    weight[landmark] = HELD
    target = np.zeros((count, 3))
    target[found] = moves
    target[landmark] = 0
    system = bending.bending(model) + sparse.diags(weight)
    displacement = bending.carry(model) @ bending.solve(system.tocsr(), weight[:, None] * target)
    return portrait.with_vertices(vertices + displacement)


def _moves(portrait: FittedPortrait, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which vertices [V] find the photo's outline, and their moves [C, 3] parallel to the picture."""
    camera, model = portrait.camera, portrait.model
    vertices, normals = portrait.vertices.astype(np.float64), portrait.fit.normals
    facing = portrait.facing(vertices, normals)
    pixels, depths = camera.project(vertices)
    across = normals @ camera.c2w[:3, :2]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    size = parts.shape[0]
    contour = model.in_regions(*MOVED) & (np.abs(facing) < CONTOUR) & (pixels[:, 1] < size - REACH)
    contour &= _outermost(portrait, pixels, across) & ~_beside_ears(model)
    index = np.flatnonzero(contour)
    steps = np.arange(-REACH, REACH + STEP, STEP)
    place = pixels[index, None] + steps[None, :, None] * across[index, None]
    inside = sample_map(portrait.alpha, place) > 0.5
    ends = inside[:, :-1] & ~inside[:, 1:]
    # The end nearest to where the fit has it.
    nearness = np.where(ends, np.abs(steps[:-1]), np.inf)
    best = nearness.argmin(1)
    hit = np.isfinite(nearness.min(1))
    border = place[np.arange(len(index)), best]
    soft = ndimage.gaussian_filter(portrait.alpha, SOFT)
    slope = -np.stack([sample_map(change, border) for change in np.gradient(soft)[::-1]], axis=-1)
    slope /= np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-6)
    hit &= (slope * across[index]).sum(1) > ALIKE
    flesh = np.isin(parts[portrait.nearest_person], (Part.SKIN, Part.NECK))
    hit &= sample_map(ndimage.uniform_filter(flesh.astype(np.float32), FLESH_RIM), border) > 0.5
    found = np.zeros(len(vertices), bool)
    found[index[hit]] = True
    distance = steps[best[hit]] + STEP / 2
    error = across[index[hit]] * distance[:, None]
    move = np.column_stack([error / [camera.fx, camera.fy] * depths[index[hit], None], np.zeros(len(error))])
    return found, move @ camera.c2w[:3, :3].T


@lru_cache(maxsize=1)
def _beside_ears(model: HeadModel) -> np.ndarray:
    """Return which vertices [V] of face and skull lie so close to an ear that the outline there is the ear's."""
    ears = model.in_regions(Region.EARS)
    distance, _ = cKDTree(model.mean[ears]).query(model.mean)
    return (distance < BESIDE_EAR) & model.in_regions(Region.FACE, Region.SCALP)


def _outermost(portrait: FittedPortrait, pixels: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return which places [V] have no head beyond them in the picture."""
    size = portrait.mask.shape[0]
    there = portrait.region_map >= 0
    result = np.ones(len(pixels), bool)
    for step in (3.0, 6.0):
        column, row = np.clip(np.floor(pixels + step * across), 0, size - 1).astype(int).T
        result &= ~there[row, column]
    return result
