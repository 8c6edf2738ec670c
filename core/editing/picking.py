"""Choosing points by where a view shows them: along a brush stroke, inside a lasso, inside a sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import minimum_filter

HIDING_OPACITY = 0.3
"""From which on a splat hides what is behind it."""
CELL_SPREADS = 2.0
SMALLEST_CELL, LARGEST_CELL = 2.0, 16.0
"""Cells in which the front layer is looked for: in typical standard deviations, and in pixels."""
SLACK_CELLS, SLACK_SPREADS = 4.0, 2.0
"""How far behind the front a splat still belongs to it: in widths of a cell, and in its own standard deviations."""
TOUCH_PIXELS = 12.0
"""Around the mouse within which a splat counts as being under it."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Where a view shows points.

    Attributes:
        places: [N, 2] pixels from the lower left corner, as Blender's regions count; meaningless unless ``ahead``.
        depths: [N] distances before the viewer, along the view.
        pixels: [N] that a unit of length takes at each point.
        ahead: [N] bool, before the viewer and inside the picture.
    """

    places: np.ndarray
    depths: np.ndarray
    pixels: np.ndarray
    ahead: np.ndarray


@dataclass(frozen=True, eq=False)
class View:
    """A perspective or orthographic view.

    Attributes:
        width: In pixels.
        height: In pixels.
        to_eye: [4, 4] from the world to the viewer's space, which looks along -Z, +Y up.
        projection: [4, 4], OpenGL's.
    """

    width: int
    height: int
    to_eye: np.ndarray
    projection: np.ndarray

    def see(self, points: np.ndarray) -> Seen:
        """Return where points [N, 3] of the world are shown."""
        eye = np.asarray(points, np.float64) @ self.to_eye[:3, :3].T + self.to_eye[:3, 3]
        clip = eye @ self.projection[:, :3].T + self.projection[:, 3]
        depths, distances = -eye[:, 2], clip[:, 3]
        ahead = (distances > 0) & (depths > 0)
        size = np.array([self.width, self.height])
        places = (clip[:, :2] / np.where(ahead, distances, 1.0)[:, None] + 1) / 2 * size
        ahead &= ((places >= 0) & (places <= size)).all(axis=1)
        pixels = self.projection[0, 0] * self.width / 2 / np.where(ahead, distances, 1.0)
        return Seen(places, depths, pixels, ahead)

    def point_at(self, place: np.ndarray, depth: float) -> np.ndarray:
        """Return the point [3] of the world that is shown at a place [2] and a depth."""
        inverse = np.linalg.inv(self.projection)
        ndc = np.asarray(place, np.float64) / (self.width, self.height) * 2 - 1
        near, far = (inverse @ (*ndc, z, 1.0) for z in (-1.0, 1.0))
        near, far = near[:3] / near[3], far[:3] / far[3]
        eye = near + (far - near) * ((-depth - near[2]) / (far[2] - near[2]))
        return (np.linalg.inv(self.to_eye) @ (*eye, 1.0))[:3]


def near_path(places: np.ndarray, path: np.ndarray, radius: float) -> np.ndarray:
    """Return the mask [N] of places within a distance of a stroke.

    Args:
        places: [N, 2] pixels.
        path: [K, 2] corners of the stroke, K >= 1.
        radius: In pixels, limit included.
    """
    path = np.asarray(path, np.float64)
    mask = np.zeros(len(places), bool)
    for start, end in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
        close = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1) & ~mask)
        along = end - start
        length = along @ along
        offsets = places[close] - start
        shares = np.clip(offsets @ along / length, 0, 1) if length else np.zeros(len(close))
        gaps = offsets - shares[:, None] * along
        mask[close] = (gaps**2).sum(axis=1) <= radius**2
    return mask


def in_polygon(places: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the mask [N] of places inside a polygon; where it crosses itself, by the even-odd rule.

    Args:
        places: [N, 2] pixels.
        corners: [K, 2], not closed; fewer than three enclose nothing.
    """
    corners = np.asarray(corners, np.float64)
    # From low to high, so that each edge meets a run of them.
    order = np.argsort(places[:, 1], kind="stable")
    xs, ys = places[order].T
    inside = np.zeros(len(places), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        run = slice(*np.searchsorted(ys, sorted((y0, y1))))
        inside[run] ^= xs[run] < x0 + (ys[run] - y0) * (x1 - x0) / (y1 - y0)
    mask = np.empty_like(inside)
    mask[order] = inside
    return mask


def in_sphere(points: np.ndarray, center: np.ndarray, radius: float) -> np.ndarray:
    """Return the mask [N] of points [N, 3] within a distance of a centre [3], limit included."""
    return ((np.asarray(points, np.float64) - center) ** 2).sum(axis=1) <= radius**2


def front_layer(seen: Seen, spreads: np.ndarray, opacities: np.ndarray) -> np.ndarray:
    """Return the mask [N] of splats that a view sees in front, not behind others.

    A coarse picture of the nearest depths decides: in a tenth of a second for 200,000 splats, where
    :func:`core.editing.visibility.visible`, which blends them, takes seconds.

    Args:
        seen: Where they are shown.
        spreads: [N] largest standard deviations, in the world's unit.
        opacities: [N].
    """
    hiding = seen.ahead & (opacities >= HIDING_OPACITY)
    if not hiding.any():
        return seen.ahead.copy()
    typical = float(np.median(spreads[hiding] * seen.pixels[hiding]))
    cell = float(np.clip(CELL_SPREADS * typical, SMALLEST_CELL, LARGEST_CELL))
    columns, rows = np.where(seen.ahead[:, None], seen.places / cell, 0).astype(np.int64).T
    nearest = np.full((rows.max() + 1, columns.max() + 1), np.inf)
    np.minimum.at(nearest, (rows[hiding], columns[hiding]), seen.depths[hiding])
    # Between splats of one surface there are gaps.
    nearest = minimum_filter(nearest, size=3, mode="nearest")
    slack = SLACK_CELLS * cell / seen.pixels + SLACK_SPREADS * spreads
    return seen.ahead & (seen.depths <= nearest[rows, columns] + slack)


def touched(seen: Seen, front: np.ndarray, place: np.ndarray) -> int | None:
    """Return the index of the splat under the mouse; None where there is none.

    Args:
        seen: Where splats are shown.
        front: [N] of :func:`front_layer`.
        place: [2] pixels.
    """
    candidates = np.flatnonzero(front)
    gaps = ((seen.places[candidates] - np.asarray(place, np.float64)) ** 2).sum(axis=1)
    if not len(gaps) or gaps.min() > TOUCH_PIXELS**2:
        return None
    return int(candidates[np.argmin(gaps)])
