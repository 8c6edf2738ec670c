"""Finding floaters: Gaussians that belong to nothing."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..cameras import Camera
from . import neighbors

NORMAL_CONSISTENCY = 1.4826
"""Times the median absolute deviation estimates a normal distribution's standard deviation."""
SAMPLES = 20_000
"""Gaussians whose neighbours are looked up to know what is usual."""
MIN_DEVIATION = 0.15
"""Of the logarithm of distances: the rim of an even surface, with neighbours on one side only, is no floater."""


def lonely(means: np.ndarray, neighbor_count: int = 12, tolerance: float = 4.0) -> np.ndarray:
    """Return the mask [N] of Gaussians that are much farther from their neighbours than is usual.

    The logarithm of the mean distance is compared with its median, because spacing varies by
    factors over a head; after Rusu and Cousins, "3D is here: Point Cloud Library", 2011.

    Args:
        means: [N, 3] centres.
        neighbor_count: Neighbours that are looked at.
        tolerance: Robust standard deviations above the median.
    """
    if len(means) < 2:
        return np.zeros(len(means), bool)
    means = np.asarray(means, np.float64)
    tree = cKDTree(means, balanced_tree=False)
    # What is usual, a part of them tells.
    samples = means[:: max(1, len(means) // SAMPLES)]
    distances = neighbors.mean_distances(tree, samples, neighbor_count)
    logarithms = np.log(np.maximum(distances, np.finfo(np.float32).tiny))
    median = np.median(logarithms)
    deviation = NORMAL_CONSISTENCY * np.median(np.abs(logarithms - median))
    limit = np.exp(median + tolerance * max(deviation, MIN_DEVIATION))
    # By the triangle inequality, the neighbours of the nearest sample are not farther away than this on average.
    to_sample, nearest = cKDTree(samples, balanced_tree=False).query(means, workers=-1)
    unclear = np.flatnonzero(to_sample + distances[nearest] > limit)
    found = np.zeros(len(means), bool)
    found[unclear] = neighbors.mean_distances(tree, means[unclear], neighbor_count) > limit
    return found


def islands(means: np.ndarray, distance: float) -> np.ndarray:
    """Return a label [N] for the island that every Gaussian belongs to, 0 for the largest.

    Gaussians share an island when a chain of occupied cubes that touch, also at edges and
    corners, joins them. Cubes need memory for what is occupied only, whatever the spread.

    Args:
        means: [N, 3] centres.
        distance: Side of the cubes in world units, > 0.
    """
    if not len(means):
        return np.zeros(0, np.int64)
    cells = np.floor(np.asarray(means, np.float64) / distance)
    cells = np.stack([_without_gaps(column) for column in cells.T], axis=1)
    size = cells.max(axis=0) + 2
    strides = np.array([size[1] * size[2], size[2], 1])
    keys, members = np.unique(cells @ strides, return_inverse=True)
    members = members.reshape(-1)
    ends = []
    # Half of the 26 directions: a link counts both ways.
    for step in itertools.islice(itertools.product((-1, 0, 1), repeat=3), 14, None):
        wanted = keys + np.dot(step, strides)
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        linked = np.flatnonzero(keys[found] == wanted)
        ends.append(np.stack([linked, found[linked]]))
    rows, columns = np.concatenate(ends, axis=1)
    links = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(len(keys), len(keys)))
    labels = connected_components(links, directed=False)[1][members]
    counts = np.bincount(labels)
    ranks = np.empty(len(counts), np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return ranks[labels]


def _without_gaps(coordinates: np.ndarray) -> np.ndarray:
    """Return whole coordinates [N] renumbered from 1, neighbours as such and every gap one wide.

    One far floater would otherwise make numbers of cells overflow.
    """
    values, places = np.unique(coordinates, return_inverse=True)
    steps = np.minimum(np.diff(values, prepend=values[0] - 1), 2).astype(np.int64)
    return np.cumsum(steps)[places.reshape(-1)]


def small_islands(means: np.ndarray, distance: float, smallest_share: float = 0.01) -> np.ndarray:
    """Return the mask [N] of Gaussians in islands with too few members; never the largest island.

    Args:
        means: [N, 3] centres.
        distance: As for :func:`islands`.
        smallest_share: Share of all Gaussians that an island needs to stay, 0..1.
    """
    labels = islands(means, distance)
    small = np.bincount(labels, minlength=1) < smallest_share * len(means)
    small[0] = False
    return small[labels]


def outside_silhouette(means: np.ndarray, camera: Camera, silhouette: np.ndarray, margin: float = 2.0) -> np.ndarray:
    """Return the mask [N] of Gaussians that a camera sees beside a silhouette.

    What lies behind the camera or outside its picture is not known to be outside.

    Args:
        means: [N, 3] centres.
        camera: Whose picture the silhouette is.
        silhouette: [H, W] bool, of the camera's size.
        margin: Pixels by which a centre may leave the silhouette.
    """
    # Behind the camera or at its centre the projection divides by zero or less; those are dropped.
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels, depths = camera.project(means)
        inside_picture = (depths > 0) & ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
    known = np.flatnonzero(inside_picture)
    distances = ndimage.distance_transform_edt(~np.asarray(silhouette, bool))
    columns, rows = pixels[known].astype(np.int64).T
    outside = np.zeros(len(means), bool)
    outside[known] = distances[rows, columns] > margin
    return outside
