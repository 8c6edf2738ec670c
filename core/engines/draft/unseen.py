"""Parts and colours of the surface that the photo does not show."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ...parts import Part
from .depth import Layers
from .head_model import Region
from .lattice import Lattice
from .photo_sheet import PhotoSheet
from .portrait import CHIN, FittedPortrait
from .segmentation import Segmentation
from .shell import Shell

VOXEL = 0.07
"""World units of a cell of the colour volume."""
SPREADS = (16.0, 8.0, 4.0, 2.0, 1.0)
"""Standard deviations in cells of the volume's levels, coarse to fine."""
RELIABLE_COSINE = 0.35
"""Pixels seen at a more grazing angle lend no colour."""
SEEN_DISTANCE = 0.06
"""World units from the photo's pixels within which the surface takes their part."""
STRAND_THICKNESS = 0.2
"""World units from the back within which a sample of hanging hair is hair."""
BALLOT, BALLOT_SPREAD = 0.03, 1.3
"""World units of a cell in which samples vote on their part, and over how many cells votes count."""
FAMILIES = {Part.SKIN: 0, Part.NECK: 0, Part.EYES: 0, Part.MOUTH: 0, Part.HAIR: 1, Part.CLOTHES: 2}
"""Parts that lend each other colours."""


def assign_parts(
    portrait: FittedPortrait,
    segmentation: Segmentation,
    layers: Layers,
    lattice: Lattice,
    sheet: PhotoSheet,
    shell: Shell,
) -> np.ndarray:
    """Return a part [N] for every sample of the shell.

    Near the photo's pixels it is theirs. Elsewhere the fitted head tells: hair grows on the
    scalp, clothes reach up to the collar, and strands hide what they hang over.
    """
    has_hair = layers.has_hair
    model = portrait.model
    outer = np.unique(portrait.outer_triangles)
    distance, nearest = cKDTree(portrait.vertices[outer]).query(shell.positions)
    region = model.regions[outer][nearest]
    has_clothes = (segmentation.parts == Part.CLOTHES).any()
    rule = np.full(len(region), Part.SKIN)
    rule[(region == Region.SCALP) & has_hair] = Part.HAIR
    rule[region == Region.NECK] = Part.NECK
    collar = _collar_height(portrait, segmentation, sheet)
    height = shell.positions[:, 2]
    if has_clothes:
        rule[(region == Region.TORSO) | ((region == Region.NECK) & (height < collar))] = Part.CLOTHES
    else:
        rule[region == Region.TORSO] = Part.NECK

    at_pixel = sheet.parts[shell.pixels[:, 0], shell.pixels[:, 1]]
    thick_hair = (at_pixel == Part.HAIR) & (distance > 0.1) & (region != Region.TORSO)
    rule[thick_hair] = Part.HAIR
    rule[(at_pixel == Part.CLOTHES) & (height < collar - 0.1)] = Part.CLOTHES
    rule[_on_strands(shell, layers, lattice)] = Part.HAIR
    near_photo = _distance_to_photo(sheet, shell) < SEEN_DISTANCE
    features = np.isin(at_pixel, (Part.EYES, Part.MOUTH))
    seen = np.where(features, Part.SKIN, at_pixel)
    parts = np.where(near_photo & (at_pixel != Part.BACKGROUND), seen, rule)
    return _vote(shell.positions, parts)


def _on_strands(shell: Shell, layers: Layers, lattice: Lattice) -> np.ndarray:
    """Return which samples [N] lie on hair that hangs behind the neck."""
    pixels, depths = lattice.camera.project(shell.positions)
    column, row = np.floor(pixels).astype(int).T
    row, column = np.clip(row, 0, lattice.shape[0] - 1), np.clip(column, 0, lattice.shape[1] - 1)
    return layers.hair_behind[row, column] & (layers.back[row, column] - depths < STRAND_THICKNESS)


def _vote(positions: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return parts [N] int8 whose borders are smooth: each sample takes the part that prevails around it."""
    low = positions.min(0) - BALLOT
    shape = np.ceil((positions.max(0) + BALLOT - low) / BALLOT).astype(int) + 1
    place = (positions - low) / BALLOT
    index = np.ravel_multi_index(tuple(np.round(place).astype(int).T), shape)
    kinds = np.unique(parts)
    scores = []
    for kind in kinds:
        votes = np.bincount(index, parts == kind, shape.prod()).reshape(shape).astype(np.float32)
        votes = ndimage.gaussian_filter(votes, BALLOT_SPREAD, truncate=2.5)
        scores.append(ndimage.map_coordinates(votes, place.T, order=1))
    return kinds[np.argmax(scores, axis=0)].astype(np.int8)


def _distance_to_photo(sheet: PhotoSheet, shell: Shell) -> np.ndarray:
    """Return how far [N] each sample lies behind the photo's pixel that it projects to."""
    return np.linalg.norm(shell.positions - sheet.positions[shell.pixels[:, 0], shell.pixels[:, 1]], axis=1)


def _collar_height(portrait: FittedPortrait, segmentation: Segmentation, sheet: PhotoSheet) -> float:
    """Return the world height of the clothes' upper edge beside the neck."""
    clothes = segmentation.parts == Part.CLOTHES
    columns = np.arange(clothes.shape[1]) - portrait.landmarks[CHIN, 0]
    beside = np.abs(columns) < 0.75 * portrait.face_height
    heights = sheet.positions[..., 2][clothes & beside]
    return float(np.percentile(heights, 97)) if len(heights) else -np.inf


def fill_colors(portrait: FittedPortrait, sheet: PhotoSheet, shell: Shell, parts: np.ndarray) -> np.ndarray:
    """Return smooth colours [N, 3]: each family's colours spread through space from the photo's pixels."""
    reliable = (sheet.facing > RELIABLE_COSINE) & (portrait.alpha > 0.98)
    reliable &= ndimage.binary_erosion(portrait.mask, iterations=3, border_value=1)
    families = np.vectorize(FAMILIES.get, otypes=[int])
    source_family = np.full(sheet.parts.shape, -1)
    for part, family in FAMILIES.items():
        source_family[sheet.parts == part] = family
    source_family[np.isin(sheet.parts, (Part.EYES, Part.MOUTH))] = -1
    target_family = families(parts)
    low = shell.positions.min(0) - VOXEL
    shape = np.ceil((shell.positions.max(0) + VOXEL - low) / VOXEL).astype(int) + 1
    colors = np.full((len(parts), 3), 0.5)
    for family in np.unique(target_family):
        source = reliable & (source_family == family)
        if source.sum() < 50:
            source = reliable & (source_family >= 0)
        wanted = target_family == family
        volume = _diffuse(sheet.positions[source], portrait.rgb[source], low, shape)
        place = (shell.positions[wanted] - low) / VOXEL
        colors[wanted] = np.stack(
            [ndimage.map_coordinates(volume[..., c], place.T, order=1, mode="nearest") for c in range(3)], axis=1
        )
    return np.clip(colors, 0, 1)


def _diffuse(positions: np.ndarray, colors: np.ndarray, low: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return a colour volume [I, J, K, 3]: the finest average that has enough sources near, else coarser ones."""
    index = np.round((positions - low) / VOXEL).astype(int)
    valid = ((index >= 0) & (index < shape)).all(1)
    flat = np.ravel_multi_index(tuple(index[valid].T), shape)
    count = shape.prod()
    weight = np.bincount(flat, minlength=count).reshape(shape).astype(np.float32)
    sums = [np.bincount(flat, colors[valid, c], count).reshape(shape) / np.maximum(weight, 1) for c in range(3)]
    # One vote per occupied cell, so that areas count and not the number of pixels.
    occupied = (weight > 0).astype(np.float32)
    result = np.empty((*shape, 3), np.float32)
    result[:] = colors.mean(0)
    for spread in SPREADS:
        reach = ndimage.gaussian_filter(occupied, spread, mode="constant", truncate=3)
        blurred = [ndimage.gaussian_filter(s * occupied, spread, mode="constant", truncate=3) for s in sums]
        average = np.stack(blurred, axis=-1) / np.maximum(reach, 1e-6)[..., None]
        trust = np.clip(reach * spread**2 * 4, 0, 1)[..., None]
        result = result * (1 - trust) + average * trust
    return result
