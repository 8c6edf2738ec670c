"""Where the bust ends: a plane below the shoulders or through the neck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.vectors import unit
from ...head.model import Region
from .portrait import FittedPortrait

CONTINUED_ROWS = 72
"""Pixels by which the bust goes on below a photo that cuts it: from the side the camera sees lower."""
NECK_SHARE = 0.3
"""Height of the cut over the neck's lower edge, as a share of the neck's height."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A half space that is kept.

    Attributes:
        normal: [3] unit, towards what is kept.
        offset: Distance of the plane from the origin along the normal, world units.
    """

    normal: np.ndarray
    offset: float

    def heights(self, positions: np.ndarray) -> np.ndarray:
        """Return how far [...] positions [..., 3] lie inside what is kept; negative is cut away."""
        return positions @ self.normal - self.offset


def shoulder_cut(portrait: FittedPortrait) -> Cut:
    """Return the level cut where the photo ends, or some way below when the photo cuts the person."""
    mask = portrait.mask
    last = int(np.flatnonzero(mask.any(1)).max())
    touches = last >= mask.shape[0] - 2
    row = mask.shape[0] + CONTINUED_ROWS if touches else last + 1
    depth = float(np.linalg.norm(portrait.camera.position))
    height = portrait.camera.unproject(np.array([[0.0, row]]), np.array([depth]))[0, 2]
    return Cut(np.array([0.0, 0.0, 1.0]), float(height))


def neck_base(portrait: FittedPortrait) -> Cut:
    """Return the plane along the fitted neck's lower edge; kept is the head."""
    edge = neck_edge(portrait)
    # The plane through a ring is square to its direction of least spread.
    normal = np.linalg.svd(edge - edge.mean(0))[2][2]
    normal *= np.sign(normal[2])
    return Cut(normal, float(edge.mean(0) @ normal))


def neck_cut(portrait: FittedPortrait) -> Cut:
    """Return the cut through the lower neck, along the fitted neck's lower edge."""
    base, edge = neck_base(portrait), neck_edge(portrait)
    # The edge slopes from nape to collarbones; halfway to level keeps the chest out.
    normal = unit(base.normal + np.array([0.0, 0.0, 1.0]))
    heights = portrait.vertices[portrait.model.in_regions(Region.NECK)] @ normal
    lowest = float(edge.mean(0) @ normal)
    return Cut(normal, lowest + NECK_SHARE * (float(np.percentile(heights, 95)) - lowest))


def neck_edge(portrait: FittedPortrait) -> np.ndarray:
    """Return the vertices [N, 3] where the fitted neck meets the torso."""
    model, triangles = portrait.model, portrait.model.triangles
    neck, torso = model.in_regions(Region.NECK), model.in_regions(Region.TORSO)
    border = np.unique(triangles[neck[triangles].any(1) & torso[triangles].any(1)])
    return portrait.vertices[border].astype(np.float64)
