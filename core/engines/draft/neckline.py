"""The neckline: where around the neck clothes end, as the photo shows it at the front and as it goes on behind.

Clothes run around the neck. Their edge's height over the neck's base is a function of the angle around the neck: it
is measured where the photo shows clothes beside skin, and goes on straight between the two last places that it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...geometry.ramps import smooth_step
from ...geometry.vectors import unit
from ...splats.parts import Part
from .cut import neck_base, neck_edge
from .portrait import BODY_REGIONS, HEAD_REGIONS, FittedPortrait
from .segmentation import Segmentation

BINS = 72
"""Angles around the neck."""
BESIDE = 2
"""Pixels from skin within which clothes are at their edge."""
UPPER = 70.0
"""Percentile of the heights at one angle: between straps and lapels skin shows lower, too."""
FEWEST = 3
"""Pixels of an edge that tell its height at an angle."""
STRAIGHT, STIFF = 0.02, 0.5
"""Weights of a small slope and of a small curvature between neighbouring angles against one angle's evidence."""
USUAL = 1e-3
"""Weight of the usual height, where nothing is seen."""
FRONT_HEIGHT, NAPE_HEIGHT = 0.01, 0.09
"""World units over the neck's base at which clothes usually end, at the throat and at the nape."""
HIGHEST = 0.3
"""World units over the neck's base that clothes reach behind at most: there hair begins."""

COLLAR_INSET, COLLAR_WIDTH = 3, 9
"""Pixels from skin between which clothes have the collar's colour, free of the skin's."""
COLLAR_HEIGHT = (0.035, 0.055)
"""World units below the edge up to which the collar's colour is all there is, and from which there is nothing of it."""
COLLAR_SPREAD = 2.0
"""Angles over which its colour is averaged."""


@dataclass(frozen=True, eq=False)
class Neckline:
    """The clothes' edge around the neck.

    Attributes:
        origin: [3] the middle of the neck's base.
        axes: [3, 3] rows: to the side, backwards, up along the neck, unit.
        edge: [BINS] height of the edge over the base, world units, by angle; the first is at the back.
        reach: World units from the neck's axis within which the edge lies.
    """

    origin: np.ndarray
    axes: np.ndarray
    edge: np.ndarray
    reach: float

    def locate(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return angle in bins, distance from the neck's axis and height over its base [N] of points [N, 3]."""
        side, back, height = ((points - self.origin) @ self.axes.T).T
        return (np.arctan2(side, back) / (2 * np.pi) % 1) * BINS, np.hypot(side, back), height

    def below(self, points: np.ndarray) -> np.ndarray:
        """Return how far [N] points [N, 3] lie below the clothes' edge; negative above it."""
        angle, _, height = self.locate(points)
        return self.below_edge(angle, height)

    def below_edge(self, angles: np.ndarray, heights: np.ndarray) -> np.ndarray:
        """Return the same [N] of points that were located: by their angles and heights [N]."""
        return around(angles, self.edge) - heights


def around(angles: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return values [BINS] around the neck at angles [N] in bins."""
    return np.interp(angles, np.arange(BINS) + 0.5, values, period=BINS)


def find_neckline(portrait: FittedPortrait, segmentation: Segmentation) -> Neckline:
    """Return the clothes' edge around the neck.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
    """
    ring = neck_edge(portrait)
    origin, up = ring.mean(0), neck_base(portrait).normal
    back = portrait.fit.pose.rotation[:, 1]
    back = unit(back - (back @ up) * up)
    across = ring - origin
    radius = float(np.linalg.norm(across - np.outer(across @ up, up), axis=1).max())
    blank = Neckline(origin, np.stack([np.cross(back, up), back, up]), np.zeros(BINS), radius)

    # Beside the jaw's edge clothes go on behind it.
    skin = segmentation.is_part(Part.NECK, Part.SKIN) & ~np.isin(portrait.region_map, HEAD_REGIONS)
    edge = segmentation.dress & ndimage.binary_dilation(skin, iterations=BESIDE)
    edge &= np.isin(portrait.region_map, BODY_REGIONS)
    _, _, angles, distances, heights = _seen(portrait, edge, blank)
    bins = np.floor(angles).astype(int) % BINS
    counts = np.bincount(bins, minlength=BINS)
    seen = np.flatnonzero(counts >= FEWEST)
    measured = np.zeros(BINS)
    measured[seen] = [np.percentile(heights[bins == k], UPPER) for k in seen]
    turn = (1 + np.cos((np.arange(BINS) + 0.5) / BINS * 2 * np.pi)) / 2
    usual = FRONT_HEIGHT + (NAPE_HEIGHT - FRONT_HEIGHT) * turn
    weight = np.bincount(seen, minlength=BINS)
    next_one = np.roll(np.eye(BINS), 1, axis=1) - np.eye(BINS)
    bent = next_one.T @ next_one
    system = np.diag(weight + USUAL) + STRAIGHT * bent + STIFF * bent @ bent
    line = np.linalg.solve(system, weight * measured + USUAL * usual)
    line = np.where(weight > 0, line, np.minimum(line, HIGHEST))
    outermost = float(np.percentile(distances, 98)) if len(seen) else 0.0
    return Neckline(blank.origin, blank.axes, line, max(radius, outermost))


def paint_collar(
    portrait: FittedPortrait, segmentation: Segmentation, neckline: Neckline, places: np.ndarray, colors: np.ndarray
) -> np.ndarray:
    """Return the colours [N, 3] of clothes, at their edge those that the photo shows beside the neck.

    A shirt's collar runs around the neck, whatever is worn over it.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        neckline: The clothes' edge.
        places: [N, 3] on the clothes.
        colors: [N, 3] sRGB-encoded, of these places.
    """
    away = ndimage.distance_transform_edt(~segmentation.is_part(Part.NECK, Part.SKIN))
    band = segmentation.dress & (away > COLLAR_INSET) & (away < COLLAR_WIDTH)
    rows, columns, angles, distances, heights = _seen(portrait, band, neckline)
    below = around(angles, neckline.edge) - heights
    near = (below < COLLAR_HEIGHT[1]) & (distances < neckline.reach)
    bins = np.floor(angles[near]).astype(int) % BINS
    seen, index = np.unique(bins, return_inverse=True)
    if not len(seen):
        return colors
    shown = portrait.rgb[rows[near], columns[near]]
    collar = np.array([np.median(shown[index == k], axis=0) for k in range(len(seen))])
    collars = np.stack([np.interp(np.arange(BINS), seen, channel, period=BINS) for channel in collar.T], axis=1)
    collars = ndimage.gaussian_filter1d(collars, COLLAR_SPREAD, axis=0, mode="wrap")
    angle, _, _ = neckline.locate(places)
    of_collar = np.stack([around(angle, channel) for channel in collars.T], axis=1)
    return colors + (of_collar - colors) * (1 - smooth_step(neckline.below(places), *COLLAR_HEIGHT))[:, None]


def _seen(portrait: FittedPortrait, pixels: np.ndarray, neckline: Neckline) -> tuple[np.ndarray, ...]:
    """Return row, column, angle, distance from the neck's axis and height [N] of the fitted head at pixels [512, 512]
    that show it.
    """
    rows, columns = np.nonzero(pixels & portrait.mesh_maps.mask)
    at = np.stack([columns, rows], axis=1) + 0.5
    places = portrait.camera.unproject(at, portrait.mesh_maps.depth[rows, columns].astype(np.float64))
    return rows, columns, *neckline.locate(places)
