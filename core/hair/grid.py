"""The hair's surface and what it carries as a grid around it, so that strands find their way without searching."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..geometry.vectors import unit
from ..system import blocks
from .volume import HairVolume
from .waves import Wave

CELL = 0.02
"""World units (about 4 pixels of a portrait): the spacing of a surface's vertices, or a little more."""
REACH = 1.0
"""Standard deviation in cells of the averages that fill the grid; beyond three of them the nearest repeats."""
MARGIN = 5
"""Cells around the surface."""
BORDER = 8
"""Edges beyond hair over which the surface still is needed: strands reach over the border."""


@dataclass(frozen=True, eq=False)
class Place:
    """What is known of some points.

    Attributes:
        height: [N] signed distance above the surface, world units.
        normal: [N, 3] unit, outwards.
        tangent: [N, 3] mean direction of the hair, shorter where directions differ.
        hairiness: [N] 0..1.
        thickness: [N] world units of hair down to the skull.
        values: [N, C] further values.
        turn: [N] radians by which a lock here deviates from the mean direction.
    """

    height: np.ndarray
    normal: np.ndarray
    tangent: np.ndarray
    hairiness: np.ndarray
    thickness: np.ndarray
    values: np.ndarray
    turn: np.ndarray


class FlowGrid:
    """Averages of a surface's vertices around each cell: a moving least squares surface (Alexa et al. 2001)."""

    def __init__(
        self, volume: HairVolume, tangents: np.ndarray, values: np.ndarray, wave: Wave, rng: np.random.Generator
    ) -> None:
        """Fill the grid.

        Args:
            volume: The hair's surface.
            tangents: [V, 3] the hair's directions.
            values: [V, C] what else to look up.
            wave: Its disorder turns whole locks from their course.
            rng: Source of these turns.
        """
        near = _around(volume)
        points = volume.vertices[near]
        self._low = points.min(0) - MARGIN * CELL
        self._shape = np.ceil((points.max(0) - self._low) / CELL).astype(np.int64) + MARGIN
        columns = np.concatenate(
            [
                np.ones((len(points), 1)),
                points - self._low,
                volume.normals[near],
                tangents[near],
                volume.hairiness[near, None],
                volume.thickness[near, None],
                values[near],
            ],
            axis=1,
        )
        cells = np.rint((points - self._low) / CELL).astype(np.int64)
        flat = np.ravel_multi_index(tuple(cells.T), tuple(self._shape))
        total = int(np.prod(self._shape))
        sums = [np.bincount(flat, column, total).astype(np.float32).reshape(self._shape) for column in columns.T]
        averages = list(blocks.each(lambda column: ndimage.gaussian_filter(column, REACH, truncate=3), sums))
        empty = averages[0] < 1e-4
        nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
        source = np.ravel_multi_index(tuple(nearest), tuple(self._shape)).ravel()
        turns = rng.normal(size=self._shape).astype(np.float32)
        turns = ndimage.gaussian_filter(turns, max(wave.length / 3 / CELL, 0.5), truncate=3)
        turns *= wave.disorder / max(float(turns.std()), 1e-9)
        table = np.stack([column.ravel() / np.maximum(averages[0].ravel(), 1e-9) for column in averages[1:]], axis=-1)
        self._table = np.concatenate([table[source], turns.reshape(-1, 1)], axis=1)

    def look_up(self, points: np.ndarray) -> Place:
        """Return what is known of points [N, 3], interpolated between cells."""
        place = np.clip((points - self._low) / CELL, 0, self._shape - 1.001)
        cell = place.astype(np.int64)
        share = (place - cell).astype(np.float32)
        sx, sy = int(self._shape[1] * self._shape[2]), int(self._shape[2])
        first = cell[:, 0] * sx + cell[:, 1] * sy + cell[:, 2]
        found = np.zeros((len(points), self._table.shape[1]), np.float32)
        for i in (0, 1):
            for j in (0, 1):
                for k in (0, 1):
                    weight = (
                        (share[:, 0] if i else 1 - share[:, 0])
                        * (share[:, 1] if j else 1 - share[:, 1])
                        * (share[:, 2] if k else 1 - share[:, 2])
                    )
                    found += weight[:, None] * self._table.take(first + (i * sx + j * sy + k), axis=0)
        normal = unit(found[:, 3:6])
        height = ((points - self._low - found[:, :3]) * normal).sum(1)
        return Place(height, normal, found[:, 6:9], found[:, 9], found[:, 10], found[:, 11:-1], found[:, -1])


def _around(volume: HairVolume) -> np.ndarray:
    """Return which vertices [V] are hair or near it."""
    near = volume.hairiness > 0
    for _ in range(BORDER):
        near[volume.quads[near[volume.quads].any(1)]] = True
    return near
