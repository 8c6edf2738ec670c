"""The cap under the cards: the scalp once more, a little larger, with hair painted on it where hair grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from ...avatar.base_mesh import BaseMesh
from ...geometry.vectors import unit
from ...head.model import Region, triangulate, vertex_normals
from ..roots import Roots
from .clusters import STEPS, Resampled
from .layout import CAP
from .painting import Picture, spread

LIFT = 0.0008
"""Metres from the skin."""
REACH = 0.012
"""Metres from a root up to which hair around it covers the skin."""
DARKER = 0.72
"""The cap's brightness against the hairs': they shade it."""
FILL = 0.97
"""Share of the cap's picture, from its middle to its edge, that the cap takes."""
BELOW = 0.03
"""Metres below the scalp's mean from where it is seen."""
SKIN = (Region.SCALP, Region.FACE, Region.NECK)
"""Where the cap may lie."""
STROKES, STROKE = 12_000, 0.03
"""Hairs that are painted, and their length in metres."""
STREAK = 0.1
"""Standard deviation of their brightness."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The scalp laid flat (Lambert's azimuthal equal-area projection), seen from outside.

    Attributes:
        center: [3] the head's middle.
        frame: [3, 3] unit vectors (rows): to the right and up in the picture, and out of its middle.
        reach: Sine of half the angle from the middle that lies at 1.
    """

    center: np.ndarray
    frame: np.ndarray
    reach: float

    @classmethod
    def of(cls, base: BaseMesh, points: np.ndarray) -> Plane:
        """Return the one that shows points [P, 3] on a head as large as can be."""
        turn, scalp = base.pose.rotation, base.model.mean[base.model.in_regions(Region.SCALP)]
        center = base.pose.apply(scalp.mean(0) - [0, 0, BELOW])
        out = unit(unit(points - center).mean(0))
        right = unit(turn[:, 0] - (turn[:, 0] @ out) * out)
        away = 1 - unit(points - center) @ out
        return cls(center, np.stack([right, np.cross(out, right), out]), float(np.sqrt(away.max() / 2)) / FILL)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return where points [..., 3] lie, [..., 2], -1..1."""
        local = unit(points - self.center) @ self.frame.T
        away = np.sqrt(np.maximum(1 - local[..., 2], 0) / 2) / self.reach
        around = local[..., :2] / np.maximum(np.linalg.norm(local[..., :2], axis=-1, keepdims=True), 1e-9)
        return np.clip(around * away[..., None], -1, 1)


@dataclass(frozen=True, eq=False)
class Cap:
    """V vertices and F faces.

    Attributes:
        vertices: [V, 3] float32 on the face without expression.
        normals: [V, 3] unit normals.
        faces: [F, 4] int32; triangles repeat their last vertex.
        uvs: [V, 2] texture coordinates in the atlas.
        roots: [V] what each vertex hangs on: the mesh's vertex under it.
        plane: Where on the picture it lies.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    roots: Roots
    plane: Plane


def cap_of(hair: Resampled, base: BaseMesh) -> Cap:
    """Return the cap over where hair grows.

    Args:
        hair: The head's hair on the face without expression.
        base: The mesh that it grows on.
    """
    model, metre = base.model, base.pose.scale
    near = _near(base.neutral, hair.points[:, 0], REACH * metre)
    kept = near[model.faces].any(1) & model.in_regions(*SKIN)[model.faces].all(1)
    if base.kept is not None:
        kept &= base.kept
    used, corners = np.unique(model.faces[kept], return_inverse=True)
    faces = corners.reshape(-1, 4).astype(np.int32)
    normals = vertex_normals(base.neutral, base.triangles)[used]
    vertices = base.neutral[used] + LIFT * metre * normals
    # A triangle of each vertex, with all of the weight on that vertex.
    triangles = triangulate(model.faces[kept])
    _, first = np.unique(triangles, return_index=True)
    holder, place = np.divmod(first, 3)
    weights = np.eye(3, dtype=np.float32)[place]
    uvs = np.zeros((len(model.mean), 2), np.float32)
    uvs[model.faces] = model.uvs[model.face_uvs]
    roots = Roots(triangles[holder], weights, uvs[used])
    inner = CAP.inner
    plane = Plane.of(base, base.neutral[used])
    flat = plane(base.neutral[used])
    places = (flat + 1) / 2 * [inner.right - inner.left, inner.top - inner.bottom] + [inner.left, inner.bottom]
    return Cap(vertices.astype(np.float32), normals, faces, places.astype(np.float32), roots, plane)


def _near(vertices: np.ndarray, places: np.ndarray, reach: float) -> np.ndarray:
    return cKDTree(places).query(vertices, distance_upper_bound=reach)[0] < reach


def paint_cap(plane: Plane, hair: Resampled, metre: float, side: int, rng: np.random.Generator) -> Picture:
    """Return the cap's picture: strokes along the hair that is near the scalp.

    Args:
        plane: The cap's.
        hair: The head's hair on the face without expression.
        metre: A metre's length.
        side: Of the picture in pixels.
        rng: Random numbers.
    """
    begin = rng.integers(0, len(hair.points), STROKES)
    # Hairs around each curve run like it, up to the next ones.
    apart = cKDTree(hair.points[:, 0]).query(hair.points[:, 0], min(2, len(hair.points)))[0].reshape(-1, 2)[:, -1]
    aside = rng.normal(0, np.clip(0.6 * apart[begin], 0, REACH / 3 * metre)[:, None, None], (STROKES, 1, 3))
    share = np.minimum(STROKE * metre / np.maximum(hair.lengths[begin], 1e-9), 1)
    samples = max(8, side // 16)
    place = share[:, None] * np.linspace(0, 1, samples) * (STEPS - 1)
    before = np.minimum(place.astype(int), STEPS - 2)
    part = (place - before)[..., None]
    points = hair.points[begin[:, None], before] * (1 - part) + hair.points[begin[:, None], before + 1] * part
    tone = hair.colors[begin, 0] * DARKER * (1 + STREAK * rng.standard_normal((STROKES, 1)))
    inner = CAP.inner
    scale = (inner.right - inner.left) / (CAP.right - CAP.left)
    flat = (plane(points + aside) * scale + 1) / 2 * side
    column, row = (flat[..., 0]).astype(int), (side - flat[..., 1]).astype(int)
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    index = (row * side + column)[inside]
    weight = np.bincount(index, minlength=side * side).reshape(side, side).astype(np.float32)
    tones = np.broadcast_to(tone[:, None], (*column.shape, 3))[inside]
    summed = np.stack([np.bincount(index, tones[:, axis], side * side) for axis in range(3)], axis=1)
    color = (summed.reshape(side, side, 3) / np.maximum(weight, 1)[..., None]).astype(np.float32)
    painted = (weight > 0).astype(np.float32)
    color = spread(color, painted, tone.mean(0))
    # Where much grows, there is hair between strokes, too; at the hairline there are strokes alone, and where hair only
    # hangs over the skin there are none.
    grown = np.bincount((row * side + column)[:, 0][inside[:, 0]], minlength=side * side).reshape(side, side)
    near = gaussian_filter(grown.astype(np.float32), side / 100)
    near = near / max(float(np.quantile(near[grown > 0], 0.25)), 1e-9)
    alpha = np.maximum(painted * np.clip(4 * near - 0.2, 0, 1), np.clip(2 * near - 0.6, 0, 1))
    normal = np.zeros((side, side, 3), np.float32)
    normal[..., 2] = 1
    return Picture(np.clip(color, 0, 1), gaussian_filter(alpha, 0.5), normal)
