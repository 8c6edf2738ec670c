"""Fewer Gaussians that still close the surface.

Space is cut into cells of a few neighbours. In its cell every Gaussian has a rank, big and opaque
ones first, and every cell has an offset of its own below 1: a Gaussian stays where density times the
cell's members exceeds rank plus offset. So each cell keeps its share on average, single Gaussians too;
a lower density keeps a subset of what a higher one keeps, and nothing depends on what is far away.
Neighbouring cells have offsets that are spread evenly, so that those which keep one more do not
cluster. What stays grows until it covers the area that the cell's Gaussians covered, and a little
more, because it lies less evenly; it grows steadily as the density falls. A Geometry Nodes group
computes the same.
"""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians
from . import measures, neighbors
from .edit import Edit

CELL_SPACINGS = 2.0
"""Side of a cell in typical spacings: a handful of Gaussians of a surface share one."""
OVERLAP = 0.1
"""By how much more than its area tells what stays grows at most, as a factor above 1."""
CELL_PERIOD = 1024
"""Cells a side after which numbers repeat: three of these fit into 32-bit integers."""
OFFSET_STEPS = 1 << 16
OFFSET_STRIDES = (53685, 43977, 36025)
"""By how many steps the offset grows from cell to cell along x, y, z, modulo OFFSET_STEPS.

The powers -1, -2, -3 of the generalised golden ratio for three dimensions, 1.2207: with them the
offsets of any few neighbours are far apart (M. Roberts, "The Unreasonable Effectiveness of
Quasirandom Sequences", 2018).
"""
MAX_GROWTH = 4.0
"""No Gaussian grows by more, however few are left."""


def default_cell(means: np.ndarray) -> float:
    """Return the side of a cell that suits centres [N, 3], in world units, > 0."""
    spacing = neighbors.typical_spacing(means)
    return CELL_SPACINGS * spacing if spacing > 0 else 1.0


def cells(means: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the number [N] int64 and the offset [N] float32, above 0 and below 1, of the cell of every centre [N, 3]."""  # noqa: E501
    # float32 throughout, so that Blender's nodes find the same cells.
    places = np.floor(np.asarray(means, np.float32) / np.float32(cell)).astype(np.int64) % CELL_PERIOD
    steps = (places @ np.array(OFFSET_STRIDES) % OFFSET_STEPS).astype(np.float32)
    return places @ np.array([1, CELL_PERIOD, CELL_PERIOD**2]), (steps + np.float32(0.5)) / np.float32(OFFSET_STEPS)


def thin(gaussians: Gaussians, density: float, cell: float) -> Edit:
    """Keep a share of the Gaussians and grow them so that no holes open.

    Args:
        gaussians: Any.
        density: Share that is kept, 0..1; the Gaussians of a lower one are among those of a higher one.
        cell: Side of a cell in world units, > 0; see :func:`default_cell`.
    """
    if density >= 1 or not len(gaussians):
        return Edit(np.arange(len(gaussians)), gaussians)
    importances = measures.importances(gaussians)
    order = np.argsort(-importances, kind="stable")
    numbers, offsets = cells(gaussians.means, cell)
    groups = np.unique(numbers, return_inverse=True)[1].reshape(-1)
    counts = np.bincount(groups)
    ranks = np.empty(len(order), np.float32)
    by_group = order[np.argsort(groups[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    ranks[by_group] = np.arange(len(order)) - starts[groups[by_group]]
    # float32 here too: the nodes have nothing else.
    wanted = (np.float32(density) * counts.astype(np.float32))[groups]
    sources = np.flatnonzero(ranks + offsets < wanted)
    covered = np.bincount(groups, importances)
    # What cells like this one keep on average, over all offsets: it changes steadily with the density.
    left = np.bincount(groups, importances * np.clip(wanted - ranks, 0, 1))
    ratios = np.divide(covered, left, out=np.ones_like(covered), where=left > 0)
    growth = np.sqrt(ratios) * (1 + OVERLAP * (1 - density) * np.minimum(ratios - 1, 1))
    factors = np.minimum(growth, MAX_GROWTH)[groups[sources]]
    chosen = gaussians.select(sources)
    return Edit(sources, chosen.replace(scales=chosen.scales * factors[:, None].astype(np.float32)))
