"""From traced paths to hair: neighbours gather in locks, locks curl, roots dive, single hairs fly away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from ..geometry.vectors import unit
from .tracing import Paths
from .waves import Wave

LOCK = 0.05
"""World units (about 1 cm) between locks of straight hair."""
CURL_LOCK = 2.0
"""Distance of curly locks over the radius of their curls: they lie over each other."""
WISP = 0.018
"""World units between the wisps inside of a lock."""
GATHER = 0.6
"""Share of the way to its group's middle that a strand goes at its tip."""
ROOT = 0.18
"""Share of a strand's length, from its root, along which it rises out of the others."""
DIVE = 0.014
"""World units (about 3 mm) by which roots lie deeper than their strand, as far as there is hair that deep."""
STRAY = 0.05
"""Share of strands that leave the others."""
STRAY_LIFT, STRAY_SIDE = 0.022, 0.04
"""World units by which these have left at their tips, outwards and sidewards (standard deviations)."""
TURN = 0.35
"""A curl's extent along the surface's normal over that along the surface: curls lie somewhat flat."""
SUNK = 0.4
"""Share of that extent by which a curl's middle lies under its strands' path: what stands out is its top."""
LOOSE = 0.25
"""Radians (14 degrees) by which strands of one curl differ in phase: more and no curl is left to be seen."""


def groups(points: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Return for places [N, 3] the number [N] of the group each belongs to, groups being about a spacing apart."""
    cells = np.floor(points / spacing + rng.random(3)).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    # Cells would show as a lattice: only their representatives count, which lie irregularly.
    return cKDTree(points[first]).query(points)[1]


def gather(paths: Paths, group: np.ndarray, from_root: float = 0.0) -> Paths:
    """Draw the strands of each group [S] together: towards their tips, and ``from_root`` 0..1 on all their length."""
    length = paths.alive.shape[1]
    groups = int(group.max(initial=-1)) + 1
    # Seeds of a group lie side by side, and so does what is as far along from them.
    shifted = group[:, None] * (2 * length) + np.arange(length) + length - paths.seed[:, None]
    flat = shifted[paths.alive]
    members = np.bincount(flat, minlength=groups * 2 * length)
    middle = np.stack(
        [
            np.bincount(flat, paths.points[..., axis][paths.alive], groups * 2 * length) / np.maximum(members, 1)
            for axis in range(3)
        ],
        axis=-1,
    ).astype(np.float32)
    towards = np.where(paths.alive[..., None], middle[shifted] - paths.points, 0)
    towards -= (towards * paths.tangents).sum(-1, keepdims=True) * paths.tangents
    place = paths.places
    share = GATHER * np.maximum(place**1.5, from_root * np.clip(place / ROOT, 0, 1))
    return _moved(paths, share[..., None] * towards)


def curl(paths: Paths, group: np.ndarray, wave: Wave, rng: np.random.Generator) -> Paths:
    """Wind the strands around their paths, those of a group together.

    Args:
        paths: The strands.
        group: [S] lock that each belongs to.
        wave: In world units.
        rng: Source of what differs between locks.
    """
    if wave.radius <= 0:
        return paths
    locks = int(group.max(initial=-1)) + 1
    number = 2 * np.pi / wave.length * rng.lognormal(0, 0.35, locks)
    phase = rng.uniform(0, 2 * np.pi, locks)
    sense = rng.choice([-1.0, 1.0], locks)
    radius = wave.radius * rng.lognormal(0, 0.25, locks)
    # Along the strands, those of a lock begin where its first one does: one curl, not many.
    start = np.zeros((locks, 3))
    start[group[::-1]] = paths.points[paths.seeds][::-1]
    shift = ((paths.points[paths.seeds] - start[group]) * paths.tangents[paths.seeds]).sum(1)
    along = paths.along + shift[:, None]
    angle = number[group][:, None] * along + phase[group][:, None] + rng.normal(0, LOOSE, len(group))[:, None]
    # Roots are straight, and short hair has no room for wide curls.
    grown = np.clip(paths.places / ROOT, 0, 1) * np.minimum(radius[group][:, None], paths.thickness)
    side = np.cross(paths.normals, paths.tangents)
    sidewards = grown * np.cos(angle) * sense[group][:, None]
    outwards = TURN * grown * (np.sin(angle) - SUNK)
    return _moved(paths, sidewards[..., None] * side + outwards[..., None] * paths.normals)


def loosen(paths: Paths, rng: np.random.Generator) -> Paths:
    """Let roots rise out of the hair, tips lie where they come to lie, and a few strands fly away."""
    place = paths.places
    count = len(paths)
    dive = -DIVE * np.clip(1 - place / ROOT, 0, 1) ** 2
    dive = np.maximum(dive, np.minimum(-paths.heights - paths.thickness, 0))
    stray = rng.random(count) < STRAY
    lift = np.where(stray, np.abs(rng.normal(0, STRAY_LIFT, count)), rng.normal(0, 0.002, count))
    aside = np.where(stray, rng.normal(0, STRAY_SIDE, count), 0)
    side = np.cross(paths.normals, paths.tangents)
    moved = (dive + lift[:, None] * place**2)[..., None] * paths.normals + (aside[:, None] * place**2)[..., None] * side
    return replace(_moved(paths, moved), stray=stray)


def _moved(paths: Paths, by: np.ndarray) -> Paths:
    """Return the paths moved by vectors [S, K, 3], with the directions and heights that they then have."""
    points = paths.points + by.astype(np.float32)
    heights = paths.heights + (by * paths.normals).sum(-1).astype(np.float32)
    return replace(paths, points=points, tangents=_headings(points, paths.alive), heights=heights)


def _headings(points: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Return the unit directions [S, K, 3] of strands through points [S, K, 3]."""
    ahead = np.diff(points, axis=1, append=points[:, -1:])
    before = np.diff(points, axis=1, prepend=points[:, :1])
    last = alive & ~np.pad(alive[:, 1:], ((0, 0), (0, 1)))
    return unit(before + np.where(last[..., None], 0, ahead))
