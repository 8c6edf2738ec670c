"""Trails along the hair: forward from roots into it, backward from its surface to the roots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.vectors import unit
from ..hair.grid import FlowGrid
from ..hair.tracing import LOST
from ..hair.volume import HAIRY, along_surface
from .ground import Ground

STEP = 0.022
"""World units (about 5 mm) between points."""
MOST_STEPS = 70
"""As long as hair of a bust gets."""
DEEPEST = 0.08
"""World units under the hair's surface down to which guides run."""
RISE, STEEPEST = 0.10, 1.0
"""World units over which a hair comes up to its layer by two thirds; the steepest slope at which it does."""
CLEARANCE = 0.004
"""World units (a little under 1 mm) that hair stays above the skin."""
GRACE = 4
"""Steps within which a root at hair's border must have come into the hair."""
BORDER = (0.2, 0.5)
"""Hairiness at which guides end, each at its own."""
NEAREST = 1.15
"""Distance to a root over the least that a trail has, up to which it could have its root there."""
RISE_LENGTH, LEAVING = 1.5, 0.7
"""Length over height of the rise from a root; slope with which a hair leaves the skin."""
STIFFNESS = 0.3
"""Weight of a guide's own heading against the hair's direction."""


@dataclass(frozen=True, eq=False)
class Trails:
    """S trails of up to K points.

    Attributes:
        points: [S, K, 3] world; what follows a trail's end repeats it.
        counts: [S] points of each.
        reach: [S, K] world units from the nearest place where hair may grow; 0 after a trail's end.
    """

    points: np.ndarray
    counts: np.ndarray
    reach: np.ndarray


def follow(
    grid: FlowGrid,
    ground: Ground,
    starts: np.ndarray,
    layers: np.ndarray,
    ends: np.ndarray,
    sense: int,
    sunk: float = 0.0,
) -> Trails:
    """Follow the hair from places on.

    Args:
        grid: The hair's directions.
        ground: The head under it.
        starts: [S, 3] where trails begin.
        layers: [S] 0..1: how far up between skin and the hair's surface each comes, and stays.
        ends: [S] hairiness under which each ends.
        sense: 1 to go to the tips, -1 to the roots.
        sunk: World units that trails stay further down, where there is twice as much hair: what curls needs room.
    """
    point = starts.astype(np.float64)
    heading: np.ndarray = np.zeros_like(point)
    alive, entered = np.ones(len(point), bool), np.zeros(len(point), bool)
    counts = np.ones(len(point), np.int64)
    rows = [point.copy()]
    for step in range(MOST_STEPS):
        index = np.flatnonzero(alive)
        if not len(index):
            break
        here = point[index]
        place = grid.look_up(here)
        above, upwards = ground.heights(here)
        room = np.maximum(above - place.height, 1e-3)
        depth = (1 - layers[index]) * np.minimum(room, DEEPEST) + np.minimum(sunk, room / 2)
        # Hair leaves the skin along the flow, and comes up into its layer by and by.
        rise = np.clip((-place.height - depth) / RISE, -STEEPEST, STEEPEST)
        tangent = along_surface(place.tangent, place.normal)
        sure = (place.tangent * place.tangent).sum(1) > LOST**2
        ahead = unit(sense * tangent + rise[:, None] * place.normal)
        before = heading[index]
        sure &= (sense * (tangent * before).sum(1) > -0.3) if step else True
        ahead = unit(ahead + STIFFNESS * before)
        moved = here + STEP * ahead
        low = np.maximum(CLEARANCE - ((moved - here) * upwards).sum(1) - above, 0)
        moved += low[:, None] * upwards
        entered[index] |= place.hairiness >= HAIRY
        hairy = np.where(entered[index], place.hairiness >= ends[index], step < GRACE)
        # A step out of the hair is none.
        counts[index[~hairy]] -= 1
        goes = sure & hairy
        heading[index] = ahead
        point[index[goes]] = moved[goes]
        alive[index[~goes]] = False
        counts[index[goes]] += 1
        rows.append(point.copy())
    points = np.stack(rows, axis=1)
    counts = np.where(entered, np.maximum(counts, 1), 1)
    there = np.arange(points.shape[1]) < counts[:, None]
    reach = np.zeros(there.shape)
    reach[there] = ground.to_roots(points[there])
    return Trails(points, counts, reach)


def joined(
    back: Trails, ahead: Trails, ground: Ground, further: np.ndarray, most: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return where guides that began on the hair's surface would have their roots, and their way on from there.

    Args:
        back: The trails from the surface to the roots.
        ahead: Those to the tips.
        ground: The head under the hair.
        further: [S] 0..1: how far each follows the hair on where it could already have had its root.
        most: World units that a root may be away from the hair that grows from it.

    Returns:
        roots: [G, 3] of those that find one.
        paths: Of each the points [K, 3] from where it is in its layer to its tip.
    """
    there = np.arange(back.points.shape[1]) < back.counts[:, None]
    reach = np.where(there, back.reach, np.inf)
    nearest = reach.min(1)
    first = (reach <= nearest[:, None] * NEAREST + STEP / 2).argmax(1)
    last = back.counts - 1
    rows = np.arange(len(back.points))
    # A hair comes up over somewhat more than its layer is high: the trail gives way to the rise from there on.
    rise = np.ceil(RISE_LENGTH * reach[rows, first] / STEP).astype(np.int64)
    begin = np.minimum(first + rise + (further * np.maximum(last - first - rise, 0)).astype(np.int64), last)
    join = np.maximum(begin - rise, 0)
    found = np.flatnonzero(nearest < most)
    roots, _ = ground.roots(back.points[found, begin[found]])
    paths = [
        np.concatenate([back.points[row, join[row] :: -1], ahead.points[row, 1 : int(ahead.counts[row])]])
        for row in found
    ]
    return roots, paths


def risen(root: np.ndarray, normal: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Return points [R, 3] from a root on to where a path [K, 3] begins: a cubic Hermite curve.

    Args:
        root: [3] on the skin.
        normal: [3] unit, the skin's.
        path: The hair from where it is in its layer.
    """
    start = path[0]
    along = unit(path[min(1, len(path) - 1)] - start)
    chord = float(np.linalg.norm(start - root))
    leave = unit(unit(along - (along @ normal) * normal) + LEAVING * normal)
    t = np.linspace(0, 1, max(int(np.ceil(chord / STEP)), 1), endpoint=False)[:, None]
    return (
        (2 * t**3 - 3 * t**2 + 1) * root
        + (t**3 - 2 * t**2 + t) * chord * leave
        + (3 * t**2 - 2 * t**3) * start
        + (t**3 - t**2) * chord * along
    )


def resampled(paths: Sequence[np.ndarray], spacing: float, fewest: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return paths' points [P, 3], evenly spaced along each, and their counts [S].

    Args:
        paths: [K, 3] each.
        spacing: World units between points, about.
        fewest: Points of a path at least.
        most: Points of a path at most.
    """
    points, counts = [], []
    for path in paths:
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        count = int(np.clip(round(along[-1] / spacing) + 1, fewest, most))
        at = np.linspace(0, along[-1], count)
        points.append(np.stack([np.interp(at, along, path[:, k]) for k in range(3)], axis=1))
        counts.append(count)
    return np.concatenate(points), np.array(counts, np.int32)
