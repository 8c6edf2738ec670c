"""The photo's pixels in head space: where each lies, and which of them become Gaussians of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...cameras import RIG_HALF_WIDTH, RIG_SIZE
from ...head.mesh_raster import rasterize_mesh
from ...head.model import Region, triangulate
from ...photo.landmarks import MOUTH_OUTLINE
from ...splats.parts import Part
from .fields import blur_inside, nearest_fill, rim_distance
from .hanging import behind_ears
from .photo_sheet import PhotoSheet
from .portrait import HEAD_REGIONS, FittedPortrait
from .segmentation import Segmentation
from .surface import Surface

FLESH = (Part.SKIN, Part.NECK, Part.EYES, Part.MOUTH)
"""Parts that the fitted head shows."""
SKIN_REGIONS = (*HEAD_REGIONS, Region.NECK)
"""The fitted head as far as it is seen; the torso is the cover's."""
MOUTH_RIM, MOUTH_INSET = 4, 0.015
"""Pixels of lips from which the mouth's depth is taken, and world units by which it lies behind them."""
COVER_BLUR = 1.5
"""Pixels over which the depth of hair and clothes is averaged: the voxels' steps must not show."""
PIXEL = 2 * RIG_HALF_WIDTH / RIG_SIZE
"""World size of the photo's pixels at the head's distance."""
HAIRLINE = 0.1
"""World units from the hairline over which hair rises to its full thickness."""
OUTLINE_RIM = 12
"""Pixels inside the person's outline where skin turns away from the camera; elsewhere hair or cloth hides its edge."""
SEAM, STEP = 8, 0.06
"""Pixels beside the border of neck and torso over which they are joined, and world units of a step that is none."""
MET = 2
"""Pixels beyond the fitted head's outline up to which it meets the photo's."""
GRAZING = 0.45
"""Cosine between normal and ray below which skin's pixels near the outline are stretched along the slope: from the side
they are ripples, and the head's own surface shows their colours smoothly."""
STRETCHED = 0.12
"""Cosine below which even the face's pixels are left out: from the side they would be rows of dots."""
HAIR_GRAZING, HAIR_EDGE = 0.25, 3
"""Cosine below which hair's pixels near the outline give way to strands, and pixels of its soft edge, which stay."""
TURNING = 1.5
"""World units of depth for one across from which hair rises less from the head's surface, and twice as much: not."""
STEP_SLOPE = 3.5
"""World units of depth for one across from which what covers the person is a step: a cosine of about 0.27."""
FRAGMENT = 5
"""Pixels across below which what is left of the photo around an ear is a fleck on it."""


@dataclass(frozen=True, eq=False)
class Front:
    """What the photo's pixels show.

    Attributes:
        depth: [512, 512] float32 depth along the camera's z; numbers everywhere.
        on_head: [512, 512] bool: pixels that show the fitted head's own skin.
        on_cover: [512, 512] bool: pixels whose ray meets the cover.
    """

    depth: np.ndarray
    on_head: np.ndarray
    on_cover: np.ndarray


def find_front(portrait: FittedPortrait, segmentation: Segmentation, cover: Surface) -> Front:
    """Return where the photo's pixels lie: skin on the fitted head, the rest on the cover."""
    seen = rasterize_mesh(portrait.camera, cover.vertices, triangulate(cover.quads))
    # A beard covers the neck: only where the head itself is in front is it what the photo shows there.
    regions = portrait.region_map
    shows = np.isin(regions, HEAD_REGIONS) | ((regions == Region.NECK) & ~segmentation.beard)
    on_head = shows & np.isin(segmentation.parts, FLESH)
    known = on_head | seen.mask
    depth = np.where(on_head, portrait.mesh_maps.depth, np.where(seen.mask, seen.depth, 0))
    sources = known & portrait.mask
    depth = np.where(known, depth, nearest_fill(depth, sources if sources.any() else known))
    # What is worn at the neck lies before it, and goes on behind the jaw.
    dress, neck = segmentation.dress, segmentation.dress & (regions == Region.NECK)
    depth = np.where(neck, np.minimum(depth, portrait.mesh_maps.depth), depth)
    placed = dress & (neck | seen.mask)
    if placed.any():
        depth = np.where(dress & ~placed, nearest_fill(depth, placed), depth)
    if segmentation.nape is not None:
        # Often too thin for the cover: it lies behind the jaw that it shows beside.
        behind = behind_ears(portrait)
        depth = np.where(segmentation.nape, np.maximum(depth, behind), depth)
    covered = portrait.mask & ~on_head
    for near in (covered & ~segmentation.behind, segmentation.behind):
        # Between what lies before and what lies behind there is a step, and nothing.
        depth = np.where(near, blur_inside(depth, near, COVER_BLUR, near), depth)
    inner = portrait.inwards >= OUTLINE_RIM
    depth = parted(depth, covered, inner | ~segmentation.is_part(Part.HAIR))
    # Hair rises from the skin at the hairline instead of standing off it.
    away = ndimage.distance_transform_edt(~on_head) * PIXEL / HAIRLINE
    # Hair before an ear hides it: it lies where it falls, not on the ear's far deeper skin.
    ground = np.isin(regions, HEAD_REGIONS) & (regions != Region.EARS)
    over = segmentation.on_head & ~on_head & ~dress & ground & (away < 1)
    # Where the head itself turns away, hair is what hides its edge.
    steepness = np.hypot(*np.gradient(np.where(regions >= 0, portrait.mesh_maps.depth, 0)))[over] / PIXEL
    flat = 1 - np.clip(steepness / TURNING - 1, 0, 1)
    depth[over] += (portrait.mesh_maps.depth[over] - depth[over]) * (1 - away[over]) * flat
    # The fitted neck ends in teeth of single quads: what it and the torso have in common becomes one surface.
    throat = portrait.mask & np.isin(segmentation.parts, (Part.SKIN, Part.NECK)) & ~portrait.face_oval
    seam = ndimage.binary_dilation(throat & on_head, iterations=SEAM) & ndimage.binary_dilation(
        throat & ~on_head & ~segmentation.beard, iterations=SEAM
    )
    joined = blur_inside(depth, throat, SEAM / 2, throat)
    depth = np.where(throat & seam & (np.abs(joined - depth) < STEP), joined, depth)
    # What an open mouth shows lies just behind the lips: the model's depth of it is a guess.
    inside = portrait.polygon(MOUTH_OUTLINE) & np.isin(regions, (Region.MOUTH, Region.TEETH))
    around = ndimage.binary_dilation(inside, iterations=MOUTH_RIM) & ~inside
    if around.any():
        depth = np.where(inside, blur_inside(depth, around, MOUTH_RIM, inside) + MOUTH_INSET, depth)
    return Front(depth.astype(np.float32), on_head, seen.mask)


def parted(depth: np.ndarray, covered: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the depth [512, 512] of what covers the person, with steps where one lock of hair lies before another,
    or a collar beside the neck.

    A slope between them would be rows of dots from the side.

    Args:
        depth: [512, 512] along the camera's z.
        covered: [512, 512] bool: what covers the person.
        place: [512, 512] bool: where steps may be; at the person's outline, hair turns away.
    """
    steep = covered & (np.hypot(*np.gradient(depth)) > STEP_SLOPE * PIXEL)
    even = covered & ~steep
    return np.where(steep & place, nearest_fill(depth, even), depth) if even.any() else depth


def outline_pixels(
    portrait: FittedPortrait, segmentation: Segmentation, front: Front, sheet: PhotoSheet
) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels [512, 512] bool would be smears from the side.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        front: What the photo's pixels show.
        sheet: The pixels in space.

    Returns:
        Those that the fitted head's own surface shows better: ears, and skin that turns away; and those that face the
        camera: of skin beyond the fitted head's outline, which nothing else shows.
    """
    flesh = np.isin(sheet.parts, (Part.SKIN, Part.NECK))
    inwards = rim_distance(portrait.mask & ~segmentation.behind)
    rim = inwards < OUTLINE_RIM
    beyond = flesh & ~front.on_head & ~segmentation.beard & ~front.on_cover & ~portrait.on_torso
    far = beyond & (ndimage.distance_transform_edt(~front.on_head) > MET)
    slanted = flesh & front.on_head & (sheet.facing < GRAZING)
    given_up = (portrait.around_ears & flesh) | (rim & (slanted | (beyond & ~far)))
    rest = sheet.used & ~given_up
    flecks = rest & ~ndimage.binary_opening(rest, np.ones((FRAGMENT, FRAGMENT)))
    given_up |= flecks & ndimage.binary_dilation(portrait.around_ears, iterations=FRAGMENT)
    given_up |= (sheet.parts == Part.HAIR) & rim & (inwards > HAIR_EDGE) & (sheet.facing < HAIR_GRAZING)
    # The face itself is looked at closely from the front, and keeps every pixel that can be kept.
    kept = portrait.face_oval & (sheet.facing >= STRETCHED)
    return given_up & ~kept, (given_up & kept) | (rim & far)
