"""Neck and torso with their clothes, as a depth interval along each of the photo's rays.

A torso has no undercuts that matter, so rays tell it well: its middle and its thickness are the fitted body's, its
outline is the photo's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...head.model import Region
from ...splats.parts import Part
from .fields import blur_inside, extend, roundness
from .lattice import Lattice
from .portrait import BODY_REGIONS, HEAD_REGIONS, FittedPortrait
from .segmentation import Segmentation

TORSO_RADIUS = 0.34
"""World units over which shoulders and arms round off towards the outline."""
THINNEST_BODY = 0.25
"""World units; thinner places of the fitted body are its rim."""
STAND_OFF = (-0.012, 0.09)
"""World units by which bare and clothed places stand off the fitted body; bare ones stay under its own skin."""
THINNEST_RIM = 0.04
"""World units of half a thickness at the outline: thinner rims would fall between the voxels."""
TORSO_MARGIN = 0.12
"""World units from the fitted body's outline within which its depth is not trusted."""
CONTINUED = 0.15
"""World units over which depths beyond the fitted body become smooth."""
CLOTHED_SHARE = 0.02
"""Share of the person's pixels from which clothes count as worn."""
COLLAR = 2.0
"""Cells over which clothes rise from bare skin."""


@dataclass(frozen=True, eq=False)
class Torso:
    """A depth interval per cell of the lattice.

    Attributes:
        front, back: [R, C] float32 depths along the camera's z; numbers everywhere.
        mask: [R, C] bool: where the torso is.
        shown: [R, C] bool: where the photo shows it, rather than the fitted head's own neck.
        dressed: Whether clothes are worn.
    """

    front: np.ndarray
    back: np.ndarray
    mask: np.ndarray
    shown: np.ndarray
    dressed: bool


def build_torso(portrait: FittedPortrait, segmentation: Segmentation, lattice: Lattice, outline: np.ndarray) -> Torso:
    """Return neck and torso: the fitted body's middle and thickness, rounded to the photo's outline.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        lattice: The photo's coarse grid of rays.
        outline: [R, C] bool: the whole person, continued beyond the photo.
    """
    worn = segmentation.dress
    dressed = bool(worn.sum() > CLOTHED_SHARE * portrait.mask.sum())
    clothes = lattice.shrink(worn)
    flesh = segmentation.is_part(Part.NECK)
    body = lattice.shrink(worn | flesh)
    clothed = blur_inside(clothes / np.maximum(body, 1e-3), body, COLLAR)
    near, far = lattice.mesh_depths(portrait.vertices, portrait.triangles(BODY_REGIONS))
    # The fitted body ends in an open rim: low down rays meet its front wall alone.
    covered = far - near > THINNEST_BODY
    inner = ndimage.distance_transform_edt(covered) * lattice.cell_size > TORSO_MARGIN
    inner = inner if inner.any() else covered
    sigma = CONTINUED / lattice.cell_size
    everywhere = np.ones_like(outline)
    back = blur_inside(extend(far, inner, sigma), everywhere, 2)
    front_wall = np.isfinite(near) & (back - near > THINNEST_BODY)
    front_wall &= ndimage.distance_transform_edt(front_wall) * lattice.cell_size > TORSO_MARGIN
    front = blur_inside(extend(near, front_wall | inner, sigma), everywhere, 2)
    half = np.maximum(back - front, THINNEST_BODY) / 2 + np.interp(clothed, (0, 1), STAND_OFF)
    middle = (front + back) / 2
    # The bust's lower end is a cut, not an outline: distances run on below the grid.
    depth_mask = np.pad(outline, ((0, outline.shape[0]), (1, 1)), mode="edge")
    rim = ndimage.distance_transform_edt(depth_mask)[: outline.shape[0], 1:-1] * lattice.cell_size
    thickness = np.maximum(half * roundness(rim, TORSO_RADIUS), THINNEST_RIM)
    # Where the photo shows a body that the fitted one does not reach, its own edge would be too thin a rim.
    own = np.isin(portrait.region_map, (*HEAD_REGIONS, Region.NECK))
    shown = lattice.shrink((worn | flesh) & ~own) > 0.3
    # Thin strips along the neck are the fit's error; as volumes they would be lumps.
    shown = ndimage.binary_opening(shown, iterations=2) | (clothes > 0.5)
    return Torso(middle - thickness, middle + thickness, outline & (covered | shown), shown, dressed)
