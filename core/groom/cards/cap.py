"""The cap under the cards: the scalp once more, a little larger, with hair painted on it where hair grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from ...avatar.base_mesh import BaseMesh
from ...geometry.vectors import unit
from ...head.model import HeadModel, Region, triangulate, vertex_normals
from ..roots import Roots
from .clusters import STEPS, Resampled
from .layout import CAP
from .painting import Picture, spread

LIFT = 0.0012
"""Metres from the skin."""
REACH = 0.012
"""Metres from a root up to which hair around it covers the skin."""
DARKER = 0.72
"""The cap's brightness against the hairs': they shade it."""
FILL = 0.85
"""Share of the cap's picture, from its middle to its edge, that the scalp takes."""
STROKES, STROKE = 12_000, 0.03
"""Hairs that are painted, and their length in metres."""
STREAK = 0.1
"""Standard deviation of their brightness."""


@dataclass(frozen=True, eq=False)
class Cap:
    """V vertices and F faces.

    Attributes:
        vertices: [V, 3] float32 on the face without expression.
        normals: [V, 3] unit normals.
        faces: [F, 4] int32; triangles repeat their last vertex.
        uvs: [V, 2] texture coordinates in the atlas.
        roots: [V] what each vertex hangs on: the mesh's vertex under it.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    roots: Roots


def cap_of(hair: Resampled, base: BaseMesh) -> Cap:
    """Return the cap over the part of the scalp where hair grows.

    Args:
        hair: The head's hair on the face without expression.
        base: The mesh that it grows on.
    """
    model, metre = base.model, base.pose.scale
    near = _near(base.neutral, hair.points[:, 0], REACH * metre)
    scalp = model.in_regions(Region.SCALP)[model.faces].any(1) & ~_ears(model)
    kept = scalp & near[model.faces].any(1)
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
    flat = Plane.of(base)(base.neutral[used])
    places = (flat + 1) / 2 * [inner.right - inner.left, inner.top - inner.bottom] + [inner.left, inner.bottom]
    return Cap(vertices.astype(np.float32), normals, faces, places.astype(np.float32), roots)


def _near(vertices: np.ndarray, places: np.ndarray, reach: float) -> np.ndarray:
    return cKDTree(places).query(vertices, distance_upper_bound=reach)[0] < reach


def _ears(model: HeadModel) -> np.ndarray:
    return model.in_regions(Region.EARS)[model.faces].any(1)


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
    def of(cls, base: BaseMesh) -> Plane:
        """Return that of a mesh's scalp; it is the same for all heads, but for where they are."""
        model, turn = base.model, base.pose.rotation
        scalp = np.unique(model.faces[model.in_regions(Region.SCALP)[model.faces].any(1)])
        center = model.mean[scalp].mean(0) - [0, 0, 0.03]
        out = unit(model.mean[scalp].mean(0) - center + [0, 0.015, 0])
        right = np.array([1.0, 0.0, 0.0])
        frame = np.stack([right, np.cross(out, right), out])
        angles = np.arccos(np.clip(unit(model.mean[scalp] - center) @ out, -1, 1))
        placed = center @ turn.T * base.pose.scale + base.pose.translation
        return cls(placed, frame @ turn.T, float(np.sin(angles.max() / 2)) / FILL)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return where points [..., 3] lie, [..., 2], -1..1."""
        local = unit(points - self.center) @ self.frame.T
        away = np.sqrt(np.maximum(1 - local[..., 2], 0) / 2) / self.reach
        around = local[..., :2] / np.maximum(np.linalg.norm(local[..., :2], axis=-1, keepdims=True), 1e-9)
        return np.clip(around * away[..., None], -1, 1)


def paint_cap(hair: Resampled, base: BaseMesh, side: int, rng: np.random.Generator) -> Picture:
    """Return the cap's picture: strokes along the hair that is near the scalp.

    Args:
        hair: The head's hair on the face without expression.
        base: The mesh that it grows on.
        side: Of the picture in pixels.
        rng: Random numbers.
    """
    metre, plane = base.pose.scale, Plane.of(base)
    begin = rng.integers(0, len(hair.points), STROKES)
    # Hairs around each curve run like it.
    aside = rng.normal(0, REACH / 2 * metre, (STROKES, 1, 3))
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
    # Between strokes that are close together there is hair, too; at the hairline there are the strokes alone.
    alpha = np.clip(np.maximum(painted, 2.5 * gaussian_filter(painted, side / 256)) - 0.1, 0, 1)
    normal = np.zeros((side, side, 3), np.float32)
    normal[..., 2] = 1
    return Picture(np.clip(color, 0, 1), gaussian_filter(alpha, 0.5), normal)
