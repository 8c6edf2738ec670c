"""From traced paths to hair: neighbours gather in locks, locks curl, roots dive, single hairs fly away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from .tracing import Paths
from .volume import unit
from .waves import Wave

LOCK = 0.05
"""World units (about 1 cm) between locks of straight hair; curls set their own."""
WISP = 0.018
"""World units between the wisps inside of a lock."""
GATHER = 0.55
"""Share of the way to its wisp's middle that a strand goes at its tip."""
ROOT = 0.18
"""Share of a strand's length, from its root, along which it rises out of the others."""
DIVE = 0.014
"""World units (about 3 mm) by which roots lie deeper than their strand, as far as there is hair that deep."""
STRAY = 0.05
"""Share of strands that leave the others."""
STRAY_LIFT, STRAY_SIDE = 0.022, 0.04
"""World units by which these have left at their tips, outwards and sidewards (standard deviations)."""
TURN = 0.8
"""A curl's extent along the surface's normal over that along the surface: curls lie somewhat flat."""
LOOSE = 0.35
"""Radians (20 degrees) by which strands of one curl differ in phase: more and no curl is left to be seen."""


def groups(points: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Return for places [N, 3] the number [N] of the group each belongs to, groups being about a spacing apart."""
    cells = np.floor(points / spacing + rng.random(3)).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    # Cells would show as a lattice: only their representatives count, which lie irregularly.
    return cKDTree(points[first]).query(points)[1]


def gather(paths: Paths, group: np.ndarray) -> Paths:
    """Draw the strands of each group [S] together towards their tips."""
    weights = paths.alive.astype(np.float64)
    count = int(group.max(initial=-1)) + 1
    columns = np.arange(paths.alive.shape[1])
    flat = (group[:, None] * len(columns) + columns).ravel()
    total = np.bincount(flat, weights.ravel(), count * len(columns))
    middle = np.stack(
        [
            np.bincount(flat, (paths.points[..., axis] * weights).ravel(), count * len(columns))
            / np.maximum(total, 1e-9)
            for axis in range(3)
        ],
        axis=-1,
    )
    towards = middle[flat].reshape(paths.points.shape) - paths.points
    towards -= (towards * paths.tangents).sum(-1, keepdims=True) * paths.tangents
    share = GATHER * np.clip(paths.places, 0, 1) ** 1.5 * paths.alive
    return replace(paths, points=paths.points + share[..., None] * towards)


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
    number = 2 * np.pi / wave.length * rng.lognormal(0, 0.15, locks)
    phase = rng.uniform(0, 2 * np.pi, locks)
    sense = rng.choice([-1.0, 1.0], locks)
    radius = wave.radius * rng.lognormal(0, 0.2, locks)
    # Along the strands, those of a lock begin where its first one does: one curl, not many.
    start = np.zeros((locks, 3))
    start[group[::-1]] = paths.points[::-1, paths.seed]
    shift = ((paths.points[:, paths.seed] - start[group]) * paths.tangents[:, paths.seed]).sum(1)
    along = (np.arange(paths.alive.shape[1]) - paths.seed) * paths.step + shift[:, None]
    angle = number[group][:, None] * along + phase[group][:, None] + rng.normal(0, LOOSE, len(group))[:, None]
    # Roots are straight.
    grown = np.clip(paths.places / ROOT, 0, 1) * radius[group][:, None]
    side = np.cross(paths.normals, paths.tangents)
    sidewards = (grown * np.cos(angle) * sense[group][:, None])[..., None] * side
    outwards = (TURN * grown * (np.sin(angle) - 0.5))[..., None] * paths.normals
    return _retangented(replace(paths, points=paths.points + sidewards + outwards))


def loosen(paths: Paths, rng: np.random.Generator) -> Paths:
    """Let roots rise out of the hair, tips lie where they come to lie, and a few strands fly away."""
    place = np.clip(paths.places, 0, 1)
    count = len(paths)
    dive = -DIVE * np.clip(1 - place / ROOT, 0, 1) ** 2
    dive = np.maximum(dive, np.minimum(paths.depth[:, None] - paths.thickness, 0))
    stray = rng.random(count) < STRAY
    lift = np.where(stray, np.abs(rng.normal(0, STRAY_LIFT, count)), rng.normal(0, 0.002, count))
    aside = np.where(stray, rng.normal(0, STRAY_SIDE, count), 0)
    side = np.cross(paths.normals, paths.tangents)
    moved = (dive + lift[:, None] * place**2)[..., None] * paths.normals + (aside[:, None] * place**2)[..., None] * side
    return _retangented(replace(paths, points=paths.points + moved))


def _retangented(paths: Paths) -> Paths:
    """Return the paths with the directions that their points now have."""
    ahead = np.gradient(paths.points, axis=1)
    tangents = unit(ahead)
    return replace(paths, tangents=tangents)
