"""Which part the surface belongs to where the photo does not show it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ...head.model import Region
from ...parts import Part
from .depth import Layers
from .lattice import Lattice
from .photo_sheet import PhotoSheet
from .portrait import BODY_REGIONS, CHIN, FittedPortrait
from .segmentation import Segmentation
from .shell import nearest_pixels
from .splats import unit
from .surface import Surface

SEEN_DISTANCE = 0.06
"""World units from the photo's pixels within which the surface takes their part."""
SEEN_COSINE = 0.15
"""Cosine between normal and ray below which the photo tells nothing of the surface."""
STRAND_THICKNESS = 0.2
"""World units from the back within which a place on hanging hair is hair."""
COLLAR_ASIDE = (0.2, 0.6)
"""Distance from the chin's column, in face heights, at which collars are looked for."""
COLLAR_RISE, NAPE_DISTANCE = 0.12, 0.4
"""World units by which a collar is higher at the nape, that far behind the head's centre."""
COLLAR_UNDER_CHIN = 0.06
"""World units that a collar lies below the chin at least, in front."""
BALLOT, BALLOT_SPREAD = 0.03, 2.5
"""World units of a cell in which places vote on their part, and over how many cells votes count."""


def surface_parts(
    portrait: FittedPortrait,
    segmentation: Segmentation,
    layers: Layers,
    lattice: Lattice,
    sheet: PhotoSheet,
    surface: Surface,
) -> np.ndarray:
    """Return the part [V] int8 of the closed surface's vertices.

    Near the photo's pixels it is theirs. Elsewhere the fitted head tells: hair grows on the
    scalp and wherever it frames the photo's outline, clothes reach up to the collar, and strands
    hide what they hang over.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        layers: The depth layers.
        lattice: The lattice of the layers.
        sheet: The photo's pixels in space.
        surface: The closed surface.
    """
    positions = surface.vertices
    outer = np.unique(portrait.outer_triangles)
    _, nearest = cKDTree(portrait.vertices[outer]).query(positions)
    region = portrait.model.regions[outer][nearest]
    rows, columns = nearest_pixels(portrait, positions).T
    at_pixel = np.where(segmentation.is_part(Part.EYES, Part.MOUTH), Part.SKIN, sheet.parts)[rows, columns]

    rule = np.full(len(region), Part.SKIN)
    rule[np.isin(region, BODY_REGIONS)] = Part.NECK
    head = np.isin(region, (Region.FACE, Region.EARS))
    rule[((region == Region.SCALP) & layers.has_hair) | (head & (at_pixel == Part.HAIR))] = Part.HAIR
    if segmentation.is_part(Part.CLOTHES).any():
        # Collars stand higher at the nape than at the throat.
        axis = portrait.fit.pose.translation
        height = _collar_height(portrait, segmentation, sheet)
        row, column = np.clip(portrait.landmarks[CHIN, 1::-1], 0, portrait.mask.shape[0] - 1).astype(int)
        front = min(height, sheet.positions[row, column, 2] - COLLAR_UNDER_CHIN)
        backwards = np.clip((positions[:, 1] - axis[1]) / NAPE_DISTANCE, 0, 1)
        collar = front + (height + COLLAR_RISE - front) * backwards
        under_collar = (positions[:, 2] < collar) & (region != Region.FACE)
        rule[(region == Region.TORSO) | under_collar] = Part.CLOTHES
    rule[_on_strands(positions, layers, lattice)] = Part.HAIR
    near_photo = np.linalg.norm(positions - sheet.positions[rows, columns], axis=1) < SEEN_DISTANCE
    # The wall from the jaw down to a collar belongs to neither of the pixels beside it.
    grazing = (surface.normals * unit(portrait.camera.position - positions)).sum(1) < SEEN_COSINE
    near_photo &= ~(grazing & (at_pixel == Part.CLOTHES) & (region != Region.TORSO))
    return _vote(positions, np.where(near_photo, at_pixel, rule))


def _on_strands(positions: np.ndarray, layers: Layers, lattice: Lattice) -> np.ndarray:
    """Return which places [N] lie on hair that hangs behind the neck."""
    pixels, depths = lattice.camera.project(positions)
    column, row = np.floor(pixels).astype(int).T
    row, column = np.clip(row, 0, lattice.shape[0] - 1), np.clip(column, 0, lattice.shape[1] - 1)
    return layers.hair_behind[row, column] & (layers.back[row, column] - depths < STRAND_THICKNESS)


def _vote(positions: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return parts [N] int8 whose borders are smooth: each place takes the part that prevails around it."""
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


def _collar_height(portrait: FittedPortrait, segmentation: Segmentation, sheet: PhotoSheet) -> float:
    """Return the world height of the clothes' upper edge beside the neck."""
    aside = np.abs(np.arange(portrait.mask.shape[1]) - portrait.landmarks[CHIN, 0]) / portrait.face_height
    beside = (aside > COLLAR_ASIDE[0]) & (aside < COLLAR_ASIDE[1])
    heights = sheet.positions[..., 2][segmentation.is_part(Part.CLOTHES) & beside]
    return float(np.percentile(heights, 99)) if len(heights) else -np.inf
