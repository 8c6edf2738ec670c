"""Front and back depth of the whole person, by part.

Each place of the picture takes the depth of the solid that its part belongs to, so that edges
in depth (chin over neck, hair over shoulder) lie exactly on the edges between parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...head.model import Region
from ...parts import Part
from .cut import Cut, neck_cut, shoulder_cut
from .fields import blur_inside, disk, nearest_fill
from .lattice import PHOTO_CELLS, SIDE_CELLS, Lattice
from .portrait import HEAD_REGIONS, MOUTH_OUTLINE, FittedPortrait
from .segmentation import Segmentation
from .solids import Solid, bare_head, body_solid, hairy_head, hanging_hair

HAIR_OVER_BODY = 0.04
"""How much closer to the camera hair lies than the clothes that it covers, world units."""
HAIR_SHARE = 0.04
"""Share of the person from which hair counts as hair."""
HAIRLINE = 0.12
"""World units from the hairline over which hair rises to its full thickness."""
JAW_SLOPE = 0.5
"""How fast the face's depth grows beyond its outline: the slope of a beard below the chin."""
HAIR_SPAN = 0.022
"""World units sideways from which hair at the hairline takes its depth."""
THINNEST = 0.03
"""World units between front and back at least."""
MOUTH_RIM, MOUTH_INSET = 4, 0.015
"""Pixels of lips from which the mouth's depth is taken, and world units by which it lies behind them."""
SHOULDER_CELLS = 11
"""Cells by which a shoulder that the photo's side cuts goes on."""
COLLAR = 2.0
"""Cells over which clothes rise from bare skin."""
FACE, HAIR, BODY = range(3)
"""Solids that a place's front belongs to."""


@dataclass(frozen=True, eq=False)
class Layers:
    """Depths along the camera's z.

    Attributes:
        mask: [R, C] bool on the lattice: the person, continued beyond the photo's border.
        front, back: [R, C] nearest and farthest depth on the lattice; meaningful inside ``mask``.
        photo_depth: [512, 512] float32 front depth of the photo's pixels.
        has_hair: The head has hair.
        hair_behind: [R, C] bool: hanging hair is the farthest there is.
        cut: Where the bust ends.
    """

    mask: np.ndarray
    front: np.ndarray
    back: np.ndarray
    photo_depth: np.ndarray
    has_hair: bool
    hair_behind: np.ndarray
    cut: Cut


def build_layers(portrait: FittedPortrait, segmentation: Segmentation, lattice: Lattice, body_end: str) -> Layers:
    """Return the person's depth layers.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        lattice: The lattice.
        body_end: "shoulders" or "neck".
    """
    mask = continue_mask(portrait.mask, lattice)
    has_hair = bool((segmentation.parts == Part.HAIR).sum() > HAIR_SHARE * portrait.mask.sum())
    bare = bare_head(portrait, lattice)
    head = hairy_head(portrait, lattice, bare, has_hair)
    face = _face_field(bare, lattice)
    shares = np.stack(
        [
            lattice.shrink(segmentation.is_part(Part.SKIN, Part.EYES, Part.MOUTH)),
            lattice.shrink(segmentation.is_part(Part.HAIR)),
            lattice.shrink(segmentation.is_part(Part.CLOTHES, Part.NECK)),
        ]
    )
    owner = np.where(shares.sum(0) > 0.2, shares.argmax(0), BODY)
    clothes = lattice.shrink(segmentation.is_part(Part.CLOTHES))
    body = body_solid(
        portrait, lattice, mask, blur_inside(clothes / np.maximum(shares[BODY], 1e-3), shares[BODY], COLLAR)
    )
    _, y = lattice.centers()

    hair_front = np.where(head.mask, np.minimum(head.front, face), face)
    back = np.where(head.mask, head.back, -np.inf)
    below_chin = y > portrait.chin_row
    lower = below_chin | (owner == BODY)
    back = np.maximum(back, np.where(lower, body.back, -np.inf))
    hair_behind = np.zeros_like(mask)
    if segmentation.long_hair:
        strands = hanging_hair(owner == HAIR, lattice, head, body)
        hair_front = np.where(head.mask, hair_front, strands.front)
        hair_behind = strands.mask & (strands.back > back)
        back = np.where(hair_behind, strands.back, back)
    over_body = np.where(y > portrait.chin_row - 0.3 * portrait.face_height, body.front - HAIR_OVER_BODY, np.inf)
    hair_front = blur_inside(np.minimum(hair_front, over_body), mask, 1.5)
    # Hair rises from the skin at the hairline instead of standing off it.
    from_skin = ndimage.distance_transform_edt(owner != FACE) * lattice.cell_size
    rise = np.where(y < portrait.chin_row, np.clip(from_skin / HAIRLINE, 0, 1), 1)
    # Beside the face, where skin falls away steeply, hair spans the slope.
    roots = ndimage.minimum_filter(face, footprint=disk(HAIR_SPAN / lattice.cell_size))
    hair_front = roots + (np.minimum(hair_front, roots) - roots) * rise

    fields = (face, hair_front, body.front)
    front = np.choose(owner, fields)
    back = np.where(np.isfinite(back), back, front + THINNEST)
    back = np.maximum(blur_inside(back, mask, 1.5), front + THINNEST)
    photo_depth = _photo_depth(portrait, segmentation, lattice, fields)
    cut = neck_cut(portrait) if body_end == "neck" else shoulder_cut(portrait, photo_depth)
    return Layers(mask, front, back, photo_depth, has_hair, hair_behind, cut)


def _face_field(bare: Solid, lattice: Lattice) -> np.ndarray:
    """Return the face's front depth [R, C], continued beyond its outline by a slope away from the camera."""
    beyond = ndimage.distance_transform_edt(~bare.mask) * lattice.cell_size
    return nearest_fill(bare.front, bare.mask) + JAW_SLOPE * beyond


def continue_mask(mask: np.ndarray, lattice: Lattice) -> np.ndarray:
    """Return the person's mask [R, C], continued below and beside the photo where the photo cuts it.

    Beside the photo the outline goes on at 45 degrees and rounds down, as shoulders do.
    """
    # Single locks are left to the photo's pixels: as volumes they would be sticks.
    result = ndimage.binary_opening(lattice.shrink(mask) > 0.5, iterations=2)
    bottom = np.flatnonzero(result.any(1)).max(initial=0)
    result[bottom + 1 :] = result[bottom]
    columns = result[:, SIDE_CELLS : SIDE_CELLS + PHOTO_CELLS]
    for step in range(1, SHOULDER_CELLS + 1):
        # Falls faster and faster, and upright at the end.
        drop = round(step / np.sqrt(1 - (step / (SHOULDER_CELLS + 1)) ** 2))
        for edge, place in ((columns[:, 0], SIDE_CELLS - step), (columns[:, -1], SIDE_CELLS + PHOTO_CELLS - 1 + step)):
            result[drop:, place] = edge[:-drop]
    return result


def _photo_depth(
    portrait: FittedPortrait, segmentation: Segmentation, lattice: Lattice, fields: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Return the front depth [512, 512] of the photo's pixels, exact where skin shows the fitted head."""
    owner = np.full(portrait.mask.shape, BODY)
    owner[segmentation.is_part(Part.SKIN, Part.EYES, Part.MOUTH)] = FACE
    owner[segmentation.is_part(Part.HAIR)] = HAIR
    depth = np.choose(owner, [lattice.enlarge(field) for field in fields])
    maps = portrait.mesh_maps
    # A beard covers the neck: only where the fitted head itself is in front is it what skin shows.
    depth = np.where((owner == FACE) & np.isin(portrait.region_map, HEAD_REGIONS), maps.depth, depth)
    # What an open mouth shows lies just behind the lips: the model's depth of it is a guess.
    inside = portrait.polygon(MOUTH_OUTLINE) & np.isin(portrait.region_map, (Region.MOUTH, Region.TEETH))
    around = ndimage.binary_dilation(inside, iterations=MOUTH_RIM) & ~inside
    if around.any():
        depth = np.where(inside, blur_inside(depth, around, MOUTH_RIM) + MOUTH_INSET, depth)
    return depth.astype(np.float32)
