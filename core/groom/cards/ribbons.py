"""A ribbon along each cluster of curves: as wide as the cluster, facing outwards, finer where it bends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from ...avatar.anatomy import OUTSIDE
from ...avatar.base_mesh import BaseMesh
from ...avatar.closest import closest_on_triangles
from ...geometry.vectors import unit
from ...head.model import vertex_normals
from ..roots import Roots, nearest_roots
from .clusters import STEPS, Resampled

SEGMENTS = (2, 16)
"""Of a ribbon: least and most."""
DEVIATION = 0.0025
"""Metres by which a segment may leave the hair, if there are triangles enough."""
STANDING = 0.25
"""How much a ribbon whose hair stands straight up faces to the front and up, where no side of it is outside."""
SKIN = 0.004
"""Metres from the skin within which outwards is the skin's normal."""
RISE = 0.15
"""Share of a ribbon from its root on which it rises over the cap."""
SPREAD = 2.0
"""Half of a ribbon's width in standard deviations of its hairs' places: most are inside."""
OVERLAP = 0.8
"""Half of a ribbon's least width in distances to its neighbours: above a half, they overlap."""
TAPER = 0.45
"""Share of its width that a ribbon loses to its tip at least."""
SHORT = 0.35
"""Half of a ribbon's most width against its length."""


@dataclass(frozen=True, eq=False)
class Ribbons:
    """N ribbons, at :data:`STEPS` places each.

    Attributes:
        middles: [N, STEPS, 3] their middle lines from root to tip.
        sides: [N, STEPS, 3] unit vectors across.
        normals: [N, STEPS, 3] unit vectors outwards, square to middle line and side.
        halves: [N, STEPS] half of their width.
        lengths: [N].
        roots: Where they grow.
    """

    middles: np.ndarray
    sides: np.ndarray
    normals: np.ndarray
    halves: np.ndarray
    lengths: np.ndarray
    roots: Roots

    def __len__(self) -> int:
        return len(self.middles)


def ribbons_of(hair: Resampled, owners: np.ndarray, base: BaseMesh, clear: np.ndarray) -> Ribbons:
    """Return a ribbon for each cluster.

    Args:
        hair: The curves, on the face without expression.
        owners: [S] the cluster of each, 0..N-1, none empty.
        base: The mesh that they grow on.
        clear: [N] metres from the skin that ribbons keep, but for their roots.
    """
    count = int(owners.max()) + 1
    means = _smooth(mean_of(hair.points, owners, count))
    skin = Skin(base)
    middles = _kept_off(means, clear, skin)
    tangents = unit(np.gradient(middles, axis=1))
    normals = _outwards(middles, tangents, skin)
    # From outside with the root above, the side points to the right: with the normal map's Y to the root.
    sides = unit(np.cross(normals, tangents))
    steps = np.linalg.norm(np.diff(middles, axis=1), axis=2)
    lengths = steps.sum(1)
    scalp = base.model.in_regions(*OUTSIDE)[base.model.faces].all(1)
    roots, _ = nearest_roots(means[:, 0], base.neutral, base.model, scalp)
    halves = _halves(hair, owners, middles, sides, lengths)
    return Ribbons(middles, sides, normals, halves, lengths, roots)


def mean_of(values: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """Return the mean [N, ...] of rows [S, ...] by their owner [S]."""
    flat = values.reshape(len(values), -1)
    sums = np.stack([np.bincount(owners, column, count) for column in flat.T], axis=1)
    return (sums / np.bincount(owners, minlength=count)[:, None]).reshape(count, *values.shape[1:])


def _smooth(middles: np.ndarray) -> np.ndarray:
    """Return middle lines without the waves that are narrower than a ribbon; roots and tips stay."""
    smoothed = gaussian_filter1d(middles, 0.5, axis=1, mode="nearest")
    smoothed[:, [0, -1]] = middles[:, [0, -1]]
    return smoothed


class Skin:
    """What hair hangs over, for places near it.

    Args:
        base: Its mesh.
    """

    def __init__(self, base: BaseMesh) -> None:
        self.pose, self._vertices = base.pose, base.neutral
        self._triangles = base.triangles[base.model.in_regions(*OUTSIDE)[base.triangles].all(1)]
        self._normals = vertex_normals(base.neutral, self._triangles)

    def near(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return unit normals of the skin nearest to points [..., 3], and the ways from there, both [..., 3]."""
        flat = points.reshape(-1, 3)
        triangle, weights, _ = closest_on_triangles(flat, self._vertices, self._triangles)
        corners = self._triangles[triangle]
        normals = unit(np.einsum("pk,pkc->pc", weights, self._normals[corners]))
        ways = flat - np.einsum("pk,pkc->pc", weights, self._vertices[corners])
        return normals.reshape(points.shape), ways.reshape(points.shape)


def _kept_off(middles: np.ndarray, clear: np.ndarray, skin: Skin) -> np.ndarray:
    """Return middle lines that keep off the skin, where the cap lies, but for their roots."""
    normals, ways = skin.near(middles)
    off = clear[:, None] * skin.pose.scale * np.clip(np.linspace(0, 1, STEPS) / RISE, 0, 1)
    lift = np.maximum(off - (normals * ways).sum(-1), 0)
    return middles + gaussian_filter1d(lift, 1.0, axis=1, mode="nearest")[..., None] * normals


def _outwards(middles: np.ndarray, tangents: np.ndarray, skin: Skin) -> np.ndarray:
    """Return unit normals [N, STEPS, 3] square to the tangents."""
    normal, way = skin.near(middles)
    outside = (way * normal).sum(-1, keepdims=True) > 0
    outwards = unit(normal * SKIN * skin.pose.scale + way * outside)
    front = np.array([0.0, -0.4, 1.0]) @ skin.pose.rotation.T
    square = _square(outwards, tangents) + STANDING * _square(np.broadcast_to(unit(front), tangents.shape), tangents)
    smoothed = gaussian_filter1d(square, 2.4, axis=1, mode="nearest")
    return unit(_square(smoothed, tangents))


def _square(vectors: np.ndarray, tangents: np.ndarray) -> np.ndarray:
    """Return what vectors have square to tangents."""
    return vectors - (vectors * tangents).sum(-1, keepdims=True) * tangents


def _halves(
    hair: Resampled, owners: np.ndarray, middles: np.ndarray, sides: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Return half widths [N, STEPS]."""
    count = len(middles)
    across = ((hair.points - middles[owners]) * sides[owners]).sum(2)
    spread = SPREAD * np.sqrt(mean_of(across**2, owners, count))
    # Between few curves there is as much hair as between many.
    if count > 3:
        apart = cKDTree(middles[:, 0]).query(middles[:, 0], 4)[0][:, 1:].mean(1)
    else:
        apart = lengths / 4
    along = np.linspace(0, 1, STEPS)
    least = OVERLAP * np.clip(apart, None, 2 * np.median(apart))[:, None]
    halves = np.maximum(spread, least) * (1 - TAPER * along**2)
    halves = np.minimum(halves, SHORT * lengths[:, None])
    return gaussian_filter1d(halves, 3.0, axis=1, mode="nearest")


def wanted_segments(middles: np.ndarray, metre: float) -> np.ndarray:
    """Return how many segments [N] follow lines [N, STEPS, 3] to within :data:`DEVIATION`.

    A segment of one n-th of a line of length l, which turns by t radians in all, leaves it by l t / 8 n².

    Args:
        middles: The lines.
        metre: A metre's length.
    """
    steps = np.diff(_smooth(middles), axis=1)
    turns = np.linalg.norm(np.diff(unit(steps), axis=1), axis=2).sum(1)
    return np.sqrt(np.linalg.norm(steps, axis=2).sum(1) * turns / (8 * DEVIATION * metre))


def segments_of(ribbons: Ribbons, budget: int, metre: float) -> np.ndarray:
    """Return how many segments [N] each ribbon gets, their sum at most ``budget``: all leave their line about as far.

    Args:
        ribbons: The ribbons.
        budget: At least the least number for each.
        metre: A metre's length.
    """
    wanted = wanted_segments(ribbons.middles, metre)
    low, high = 0.0, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        fits = _rounded(wanted * middle).sum() <= budget
        low, high = (middle, high) if fits else (low, middle)
    return _rounded(wanted * low)


def _rounded(wanted: np.ndarray) -> np.ndarray:
    return np.clip(np.round(np.minimum(wanted, SEGMENTS[1])).astype(int), *SEGMENTS)


def places_of(ribbons: Ribbons, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the ribbons' rows of vertices lie: the ribbon [R] of each row, and how far along it [R], 0..1.

    Rows stand closer where a ribbon bends.
    """
    steps = np.diff(ribbons.middles, axis=1)
    turns = np.linalg.norm(np.diff(unit(steps), axis=1), axis=2)
    turns = np.pad(turns, ((0, 0), (1, 1)), mode="edge")
    weight = 1 + 4 * (turns[:, 1:] + turns[:, :-1]) / 2
    way = np.concatenate([np.zeros((len(ribbons), 1)), np.cumsum(weight, axis=1)], axis=1)
    way /= way[:, -1:]
    owners = np.repeat(np.arange(len(ribbons)), segments + 1)
    first = np.cumsum(segments + 1) - (segments + 1)
    share = (np.arange(len(owners)) - first[owners]) / segments[owners]
    # Ways rise from 0 to 1 in each row: with the row's number added they rise all through.
    keys = (way + np.arange(len(ribbons))[:, None] * 2).ravel()
    values = (np.linspace(0, 1, STEPS) + np.arange(len(ribbons))[:, None] * 2).ravel()
    return owners, np.interp(share + owners * 2, keys, values) - owners * 2


def at(values: np.ndarray, owners: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Return values [N, STEPS, ...] of ribbons at places of :func:`places_of`."""
    place = np.clip(along, 0, 1) * (STEPS - 1)
    before = np.minimum(place.astype(int), STEPS - 2)
    share = (place - before).reshape(-1, *[1] * (values.ndim - 2))
    return values[owners, before] * (1 - share) + values[owners, before + 1] * share
