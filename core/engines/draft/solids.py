"""The three bodies a bust is made of, as depth intervals along the photo's rays.

The head is the fitted head, stretched in the picture so that its outline becomes the
photo's: hair is skull, further out. The torso takes depth from the fitted body and its outline
from the photo. Long hair hangs beside and behind the neck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...head.model import Region
from .fields import blur_inside, extend, nearest_fill, roundness
from .lattice import CELL, Lattice
from .portrait import BODY_REGIONS, HEAD_REGIONS, FittedPortrait

MINIMUM_HAIR = 0.035
"""World units of hair that a head with hair has at least, about 7 mm."""
STRETCH_RANGE = (0.85, 1.6)
STRETCH_SMOOTHING = 5.0
"""Degrees over which the outline's stretch is averaged."""
STRETCH_LIMIT, STRETCH_FADE = 15.0, 25.0
"""Degrees below the horizontal to which the outline widens the head, and over which that fades."""
DEPTH_SHARE = 0.7
"""How much of the hair's thickness in the outline the back of the head gets."""
TORSO_RADIUS = 0.34
"""World units over which shoulders and arms round off towards the outline."""
THINNEST_BODY = 0.25
"""World units; thinner places of the fitted body are its rim."""
CLOTH = (0.05, 0.11)
"""World units by which bare and clothed places stand off the fitted body; under hair and beards it may be either."""
TORSO_MARGIN = 0.12
"""World units from the fitted body's outline within which its depth is not trusted."""
STRAND_RADIUS, STRAND_DEPTH = 0.45, 0.24
"""World units over which hanging hair rounds off, and how far it reaches forward of the ears."""
STRAND_START = 0.25
"""World units over which the strands grow out of the back of the head."""
SHOULDER_DROP = 0.35
"""World units below the nape at which hair that falls from the head meets the back."""
STRAND_OVER_BACK = 0.05
"""World units of hair over the back."""


@dataclass(frozen=True, eq=False)
class Solid:
    """A depth interval per cell of the lattice.

    Attributes:
        front, back: [R, C] float32 depths along the camera's z; numbers everywhere.
        mask: [R, C] bool: where the solid is.
    """

    front: np.ndarray
    back: np.ndarray
    mask: np.ndarray


def bare_head(portrait: FittedPortrait, lattice: Lattice) -> Solid:
    """Return the fitted head without hair and ears; the nape closes it behind the jaw."""
    without_ears = tuple(region for region in HEAD_REGIONS if region != Region.EARS)
    near, _ = lattice.mesh_depths(portrait.vertices, portrait.triangles(without_ears))
    _, far = lattice.mesh_depths(portrait.vertices, portrait.triangles((*without_ears, *BODY_REGIONS)))
    known = np.isfinite(near)
    middle = nearest_fill((near + far) / 2, known)
    return Solid(np.where(known, near, middle), np.where(known, far, middle), known)


def hairy_head(portrait: FittedPortrait, lattice: Lattice, bare: Solid, has_hair: bool) -> Solid:
    """Return the head with its hair: the bare head stretched to the photo's outline."""
    near, far, skull = bare.front, bare.back, bare.mask
    x, y = lattice.centers()
    center = portrait.camera.project(portrait.vertices[portrait.model.in_regions(*HEAD_REGIONS)])[0].mean(0)
    radii = np.hypot(x - center[0], y - center[1])
    angles = np.degrees(np.arctan2(center[1] - y, x - center[0])) % 360

    factors = _outline_stretch(portrait, center)
    factor = factors[np.minimum(angles.astype(int), 359)]
    rows = center[1] + (y - center[1]) / factor
    columns = center[0] + (x - center[0]) / factor
    place = np.stack([rows / CELL - 0.5, columns / CELL - 0.5 + (lattice.camera.cx - lattice.camera.cy)])

    def sample(values: np.ndarray) -> np.ndarray:
        """Return a map of the bare head at the places that the stretch maps here."""
        return ndimage.map_coordinates(values, place, order=1, mode="nearest")

    upper = factors[10:171]
    outline = float(np.median(upper) - 1) * float(np.median(radii[skull & ~ndimage.binary_erosion(skull)]))
    thickness = outline / CELL * lattice.cell_size * DEPTH_SHARE
    thickness = float(np.clip(thickness, MINIMUM_HAIR, 0.25)) if has_hair else max(0.0, thickness * 0.5)
    middle = float((near[skull].min() + far[skull].max()) / 2)
    depth_scale = 1 + thickness / (far[skull].max() - middle)
    front = middle + (sample(near) - middle) * depth_scale
    back = middle + (sample(far) - middle) * depth_scale
    return Solid(front, back, sample(skull.astype(np.float32)) > 0.5)


def _outline_stretch(portrait: FittedPortrait, center: np.ndarray) -> np.ndarray:
    """Return by which factor [360] the photo's outline lies further out than the fitted head's.

    Index: degrees counter-clockwise from the picture's right. Only the upper side counts; below
    the factor fades to 1, for there the jaw is fitted and the shoulders begin.
    """
    mesh = np.isin(portrait.region_map, HEAD_REGIONS)
    person = ndimage.binary_opening(portrait.mask, iterations=2)
    ratio = _radii(person, center) / np.maximum(_radii(mesh, center), 1)
    degrees = np.arange(360)
    depression = np.where(degrees <= 90, -degrees, np.where(degrees < 270, degrees - 180, 360 - degrees)).astype(float)
    trust = np.clip(1 - (depression - STRETCH_LIMIT) / STRETCH_FADE, 0, 1)
    held = nearest_fill(ratio[None], (trust > 0.99)[None])[0]
    factors = 1 + (np.clip(held, *STRETCH_RANGE) - 1) * trust
    return ndimage.gaussian_filter1d(factors, STRETCH_SMOOTHING, mode="wrap")


def _radii(mask: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Return how far [360] a mask reaches from a centre in each direction, in pixels, up to its first real gap."""
    degrees = np.radians(np.arange(360) + 0.5)
    steps = np.arange(0, 2 * mask.shape[0])
    rows = (center[1] - np.sin(degrees)[:, None] * steps).astype(int)
    columns = (center[0] + np.cos(degrees)[:, None] * steps).astype(int)
    inside = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
    hit = inside & mask[np.clip(rows, 0, mask.shape[0] - 1), np.clip(columns, 0, mask.shape[1] - 1)]
    # Gaps of up to 8 pixels, between strands, do not end the head.
    closed = ndimage.binary_closing(np.pad(hit, ((0, 0), (8, 8)), mode="edge"), np.ones((1, 9)))[:, 8:-8]
    return np.where(closed.all(1), len(steps), np.argmin(closed, axis=1)).astype(np.float32)


def body_solid(portrait: FittedPortrait, lattice: Lattice, mask: np.ndarray, clothed: np.ndarray) -> Solid:
    """Return neck and torso: the fitted body's middle and thickness, rounded to the photo's outline.

    Args:
        portrait: The portrait.
        lattice: The lattice.
        mask: [R, C] bool: the whole person, continued beyond the photo.
        clothed: [R, C] 0..1: share of clothes in what the photo shows of neck and torso, a number everywhere.
    """
    near, far = lattice.mesh_depths(portrait.vertices, portrait.triangles(BODY_REGIONS))
    # The fitted body ends in an open rim: low down rays meet its front wall alone.
    covered = far - near > THINNEST_BODY
    inner = ndimage.distance_transform_edt(covered) * lattice.cell_size > TORSO_MARGIN
    inner = inner if inner.any() else covered
    sigma = 0.15 / lattice.cell_size
    everywhere = np.ones_like(mask)
    back = blur_inside(extend(far, inner, sigma), everywhere, 2)
    front_wall = np.isfinite(near) & (back - near > THINNEST_BODY)
    front_wall &= ndimage.distance_transform_edt(front_wall) * lattice.cell_size > TORSO_MARGIN
    front = blur_inside(extend(near, front_wall | inner, sigma), everywhere, 2)
    half = np.maximum(back - front, THINNEST_BODY) / 2 + np.interp(clothed, (0, 1), CLOTH)
    middle = (front + back) / 2
    # The bust's lower end is a cut, not an outline: distances run on below the grid.
    depth_mask = np.pad(mask, ((0, mask.shape[0]), (1, 1)), mode="edge")
    rim = ndimage.distance_transform_edt(depth_mask)[: mask.shape[0], 1:-1] * lattice.cell_size
    thickness = half * roundness(rim, TORSO_RADIUS)
    return Solid(middle - thickness, middle + thickness, mask & covered)


def hanging_hair(hair: np.ndarray, lattice: Lattice, head: Solid, body: Solid) -> Solid:
    """Return hair that hangs below the ears, with the part of it that is hidden behind the neck.

    Args:
        hair: [R, C] bool: cells that show hair.
        lattice: The lattice.
        head: The hairy head.
        body: Neck and torso.
    """
    rows = np.arange(hair.shape[0])
    rearmost = int(np.where(head.mask, head.back, -np.inf).max(1).argmax())
    left, right = np.argmax(hair, axis=1), hair.shape[1] - 1 - np.argmax(hair[:, ::-1], axis=1)
    spans = hair.any(1) & (rows >= rearmost)
    span = spans[:, None] & (np.arange(hair.shape[1]) >= left[:, None]) & (np.arange(hair.shape[1]) <= right[:, None])
    # Above, the strands grow out of the head: only sides and lower end round off.
    rim = np.pad(span[rearmost:], ((rearmost, 1), (1, 1)), mode="edge")[: len(rows) + 1]
    rim = ndimage.distance_transform_edt(np.pad(rim[:, 1:-1], ((0, 0), (1, 1))))[: len(rows), 1:-1] * lattice.cell_size
    shape = roundness(rim, STRAND_RADIUS)

    behind = float(head.back[head.mask].max())
    column = int(np.median(np.nonzero(head.mask)[1]))
    chin = int(np.nonzero(head.mask.any(1))[0].max())
    # From the back of the head hair falls straight to the shoulders, then lies on the back.
    shoulders = min(chin + int(SHOULDER_DROP / lattice.cell_size), len(rows) - 1)
    on_back = body.back[:, column] + STRAND_OVER_BACK
    fall = np.interp(rows, [rearmost, shoulders], [behind, max(behind - 0.1, on_back[shoulders])])
    hang = np.where(rows < shoulders, fall, np.maximum(behind - 0.1, on_back))
    hang = ndimage.gaussian_filter1d(hang, 4.0, mode="nearest")[:, None]
    middle = float(np.median(((head.front + head.back) / 2)[head.mask])) * np.ones_like(rim)
    strand = middle - np.minimum(STRAND_DEPTH, rim) * 0.8
    grown = np.clip((rows - rearmost) * lattice.cell_size / STRAND_START, 0, 1)[:, None]
    skull = np.where(head.mask, head.back, middle)
    return Solid(strand, skull + np.maximum(middle + (hang - middle) * shape - skull, 0) * grown, span)
