"""The slopes of the head's sides, where skin and hair meet, as they look when the head is turned.

There the photo sees the surface at a grazing angle: a lock of hair two pixels wide covers a strip
of cheek, and the border between hair and skin becomes a row of teeth. So on slopes the closed
surface, whose borders are smooth, decides on skin and hair, and the photo's colours lose their
fine structure, then give way to the surface's paint, over a wide band.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ...head.model import Region
from ...parts import Part
from ...ramps import smooth_step
from .fields import blur_inside
from .photo_sheet import PhotoSheet
from .portrait import FittedPortrait
from .segmentation import is_bare
from .splats import unit
from .surface import Surface

CELL, SPREAD = 0.02, 1.3
"""World units of a cell in which the surface's vertices are averaged, and over how many cells."""
EMPTY = 1e-4
"""Weight below which a cell knows nothing."""
STEEP, FLAT = 0.1, 0.45
"""Cosine between the surface's normal and the ray up to which a place is all slope, and from which it is none."""
PAINTED, SMOOTHED = -0.1, 0.15
"""The same cosine up to which a slope has the surface's paint, and from which it has the photo's smoothed colour."""
SMOOTHING, RIM = 3.0, 2
"""Pixels over which slopes lose their fine structure, and pixels at the outline that lend no colour."""
FACE_SHARE = 0.5
"""How far the face's own outline gives way at most: it is what the photo is judged by from the front."""
FACE_RIM = (0.15, 0.25)
"""Face heights from the face's outline inwards over which slopes end: the nose is none."""
ASIDE = (45.0, 60.0)
"""Degrees around the head from which, outside the face, pixels become the skin or hair that the surface is."""
EAR_MARGIN = (6.0, 14.0)
"""Pixels from bare ears up to which the photo keeps its colours, and from which ears do not matter."""
NEIGHBORS = 4
"""Vertices of the surface that a pixel takes its paint from."""


@dataclass(frozen=True, eq=False)
class Slopes:
    """What becomes of some of the photo's pixels.

    Attributes:
        place: [512, 512] bool: pixels that lie on slopes, N of them.
        share: [N] 0..1: how far their colours give way.
        colors: [N, 3] what to.
        parts: [N] int8: their parts, with smooth borders between skin and hair.
    """

    place: np.ndarray
    share: np.ndarray
    colors: np.ndarray
    parts: np.ndarray


def find_slopes(
    portrait: FittedPortrait, sheet: PhotoSheet, surface: Surface, parts: np.ndarray, paint: np.ndarray
) -> Slopes:
    """Return what becomes of the photo's skin and hair where it is seen at a grazing angle.

    Args:
        portrait: The portrait.
        sheet: The photo's pixels in space.
        surface: The closed surface.
        parts: [V] part of its vertices.
        paint: [V, 3] colours of its vertices.
    """
    off_ears = _off_ears(portrait, sheet)
    place = np.isin(sheet.parts, (Part.SKIN, Part.NECK, Part.HAIR)) & sheet.used & (off_ears > 0)
    positions, labels = sheet.positions[place], sheet.parts[place]
    hair, facing, known = _at_surface(portrait, surface, parts, positions)
    known = known * off_ears[place]
    inside = (ndimage.distance_transform_edt(portrait.face_oval) / portrait.face_height)[place]
    slope = smooth_step(facing, FLAT, STEEP) * np.interp(inside, FACE_RIM, (1, 0)) * known
    axis = portrait.fit.pose.translation
    azimuth = np.degrees(np.abs(np.arctan2(positions[:, 0] - axis[0], axis[1] - positions[:, 1])))
    aside = np.interp(azimuth, ASIDE, (0, 1)) * (inside == 0) * known

    is_hair = labels == Part.HAIR
    apart = np.minimum(2 * np.abs(is_hair - hair), 1)
    given = slope * np.where(inside > 0, FACE_SHARE, 1)
    share = np.maximum(given * np.where(is_hair, apart, 1), aside * apart)
    turned = (np.maximum(slope, aside) > 0.5) & ((hair > 0.5) != is_hair)
    settled = np.where(turned, np.where(is_hair, Part.SKIN, Part.HAIR), labels)

    chosen = share > 0
    colors = portrait.rgb[place]
    skin = (sheet.parts == Part.SKIN) & place
    core = skin & ndimage.binary_erosion(portrait.mask, iterations=RIM, border_value=1)
    if core.any():
        colors[labels == Part.SKIN] = blur_inside(portrait.rgb, core, SMOOTHING)[skin]
    over = np.maximum(np.interp(facing, (PAINTED, SMOOTHED), (1, 0)), apart)[chosen, None]
    target = _mixed_paint(surface, parts, paint, positions[chosen], labels[chosen], hair[chosen])
    colors[chosen] += (target - colors[chosen]) * over
    return Slopes(place, share.astype(np.float32), colors, settled.astype(np.int8))


def with_parts(sheet: PhotoSheet, slopes: Slopes) -> PhotoSheet:
    """Return the sheet with the parts that its slopes get."""
    parts = sheet.parts.copy()
    parts[slopes.place] = slopes.parts
    return replace(sheet, parts=parts)


def _off_ears(portrait: FittedPortrait, sheet: PhotoSheet) -> np.ndarray:
    """Return 0..1 [512, 512]: 0 on ears and close to bare ones, which have a relief of their own, 1 far from them."""
    ears = (portrait.region_map == Region.EARS) & ~portrait.face_oval
    flesh = np.isin(sheet.parts, (Part.SKIN, Part.NECK))
    bare = [ear for ear in portrait.ear_maps if is_bare(ear, flesh)]
    away = ndimage.distance_transform_edt(~np.logical_or.reduce(bare)) if bare else np.full(ears.shape, np.inf)
    return np.interp(away, EAR_MARGIN, (0, 1)) * ~ears


def _at_surface(
    portrait: FittedPortrait, surface: Surface, parts: np.ndarray, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hair's share of the surface, its cosine with the rays, and whether it is near, each [N], at positions."""
    members = np.isin(parts, (Part.SKIN, Part.NECK, Part.HAIR))
    vertices = surface.vertices[members]
    facing = (surface.normals[members] * unit(portrait.camera.position - vertices)).sum(1)
    low = vertices.min(0) - 4 * CELL
    shape = np.ceil((vertices.max(0) + 4 * CELL - low) / CELL).astype(int) + 1
    index = np.ravel_multi_index(tuple(np.round((vertices - low) / CELL).astype(int).T), shape)
    place = ((positions - low) / CELL).T
    sums = []
    for weights in (parts[members] == Part.HAIR, facing, np.ones(len(vertices))):
        cells = np.bincount(index, weights, shape.prod()).reshape(shape).astype(np.float32)
        cells = ndimage.gaussian_filter(cells, SPREAD, truncate=2.5)
        sums.append(ndimage.map_coordinates(cells, place, order=1))
    total = np.maximum(sums[2], EMPTY)
    return sums[0] / total, sums[1] / total, sums[2] > EMPTY


def _mixed_paint(
    surface: Surface, parts: np.ndarray, paint: np.ndarray, positions: np.ndarray, labels: np.ndarray, hair: np.ndarray
) -> np.ndarray:
    """Return the paint [N, 3] of skin or neck at positions [N, 3], mixed with as much of hair's as its share [N]."""
    colors = np.zeros((len(positions), 3))
    for part, users in ((Part.SKIN, labels != Part.NECK), (Part.NECK, labels == Part.NECK)):
        members = parts == part
        members = members if members.any() else np.isin(parts, (Part.SKIN, Part.NECK))
        if users.any():
            colors[users] = paint_at(positions[users], surface.vertices[members], paint[members])
    members, users = parts == Part.HAIR, hair > 0
    if members.any() and users.any():
        target = paint_at(positions[users], surface.vertices[members], paint[members])
        colors[users] += (target - colors[users]) * hair[users, None]
    return colors


def paint_at(positions: np.ndarray, vertices: np.ndarray, paint: np.ndarray) -> np.ndarray:
    """Return the paint [N, 3] of the vertices nearest to positions [N, 3]."""
    distances, nearest = cKDTree(vertices).query(positions, k=min(NEIGHBORS, len(vertices)))
    distances, nearest = distances.reshape(len(positions), -1), nearest.reshape(len(positions), -1)
    weights = 1 / np.maximum(distances, 1e-6) ** 2
    return (paint[nearest] * weights[..., None]).sum(1) / weights.sum(1, keepdims=True)
