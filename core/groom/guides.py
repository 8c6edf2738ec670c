"""Guides all over a head: each has an even share of the scalp, and together they cover the hair's surface."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..hair.grid import FlowGrid
from ..hair.seeds import spread
from ..hair.volume import HairVolume
from .ground import Ground
from .growing import BORDER, STEP, follow, joined, risen

RADII = (0.03, 0.02, 0.012, 0.008)
"""World units around a guide in which it covers the hair's surface: coarse first, then finer."""
ON_SURFACE = 0.6
"""Share of the guides that are there to cover the surface; the others grow from the places on the scalp left over."""
LAYERS, TOP = (0.7, 1.0), 0.95
"""How far up between skin and surface those come, and these."""
HANGING = 0.2
"""World units from the nearest root from which on hair hangs: it may come from anywhere above, and goes on to its
end."""
FURTHER = 0.15
"""Share of the way back to where the flow begins that hair on the head follows at most beyond its nearest root."""
ROOT_REACH = 0.45
"""World units that a root may be away from the hair that grows from it."""
ASIDE, CANDIDATES = 0.15, 24
"""World units from where a guide would have its root to the free place that it gets, at most; places to choose from."""
SEEDS = 5
"""Places on the surface that are looked at for each guide that may begin there."""
LENGTH_PER_THICKNESS, SHORTEST = 5.0, 0.10
"""How much longer hair is than the layer that it makes; world units of the shortest."""
EVEN, LEAST = 0.12, 0.5
"""Standard deviation by which lengths differ, and the shortest length, over the full one."""
ENDS = 0.35
"""Share of that difference which hair that hangs has: where it ends, a photo shows its longest."""


def guide_paths(
    grid: FlowGrid, ground: Ground, volume: HairVolume, places: np.ndarray, sunk: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return guides, each [K, 3] from its root to its tip; about one for each place, those that find no way left out.

    Args:
        grid: The hair's directions.
        ground: The head under it.
        volume: The hair.
        places: [N, 3] spread evenly over the skin where hair grows.
        sunk: World units that guides stay under the hair's surface: the radius of its curls.
        rng: Source of chance.
    """
    free = np.ones(len(places), bool)
    paths: list[np.ndarray] = []
    share = int(ON_SURFACE * len(places) / len(RADII))
    for radius in RADII if len(volume.hair_quads) else ():
        starts = _uncovered(volume, paths, radius, share, rng)
        layers, ends = np.full(len(starts), TOP), rng.uniform(*BORDER, len(starts))
        back, ahead = (follow(grid, ground, starts, layers, ends, sense, sunk) for sense in (-1, 1))
        further = rng.random(len(starts)) * np.where(back.reach[:, 0] > HANGING, 1, FURTHER)
        roots, ways = joined(back, ahead, ground, further, ROOT_REACH)
        taken = _placed(roots, places, free)
        _, normals = ground.heights(places)
        paths += [
            np.concatenate([risen(places[place], normals[place], way), way])
            for place, way in zip(taken, ways, strict=True)
            if place >= 0
        ]
    starts = places[free]
    layers, ends = rng.uniform(*LAYERS, len(starts)), rng.uniform(*BORDER, len(starts))
    grown = follow(grid, ground, starts, layers, ends, 1, sunk)
    shares = np.maximum(1 - EVEN * np.abs(rng.normal(size=len(starts))), LEAST)
    for points, count, reach, part in zip(grown.points, grown.counts, grown.reach, shares, strict=True):
        if count > 2:
            paths.append(_cut(points[:count], reach[:count], part))
    return paths


def _uncovered(
    volume: HairVolume, paths: list[np.ndarray], radius: float, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return at most ``count`` places [N, 3] of the hair's surface that have no path within a radius."""
    corners = volume.hair_quads
    seeds = spread(volume.vertices, corners, np.ones(len(corners)), SEEDS * count, rng)
    places = seeds.interpolate(corners, volume.vertices)
    if paths:
        places = places[cKDTree(np.concatenate(paths)).query(places, distance_upper_bound=radius)[0] > radius]
    return places[np.sort(rng.permutation(len(places))[:count])]


def _placed(wanted: np.ndarray, places: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return for each wanted root [G, 3] the free place [G] that it gets, nearest pairs first; -1 for none near.

    Args:
        wanted: The roots.
        places: [N, 3].
        free: [N] bool; those that are given away become false.
    """
    taken = np.full(len(wanted), -1)
    index = np.flatnonzero(free)
    if not len(index) or not len(wanted):
        return taken
    count = min(CANDIDATES, len(index))
    distances, nearest = cKDTree(places[index]).query(wanted, k=range(1, count + 1))
    for flat in np.argsort(distances, axis=None):
        row, column = divmod(int(flat), count)
        place = index[nearest[row, column]]
        if distances[row, column] > ASIDE:
            break
        if taken[row] < 0 and free[place]:
            taken[row], free[place] = place, False
    return taken


def _cut(points: np.ndarray, reach: np.ndarray, share: float) -> np.ndarray:
    """Return a trail [K, 3] as long as hair is there, times a share."""
    if reach.max() > HANGING:
        return points[: max(int(len(points) * (1 - ENDS * (1 - share))), 3)]
    longest = np.maximum(LENGTH_PER_THICKNESS * np.maximum.accumulate(reach), SHORTEST)
    return points[: max(int((np.arange(len(points)) * STEP < longest * share).sum()), 3)]
