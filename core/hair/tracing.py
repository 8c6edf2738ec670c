"""Strands traced along the hair's directions, from seeds both ways, all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..geometry.vectors import unit
from .grid import FlowGrid, Place
from .volume import along_surface

BORDER = (0.15, 0.75)
"""Hairiness at which strands end, each at its own: hair's border is no straight cut."""
LOST = 0.2
"""Length of the mean direction below which there is none: strands meet head on."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Strands as rows of points, root to tip; each begins in the first column, and repeats its tip in those left over.

    Attributes:
        points: [S, K, 3] world, float32.
        tangents, normals: [S, K, 3] unit, along the strand and outwards from the hair.
        alive: [S, K] bool.
        thickness: [S, K] world units of hair between its surface and the skull.
        heights: [S, K] world units above the hair's surface, negative under it.
        stray: [S] bool: single hairs that leave the others.
        values: [S, K, C] what the grid carries.
        seed: [S] column of each strand's seed.
        step: World units between points.
    """

    points: np.ndarray
    tangents: np.ndarray
    normals: np.ndarray
    alive: np.ndarray
    thickness: np.ndarray
    heights: np.ndarray
    stray: np.ndarray
    values: np.ndarray
    seed: np.ndarray
    step: float

    def __len__(self) -> int:
        return len(self.points)

    def select(self, rows: np.ndarray) -> Paths:
        """Return some of the strands."""
        names = ("points", "tangents", "normals", "alive", "thickness", "heights", "stray", "values", "seed")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def places(self) -> np.ndarray:
        """[S, K] float32 place along each strand, 0 at its root and 1 at its tip and in the columns left over."""
        count = np.maximum(self.alive.sum(1) - 1, 1).astype(np.float32)
        return np.minimum(np.arange(self.alive.shape[1], dtype=np.float32) / count[:, None], 1)

    @property
    def along(self) -> np.ndarray:
        """[S, K] world units along each strand from its seed on."""
        return (np.arange(self.alive.shape[1]) - self.seed[:, None]) * self.step

    @property
    def seeds(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns [S] of the seeds."""
        return np.arange(len(self)), self.seed


def segments(paths: Paths) -> np.ndarray:
    """Return which pairs of neighbouring points [S, K - 1] are segments of strands."""
    return paths.alive[:, :-1] & paths.alive[:, 1:]


def trace(
    grid: FlowGrid,
    seeds: np.ndarray,
    depth: np.ndarray,
    backward: np.ndarray,
    forward: np.ndarray,
    step: float,
    rng: np.random.Generator,
) -> Paths:
    """Follow the hair from seeds towards roots and tips.

    Args:
        grid: The hair's directions.
        seeds: [S, 3] world.
        depth: [S] world units under the surface, at which each strand stays; negative above it.
        backward: [S] whole steps towards the root at most.
        forward: [S] whole steps towards the tip at most.
        step: World units.
        rng: Chooses where each strand ends.
    """
    ends = rng.uniform(*BORDER, len(seeds))
    back = _march(grid, seeds, depth, backward, -step, ends)
    ahead = _march(grid, seeds, depth, forward, step, ends)
    columns = [np.concatenate([b[:, :0:-1], a], axis=1) for b, a in zip(back, ahead, strict=True)]
    alive = columns[3]
    first, count = alive.argmax(1), alive.sum(1)
    width = int(count.max(initial=1))
    # Each strand to the front of its row: rows need to be no longer than the longest strand.
    place = np.minimum(np.arange(width), np.maximum(count - 1, 0)[:, None]) + first[:, None]
    points, tangents, normals, _, thickness, values = (
        column[np.arange(len(seeds))[:, None], place] for column in columns
    )
    return Paths(
        points,
        tangents,
        normals,
        np.arange(width) < count[:, None],
        thickness,
        np.repeat(-depth[:, None], width, axis=1).astype(np.float32),
        np.zeros(len(seeds), bool),
        values,
        np.clip(back[0].shape[1] - 1 - first, 0, width - 1),
        step,
    )


def _march(
    grid: FlowGrid, seeds: np.ndarray, depth: np.ndarray, steps: np.ndarray, step: float, ends: np.ndarray
) -> list[np.ndarray]:
    """Return points, tangents, normals, alive, thickness and values, each [S, K, ...], from the seeds on."""
    point: np.ndarray = seeds.astype(np.float32)
    heading: np.ndarray | None = None
    alive = np.ones(len(seeds), bool)
    rows: list[list[np.ndarray]] = []
    lives: list[np.ndarray] = []
    for count in range(int(steps.max(initial=0)) + 1):
        # Dead strands keep their last state: only the others are followed.
        index = np.flatnonzero(alive)
        place = grid.look_up(point[index])
        at = point[index] - (place.height + depth[index])[:, None] * place.normal
        tangent, sure = _heading(place, None if heading is None else heading[index])
        state = (at, tangent, place.normal, place.thickness, place.values)
        row = [before.copy() for before in rows[-1]] if rows else [np.empty_like(values) for values in state]
        for column, values in zip(row, state, strict=True):
            column[index] = values
        alive = alive.copy()
        alive[index] = (place.hairiness >= ends[index]) & sure & (count <= steps[index])
        if not alive.any() and rows:
            break
        rows.append(row)
        lives.append(alive)
        heading = row[1]
        point = row[0] + step * heading
    points, tangents, normals, thickness, values = (np.stack(column, axis=1) for column in zip(*rows, strict=True))
    return [points, tangents, normals, np.stack(lives, axis=1), thickness, values]


def _heading(place: Place, before: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the strands' unit directions [S, 3], and where there is one."""
    straight = along_surface(place.tangent, place.normal)
    cosine, sine = np.cos(place.turn)[:, None], np.sin(place.turn)[:, None]
    tangent = cosine * straight + sine * np.cross(place.normal, straight)
    sure = (place.tangent * place.tangent).sum(1) > LOST**2
    if before is None:
        return tangent, sure
    # A strand has some stiffness: it never turns around, and takes bends over two steps.
    turned = (tangent * before).sum(1) < 0
    return unit(tangent + before), sure & ~turned
