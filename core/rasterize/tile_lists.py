"""Which splats lie in which of a picture's small square tiles, front to back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .projection import Splats

TILE = 8
"""Pixels along a tile's side: small, because most splats of a head are a few pixels wide."""
BATCH = 64
"""Tiles that are blended together: their values of a few ranks fit in a core's cache."""
_SLICE_PAIRS = 1 << 20
"""Pairs of splat and tile that are listed at once."""
MIN_TRANSMITTANCE = np.float32(1e-4)
"""A pixel is finished when the next splat would take its transmittance below this."""


@dataclass(frozen=True)
class Grid:
    """The tiles that cover a picture, numbered row by row."""

    width: int
    height: int

    @property
    def columns(self) -> int:
        """Tiles side by side."""
        return -(-self.width // TILE)

    @property
    def rows(self) -> int:
        """Tiles one below the other."""
        return -(-self.height // TILE)

    def centers(self, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixel coordinates x and y of the centres of tiles."""
        return (tiles % self.columns + 0.5) * TILE, (tiles // self.columns + 0.5) * TILE

    def to_picture(self, values: np.ndarray) -> np.ndarray:
        """Return [tiles, TILE^2, C] values as a picture [height, width, C]."""
        tiles = values.reshape(self.rows, self.columns, TILE, TILE, -1).swapaxes(1, 2)
        return tiles.reshape(self.rows * TILE, self.columns * TILE, -1)[: self.height, : self.width]


@dataclass(frozen=True, eq=False)
class TileLists:
    """The splats of every tile, front to back: ``splats[starts[t] : starts[t] + counts[t]]``."""

    splats: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    def batches(self) -> list[np.ndarray]:
        """Return the tiles with splats in batches of similar length, longest first."""
        busy = np.flatnonzero(self.counts)
        busy = busy[np.argsort(-self.counts[busy], kind="stable")]
        return [busy[first : first + BATCH] for first in range(0, len(busy), BATCH)]


def list_slices(splats: Splats, grid: Grid, transmittance: np.ndarray) -> Iterator[TileLists]:
    """Yield the lists of successive front-to-back slices of the splats.

    Args:
        splats: Front to back.
        grid: The tiles.
        transmittance: [tiles, TILE^2] of the slices before: from the second slice on, tiles that are finished get no
            more splats.
    """
    limits = np.array([grid.columns, grid.rows])
    first = np.clip(np.floor((splats.centers - splats.extents - 0.5) / TILE), 0, limits).astype(np.int64)
    last = np.clip(np.floor((splats.centers + splats.extents + 0.5) / TILE) + 1, 0, limits).astype(np.int64)
    widths, heights = np.maximum(last - first, 0).T
    ends = np.cumsum(widths * heights)
    start = 0
    while start < len(splats):
        budget = _SLICE_PAIRS + (ends[start - 1] if start else 0)
        stop = max(start + 1, int(np.searchsorted(ends, budget, side="right")))
        counts = (widths * heights)[start:stop]
        pair_splats = np.repeat(np.arange(start, stop, dtype=np.int32), counts)
        place = np.arange(len(pair_splats)) - np.repeat(np.cumsum(counts) - counts, counts)
        down, right = np.divmod(place, widths[pair_splats])
        tiles = (first[pair_splats, 1] + down) * grid.columns + first[pair_splats, 0] + right
        if start:
            unfinished = np.any(transmittance >= MIN_TRANSMITTANCE, axis=1)[tiles]
            tiles, pair_splats = tiles[unfinished], pair_splats[unfinished]
        # numpy sorts 16-bit integers by radix, several times faster than wider ones.
        keys = tiles.astype(np.uint16) if len(transmittance) <= 1 << 16 else tiles
        per_tile = np.bincount(tiles, minlength=len(transmittance))
        yield TileLists(pair_splats[np.argsort(keys, kind="stable")], np.cumsum(per_tile) - per_tile, per_tile)
        start = stop
