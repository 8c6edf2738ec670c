"""Front-to-back blending of splats, tile by tile, with numpy.

The picture is cut into small square tiles. Inside a tile the exponent of a Gaussian is a
quadratic polynomial of the pixel's position, so exponents of many splats at all pixels are
one matrix product. Batches of tiles take their splats a few ranks at a time and stop when
every pixel is opaque; threads share the batches, because numpy works outside Python's lock.
Splats are taken in front-to-back slices, which bounds the memory whatever their sizes are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from ..system import blocks
from .projection import MIN_ALPHA, Splats

MAX_ALPHA = np.float32(0.99)
MIN_TRANSMITTANCE = np.float32(1e-4)
"""A pixel is finished when the next splat would take its transmittance below this."""

_TILE = 8
"""Pixels along a tile's side: small, because most splats of a head are a few pixels wide."""
_PLACE_BITS = (_TILE * _TILE).bit_length() - 1
_RANKS = 32
"""Splats of one tile that are blended in one step."""
_BATCH = 64
"""Tiles that are blended together: _RANKS * _BATCH * _TILE^2 float32 values fit in a core's cache."""
_SLICE_PAIRS = 1 << 20
"""Pairs of splat and tile that are listed at once."""
_UNUSED_EXPONENT = -100.0
"""Exponent of the empty places of a batch: exp of it is far below any visible alpha."""


@dataclass(frozen=True)
class _Grid:
    """The tiles that cover a picture, numbered row by row."""

    width: int
    height: int

    @property
    def columns(self) -> int:
        return -(-self.width // _TILE)

    @property
    def rows(self) -> int:
        return -(-self.height // _TILE)

    def centers(self, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixel coordinates x and y of the centres of tiles."""
        return (tiles % self.columns + 0.5) * _TILE, (tiles // self.columns + 0.5) * _TILE

    def to_picture(self, values: np.ndarray) -> np.ndarray:
        """Return [tiles, _TILE^2, C] values as a picture [height, width, C]."""
        tiles = values.reshape(self.rows, self.columns, _TILE, _TILE, -1).swapaxes(1, 2)
        return tiles.reshape(self.rows * _TILE, self.columns * _TILE, -1)[: self.height, : self.width]


@dataclass(frozen=True, eq=False)
class _TileLists:
    """The splats of every tile, front to back: ``splats[starts[t] : starts[t] + counts[t]]``."""

    splats: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    def batches(self) -> list[np.ndarray]:
        """Return the tiles with splats in batches of similar length, longest first."""
        busy = np.flatnonzero(self.counts)
        busy = busy[np.argsort(-self.counts[busy], kind="stable")]
        return [busy[first : first + _BATCH] for first in range(0, len(busy), _BATCH)]


def blend(splats: Splats, values: np.ndarray, width: int, height: int) -> np.ndarray:
    """Blend values of splats front to back: sum over splats of value * alpha * transmittance.

    Alpha is min(0.99, opacity * Gaussian), skipped below 1/255; a pixel stops at the splat
    that would take its transmittance below 1e-4. Each Gaussian is blended wherever its alpha
    reaches 1/255 (the CUDA rasterizer also cuts it at the 16-pixel tiles within 3 sigma).

    Args:
        splats: M splats, front to back.
        values: [M, C] float32.
        width: Picture width in pixels.
        height: Picture height in pixels.

    Returns:
        [height, width, C] float32.
    """
    grid = _Grid(width, height)
    tile_count = grid.rows * grid.columns
    transmittance = np.ones((tile_count, _TILE * _TILE), np.float32)
    blended = np.zeros((tile_count, _TILE * _TILE, values.shape[1]), np.float32)
    for lists in _list_slices(splats, grid, transmittance):
        work = partial(_blend_batch, splats, values, grid, lists, transmittance, blended)
        for _ in blocks.each(work, lists.batches(), os.cpu_count() or 1):
            pass
    return grid.to_picture(blended)


def blending_weights(
    splats: Splats, width: int, height: int, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what :func:`blend` multiplies values by, entry by entry: a picture is the sum of weight * value.

    Args:
        splats: M splats, front to back.
        width: Picture width in pixels.
        height: Picture height in pixels.
        least: Weights that are not larger are left out.

    Returns:
        Pixels [E] int32, counted row by row, splats [E] int32 and weights [E] float32; in no order.
    """
    grid = _Grid(width, height)
    transmittance = np.ones((grid.rows * grid.columns, _TILE * _TILE), np.float32)
    pieces = [(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))]
    for lists in _list_slices(splats, grid, transmittance):
        work = partial(_entries_of_batch, splats, grid, lists, transmittance, np.float32(least))
        for entries in blocks.each(work, lists.batches(), os.cpu_count() or 1):
            pieces += entries
    places, owners, weights = map(np.concatenate, zip(*pieces, strict=True))
    if width % _TILE or height % _TILE:
        y, x = np.divmod(places, grid.columns * _TILE)
        inside = (x < width) & (y < height)
        places, owners, weights = (y * width + x)[inside], owners[inside], weights[inside]
    return places, owners, weights


def _entries_of_batch(
    splats: Splats,
    grid: _Grid,
    lists: _TileLists,
    transmittance: np.ndarray,
    least: np.float32,
    tiles: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return pieces of what :func:`blending_weights` returns for some tiles, in a picture of whole tiles."""
    width = np.int32(grid.columns * _TILE)
    down, right = np.indices((_TILE, _TILE), np.int32).reshape(2, -1)
    pieces = []
    for busy, index, weights in _weights_of_batch(splats, grid, lists, transmittance, tiles):
        found = np.flatnonzero(weights > least)
        pairs, places = found >> _PLACE_BITS, found & (_TILE * _TILE - 1)
        corners = (busy // grid.columns * width * _TILE + busy % grid.columns * _TILE).astype(np.int32)
        pixels = np.tile(corners, len(index))[pairs] + (down * width + right)[places]
        pieces.append((pixels, index.ravel()[pairs], weights.ravel()[found]))
    return pieces


class Shade:
    """The light that passes all splats drawn so far, pixel by pixel; it begins with all light, 1."""

    def __init__(self, width: int, height: int, least: float) -> None:
        """Begin.

        Args:
            width: Picture width in pixels.
            height: Picture height in pixels.
            least: Where less passes, it need not be known how much: such tiles are left as they are.
        """
        self._grid = _Grid(width, height)
        self._least = np.float32(least)
        self._passing = np.ones((self._grid.rows * self._grid.columns, _TILE * _TILE), np.float32)

    def at(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return what passes [N] float32 at pixels of the picture [N]."""
        tiles = rows // _TILE * self._grid.columns + columns // _TILE
        return self._passing[tiles, rows % _TILE * _TILE + columns % _TILE]

    def draw(self, splats: Splats) -> None:
        """Draw further splats, with alphas as for :func:`blend`; their order does not matter."""
        for lists in _list_slices(splats, self._grid, self._passing):
            busy = np.flatnonzero(lists.counts)
            bright = (self._passing[busy] >= self._least).any(axis=1)
            tiles = np.repeat(busy[bright], lists.counts[busy[bright]])
            pairs = lists.splats[np.repeat(bright, lists.counts[busy])]
            for first in range(0, len(pairs), _RANKS * _BATCH):
                self._multiply(splats, pairs[first : first + _RANKS * _BATCH], tiles[first : first + _RANKS * _BATCH])

    def _multiply(self, splats: Splats, pairs: np.ndarray, tiles: np.ndarray) -> None:
        """Draw splats [P] in tiles [P], sorted by tile."""
        passing = _alphas(_exponents(splats, self._grid, pairs, tiles))
        np.subtract(1, passing, out=passing)
        starts = np.flatnonzero(np.diff(tiles, prepend=-1))
        self._passing[tiles[starts]] *= np.multiply.reduceat(passing, starts, axis=0)


def _list_slices(splats: Splats, grid: _Grid, transmittance: np.ndarray) -> Iterator[_TileLists]:
    """Yield the :class:`_TileLists` of successive front-to-back slices of the splats."""
    limits = np.array([grid.columns, grid.rows])
    first = np.clip(np.floor((splats.centers - splats.extents - 0.5) / _TILE), 0, limits).astype(np.int64)
    last = np.clip(np.floor((splats.centers + splats.extents + 0.5) / _TILE) + 1, 0, limits).astype(np.int64)
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
        yield _TileLists(pair_splats[np.argsort(keys, kind="stable")], np.cumsum(per_tile) - per_tile, per_tile)
        start = stop


@lru_cache(maxsize=1)
def _monomials() -> np.ndarray:
    """[6, _TILE^2] float32: 1, x, y, x^2, x y, y^2 at a tile's pixel centres, from its centre."""
    y, x = (np.indices((_TILE, _TILE)).reshape(2, -1) + 0.5 - _TILE / 2).astype(np.float32)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def _exponents(
    splats: Splats, grid: _Grid, index: np.ndarray, tiles: np.ndarray, used: np.ndarray | None = None
) -> np.ndarray:
    """Return log alphas [..., tiles, _TILE^2] float32 of splats ``index`` [..., tiles], all or the used places.

    The polynomial is expanded around the tile's centre in float64 first: around the origin,
    float32 would lose thin splats to cancellation.
    """
    center_x, center_y = grid.centers(tiles)
    dx = center_x - splats.centers[index, 0]
    dy = center_y - splats.centers[index, 1]
    xx, xy, yy = np.moveaxis(splats.conics[index], -1, 0)
    gradient_x, gradient_y = xx * dx + xy * dy, xy * dx + yy * dy
    coefficients = np.empty((*index.shape, 6), np.float32)
    coefficients[..., 0] = splats.log_opacities[index] - 0.5 * (gradient_x * dx + gradient_y * dy)
    coefficients[..., 1] = -gradient_x
    coefficients[..., 2] = -gradient_y
    coefficients[..., 3] = -0.5 * xx
    coefficients[..., 4] = -xy
    coefficients[..., 5] = -0.5 * yy
    if used is not None:
        coefficients[~used] = (_UNUSED_EXPONENT, 0, 0, 0, 0, 0)
    exponents = np.empty((*index.shape, _TILE * _TILE), np.float32)
    blocks.multiply(coefficients.reshape(-1, 6), _monomials(), exponents.reshape(-1, _TILE * _TILE))
    return exponents


def _alphas(exponents: np.ndarray) -> np.ndarray:
    """Return alphas of their logarithms, in the same memory: at most :data:`MAX_ALPHA`, 0 below MIN_ALPHA."""
    alphas = np.exp(exponents, out=exponents)
    np.minimum(alphas, MAX_ALPHA, out=alphas)
    alphas *= alphas >= np.float32(MIN_ALPHA)
    return alphas


def _next_alphas(
    splats: Splats, grid: _Grid, lists: _TileLists, tiles: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which splats come next in some tiles, from rank ``first`` on, and their alphas.

    Returns:
        Indices of splats [ranks, tiles], and alphas [ranks, tiles, _TILE^2] float32: 0 where no splat is left.
    """
    ranks = first + np.arange(min(_RANKS, lists.counts[tiles].max() - first))[:, None]
    used = ranks < lists.counts[tiles]
    index = lists.splats[np.where(used, lists.starts[tiles] + ranks, 0)]
    return index, _alphas(_exponents(splats, grid, index, tiles, used))


def _blend_batch(
    splats: Splats,
    values: np.ndarray,
    grid: _Grid,
    lists: _TileLists,
    transmittance: np.ndarray,
    blended: np.ndarray,
    tiles: np.ndarray,
) -> None:
    """Blend one slice's splats into some tiles of ``transmittance`` and ``blended``, in place."""
    for busy, index, weights in _weights_of_batch(splats, grid, lists, transmittance, tiles):
        blended[busy] += weights.transpose(1, 2, 0) @ values[index].swapaxes(0, 1)


def _weights_of_batch(
    splats: Splats, grid: _Grid, lists: _TileLists, transmittance: np.ndarray, tiles: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield what one slice's splats weigh in some tiles, a few ranks at a time; ``transmittance`` falls along.

    Yields:
        Tiles [T], splats [ranks, T] and their weights [ranks, T, _TILE^2] float32: 0 where they count for nothing.
    """
    for first in range(0, int(lists.counts[tiles].max()), _RANKS):
        unfinished = (transmittance[tiles] >= MIN_TRANSMITTANCE).any(axis=1)
        tiles = tiles[unfinished & (lists.counts[tiles] > first)]
        if not len(tiles):
            return
        index, alphas = _next_alphas(splats, grid, lists, tiles, first)
        after = 1 - alphas
        after[0] *= transmittance[tiles]
        for rank in range(1, len(after)):
            after[rank] *= after[rank - 1]
        weights = alphas
        weights[0] *= transmittance[tiles]
        weights[1:] *= after[:-1]
        # Transmittance only falls, so this drops the splat that crosses the limit and all behind it.
        weights *= after >= MIN_TRANSMITTANCE
        yield tiles, index, weights
        transmittance[tiles] = after[-1]
