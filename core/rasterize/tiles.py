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
from functools import lru_cache, partial

import numpy as np

from ..system import blocks
from .projection import MIN_ALPHA, Splats
from .tile_lists import BATCH, MIN_TRANSMITTANCE, TILE, Grid, TileLists, list_slices

MAX_ALPHA = np.float32(0.99)

_PLACE_BITS = (TILE * TILE).bit_length() - 1
_RANKS = 32
"""Splats of one tile that are blended in one step: _RANKS * BATCH * TILE^2 float32 values fit in a core's cache."""
_UNUSED_EXPONENT = -100.0
"""Exponent of the empty places of a batch: exp of it is far below any visible alpha."""


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
    grid = Grid(width, height)
    tile_count = grid.rows * grid.columns
    transmittance = np.ones((tile_count, TILE * TILE), np.float32)
    blended = np.zeros((tile_count, TILE * TILE, values.shape[1]), np.float32)
    for lists in list_slices(splats, grid, transmittance):
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
    grid = Grid(width, height)
    transmittance = np.ones((grid.rows * grid.columns, TILE * TILE), np.float32)
    pieces = [(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))]
    for lists in list_slices(splats, grid, transmittance):
        work = partial(_entries_of_batch, splats, grid, lists, transmittance, np.float32(least))
        for entries in blocks.each(work, lists.batches(), os.cpu_count() or 1):
            pieces += entries
    places, owners, weights = map(np.concatenate, zip(*pieces, strict=True))
    if width % TILE or height % TILE:
        y, x = np.divmod(places, grid.columns * TILE)
        inside = (x < width) & (y < height)
        places, owners, weights = (y * width + x)[inside], owners[inside], weights[inside]
    return places, owners, weights


def _entries_of_batch(
    splats: Splats,
    grid: Grid,
    lists: TileLists,
    transmittance: np.ndarray,
    least: np.float32,
    tiles: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return pieces of what :func:`blending_weights` returns for some tiles, in a picture of whole tiles."""
    width = np.int32(grid.columns * TILE)
    down, right = np.indices((TILE, TILE), np.int32).reshape(2, -1)
    pieces = []
    for busy, index, weights in _weights_of_batch(splats, grid, lists, transmittance, tiles):
        found = np.flatnonzero(weights > least)
        pairs, places = found >> _PLACE_BITS, found & (TILE * TILE - 1)
        corners = (busy // grid.columns * width * TILE + busy % grid.columns * TILE).astype(np.int32)
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
        self._grid = Grid(width, height)
        self._least = np.float32(least)
        self._passing = np.ones((self._grid.rows * self._grid.columns, TILE * TILE), np.float32)

    def at(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return what passes [N] float32 at pixels of the picture [N]."""
        tiles = rows // TILE * self._grid.columns + columns // TILE
        return self._passing[tiles, rows % TILE * TILE + columns % TILE]

    def draw(self, splats: Splats) -> None:
        """Draw further splats, with alphas as for :func:`blend`; their order does not matter."""
        for lists in list_slices(splats, self._grid, self._passing):
            busy = np.flatnonzero(lists.counts)
            bright = (self._passing[busy] >= self._least).any(axis=1)
            tiles = np.repeat(busy[bright], lists.counts[busy[bright]])
            pairs = lists.splats[np.repeat(bright, lists.counts[busy])]
            for first in range(0, len(pairs), _RANKS * BATCH):
                self._multiply(splats, pairs[first : first + _RANKS * BATCH], tiles[first : first + _RANKS * BATCH])

    def _multiply(self, splats: Splats, pairs: np.ndarray, tiles: np.ndarray) -> None:
        """Draw splats [P] in tiles [P], sorted by tile."""
        passing = _alphas(_exponents(splats, self._grid, pairs, tiles))
        np.subtract(1, passing, out=passing)
        starts = np.flatnonzero(np.diff(tiles, prepend=-1))
        self._passing[tiles[starts]] *= np.multiply.reduceat(passing, starts, axis=0)


@lru_cache(maxsize=1)
def _monomials() -> np.ndarray:
    """[6, TILE^2] float32: 1, x, y, x^2, x y, y^2 at a tile's pixel centres, from its centre."""
    y, x = (np.indices((TILE, TILE)).reshape(2, -1) + 0.5 - TILE / 2).astype(np.float32)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def _exponents(
    splats: Splats, grid: Grid, index: np.ndarray, tiles: np.ndarray, used: np.ndarray | None = None
) -> np.ndarray:
    """Return log alphas [..., tiles, TILE^2] float32 of splats ``index`` [..., tiles], all or the used places.

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
    exponents = np.empty((*index.shape, TILE * TILE), np.float32)
    blocks.multiply(coefficients.reshape(-1, 6), _monomials(), exponents.reshape(-1, TILE * TILE))
    return exponents


def _alphas(exponents: np.ndarray) -> np.ndarray:
    """Return alphas of their logarithms, in the same memory: at most :data:`MAX_ALPHA`, 0 below MIN_ALPHA."""
    alphas = np.exp(exponents, out=exponents)
    np.minimum(alphas, MAX_ALPHA, out=alphas)
    alphas *= alphas >= np.float32(MIN_ALPHA)
    return alphas


def _next_alphas(
    splats: Splats, grid: Grid, lists: TileLists, tiles: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which splats come next in some tiles, from rank ``first`` on, and their alphas.

    Returns:
        Indices of splats [ranks, tiles], and alphas [ranks, tiles, TILE^2] float32: 0 where no splat is left.
    """
    ranks = first + np.arange(min(_RANKS, lists.counts[tiles].max() - first))[:, None]
    used = ranks < lists.counts[tiles]
    index = lists.splats[np.where(used, lists.starts[tiles] + ranks, 0)]
    return index, _alphas(_exponents(splats, grid, index, tiles, used))


def _blend_batch(
    splats: Splats,
    values: np.ndarray,
    grid: Grid,
    lists: TileLists,
    transmittance: np.ndarray,
    blended: np.ndarray,
    tiles: np.ndarray,
) -> None:
    """Blend one slice's splats into some tiles of ``transmittance`` and ``blended``, in place."""
    for busy, index, weights in _weights_of_batch(splats, grid, lists, transmittance, tiles):
        blended[busy] += weights.transpose(1, 2, 0) @ values[index].swapaxes(0, 1)


def _weights_of_batch(
    splats: Splats, grid: Grid, lists: TileLists, transmittance: np.ndarray, tiles: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield what one slice's splats weigh in some tiles, a few ranks at a time; ``transmittance`` falls along.

    Yields:
        Tiles [T], splats [ranks, T] and their weights [ranks, T, TILE^2] float32: 0 where they count for nothing.
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
