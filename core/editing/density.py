"""Fewer Gaussians that still close the surface.

Space is cut into cells, so large that a few Gaussians of each stay: in larger ones whole corners
of fine detail would give way to what is big elsewhere. Every cell keeps its most important
Gaussians, big and opaque ones first, and at least one, so that no region loses all of its own;
what stays grows until it covers the area that the cell's Gaussians covered, and a little more,
because it lies less evenly. A Geometry Nodes group computes the same.
"""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians
from . import measures, neighbors
from .edit import Edit

CELL_SPACINGS = 2.0
"""Side of a cell at full density in typical spacings: a handful of Gaussians of a surface share one."""
LEAST_DENSITY = 0.01
"""Cells grow as the density falls, but not beyond what it is here."""
OVERLAP = 0.8
"""By how much more than its area tells what stays grows at most, as a factor above 1."""
CELL_PERIOD = 1024
"""Cells a side after which numbers repeat: three of these fit into 32-bit integers."""
MAX_GROWTH = 4.0
"""No Gaussian grows by more, however few are left."""


def default_cell(means: np.ndarray) -> float:
    """Return the side of a cell at full density that suits centres [N, 3], in world units, > 0."""
    spacing = neighbors.typical_spacing(means)
    return CELL_SPACINGS * spacing if spacing > 0 else 1.0


def cell_numbers(means: np.ndarray, cell: float) -> np.ndarray:
    """Return the number [N] int64 of the cell in which every centre [N, 3] lies."""
    # float32 throughout, so that Blender's nodes find the same cells.
    places = np.floor(np.asarray(means, np.float32) / np.float32(cell)).astype(np.int64) % CELL_PERIOD
    return places @ np.array([1, CELL_PERIOD, CELL_PERIOD**2])


def thin(gaussians: Gaussians, density: float, cell: float) -> Edit:
    """Keep a share of the Gaussians and grow them so that no holes open.

    Args:
        gaussians: Any.
        density: Share of every cell's Gaussians that is kept, rounded, but at least one, 0..1.
        cell: Side of a cell at full density in world units, > 0; see :func:`default_cell`.
    """
    if density >= 1 or not len(gaussians):
        return Edit(np.arange(len(gaussians)), gaussians)
    importances = measures.importances(gaussians)
    order = np.argsort(-importances, kind="stable")
    # float32 here too: the nodes have nothing else.
    share = np.float32(density)
    side = np.float32(cell) / np.sqrt(np.maximum(share, np.float32(LEAST_DENSITY)))
    groups = np.unique(cell_numbers(gaussians.means, side), return_inverse=True)[1].reshape(-1)
    counts = np.bincount(groups)
    ranks = np.empty(len(order), np.int64)
    by_group = order[np.argsort(groups[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    ranks[by_group] = np.arange(len(order)) - starts[groups[by_group]]
    limits = np.maximum(np.floor(share * counts.astype(np.float32) + np.float32(0.5)), 1)
    keeps = ranks < limits[groups]
    covered = np.bincount(groups, importances)
    left = np.bincount(groups[keeps], importances[keeps], minlength=len(counts))
    ratios = np.divide(covered, left, out=np.ones_like(covered), where=left > 0)
    growth = np.sqrt(ratios) * (1 + OVERLAP * (1 - density) * np.minimum(ratios - 1, 1))
    sources = np.flatnonzero(keeps)
    factors = np.minimum(growth, MAX_GROWTH)[groups[sources]]
    chosen = gaussians.select(sources)
    return Edit(sources, chosen.replace(scales=chosen.scales * factors[:, None].astype(np.float32)))
