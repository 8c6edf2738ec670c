"""Work on the rows of long arrays in blocks that stay in a processor's cache, by several threads.

numpy lets other threads run while it computes. A long array that passes through several functions as a
whole travels to memory and back each time, and every intermediate result needs fresh memory from the
system, which costs more than the arithmetic.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np

ROWS = 1 << 12
"""Rows of a block: of splats with all harmonics a megabyte. A power of two: formats with chunks rely on whole ones."""
MAX_THREADS = 8
"""More would wait for memory only, where each block is little work."""
_PRODUCT_ROWS = 64
"""Rows that are multiplied at once by :func:`multiply`."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_here = threading.local()
"""Whether this thread is one of a pool's: what it calls works alone, since the others are busy alike."""


def slices(count: int, rows: int = ROWS) -> Iterator[slice]:
    """Yield consecutive slices of ``rows`` that cover 0..count; the last may be shorter."""
    return (slice(first, min(first + rows, count)) for first in range(0, count, rows))


def mapped(work: Callable[[slice], Result], count: int, rows: int = ROWS, most: int = MAX_THREADS) -> Iterator[Result]:
    """Yield ``work(rows)`` for all slices of 0..count in their order; some are worked on ahead.

    ``work`` runs in several threads at once, ``most`` at most, with the caller's ``np.errstate``. When it raises,
    the error comes out here and what was not begun is dropped. Work that itself asks for threads here gets none:
    pools within pools would only fight for the processors.
    """
    settings = np.geterr()

    def alike(place: slice) -> Result:
        _here.is_one_of_many = True
        with np.errstate(**settings):
            return work(place)

    waiting = slices(count, rows)
    threads = min(os.cpu_count() or 1, most, -(-count // rows))
    if threads < 2 or getattr(_here, "is_one_of_many", False):
        yield from map(work, waiting)
        return
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[Result]] = deque(pool.submit(alike, place) for place in islice(waiting, 2 * threads))
        try:
            while running:
                result = running.popleft().result()
                running.extend(pool.submit(alike, place) for place in islice(waiting, 1))
                yield result
        finally:
            for future in running:
                future.cancel()


def each(work: Callable[[Item], Result], items: Sequence[Item], most: int = MAX_THREADS) -> Iterator[Result]:
    """Yield ``work(item)`` for all items in their order, as :func:`mapped` does for slices."""
    return mapped(lambda one: work(items[one.start]), len(items), 1, most)


def fill(work: Callable[[slice], object], count: int, rows: int = ROWS) -> None:
    """Call ``work`` for all slices of 0..count, by several threads; it writes its rows of arrays made before."""
    for _ in mapped(work, count, rows):
        pass


def multiply(rows: np.ndarray, factor: np.ndarray, out: np.ndarray) -> None:
    """Store the matrix product of many rows [N, K] and a small matrix [K, M] in ``out`` [N, M], contiguous.

    In pieces for which BLAS starts no threads: those of several callers would fight for the processors,
    and spin while they wait.
    """
    whole = len(rows) - len(rows) % _PRODUCT_ROWS
    if whole:
        shape = (whole // _PRODUCT_ROWS, _PRODUCT_ROWS, -1)
        np.matmul(rows[:whole].reshape(shape), factor, out=out[:whole].reshape(shape))
    np.matmul(rows[whole:], factor, out=out[whole:])
