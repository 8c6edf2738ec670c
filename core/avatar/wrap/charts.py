"""Unfolds a closed mesh into flat charts: what faces along an axis is projected along it, and all is packed.

Any mesh can be unfolded so, quickly and without folding over itself: a chart's triangles all face
its axis, and those that others of their chart hide go to charts of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ...cameras import Camera
from ...head.mesh_raster import rasterize_mesh

AXES = np.concatenate([np.eye(3), -np.eye(3)])
"""Directions along which charts are projected."""
SMOOTHING = 8
"""Rounds in which normals are averaged with their neighbours', so that charts have few and short borders."""
FACING = 0.2
"""Smallest cosine between a triangle's normal and its chart's axis; below it the nearest axis is taken."""
SMALLEST = 0.003
"""Of all triangles: smaller charts join a neighbour that they face enough."""
MERGES = 4
"""Rounds of that."""
MARGIN = 1 / 256
"""Space around a chart, by the texture's width."""
DEPTH_SIZE = 1024
"""Pixels across of the picture in which hidden triangles are found."""
MOST_LAYERS = 6
"""Of charts one behind the other along an axis."""


@dataclass(frozen=True, eq=False)
class Unfolding:
    """A UV map.

    Attributes:
        uvs: [U, 2] float32, 0..1, v upwards.
        triangles: [T, 3] int32 indices into them, of the mesh's triangles in their order.
    """

    uvs: np.ndarray
    triangles: np.ndarray


def unfold(vertices: np.ndarray, triangles: np.ndarray) -> Unfolding:
    """Unfold a closed manifold.

    Args:
        vertices: [V, 3].
        triangles: [T, 3].
    """
    vertices = np.asarray(vertices, np.float64)
    links = _neighbors(triangles)
    axes = _axes(vertices, triangles, links)
    flat = _flattened(vertices)
    layers = _layers(flat, triangles, axes, links)
    charts = _pieces(layers * len(AXES) + axes, links)
    corners = flat[axes[:, None], triangles, :2]
    places, scale = _packed(charts, corners)
    corners = places[charts][:, None] + scale * corners
    # Triangles of a chart share its vertices.
    keys = charts[:, None].astype(np.int64) * len(vertices) + triangles
    _, chosen, numbers = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    return Unfolding(
        corners.reshape(-1, 2)[chosen].astype(np.float32), numbers.reshape(triangles.shape).astype(np.int32)
    )


def _neighbors(triangles: np.ndarray) -> sparse.csr_array:
    """Return which triangles [T, T] share an edge."""
    count = len(triangles)
    pairs = np.sort(np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1)
    order = np.lexsort(pairs.T)
    # On a closed manifold each edge is there twice.
    first, second = (order % count).reshape(-1, 2).T
    links = sparse.coo_array((np.ones(len(first), np.float32), (first, second)), (count, count)).tocsr()
    return links + links.T


def _axes(vertices: np.ndarray, triangles: np.ndarray, links: sparse.csr_array) -> np.ndarray:
    """Return the axis [T] of each triangle's chart."""
    a, b, c = (vertices[triangles[:, index]] for index in range(3))
    areas = np.cross(b - a, c - a)
    facing = areas @ AXES.T / np.maximum(np.linalg.norm(areas, axis=1, keepdims=True), 1e-12)
    smooth = areas
    for _ in range(SMOOTHING):
        smooth = smooth + links @ smooth
    axes = np.argmax(smooth @ AXES.T, axis=1)
    rows = np.arange(len(axes))
    axes = np.where(facing[rows, axes] < FACING, np.argmax(facing, axis=1), axes)
    for _ in range(MERGES):
        pieces = _pieces(axes, links)
        small = np.bincount(pieces)[pieces] < SMALLEST * len(axes)
        # The axes of neighbours in other pieces, as far as a triangle faces them.
        around = links @ np.eye(len(AXES), dtype=np.float32)[axes]
        around[rows, axes] = 0
        around[facing < FACING] = 0
        moving = small & (around.max(axis=1) > 0)
        if not moving.any():
            break
        axes = np.where(moving, np.argmax(around, axis=1), axes)
    return axes


def _pieces(labels: np.ndarray, links: sparse.csr_array) -> np.ndarray:
    """Return a number [T] for each connected piece of triangles with the same label."""
    pairs = links.tocoo()
    same = labels[pairs.row] == labels[pairs.col]
    inner = sparse.coo_array((pairs.data[same], (pairs.row[same], pairs.col[same])), pairs.shape)
    return connected_components(inner, directed=False)[1]


def _flattened(vertices: np.ndarray) -> np.ndarray:
    """Return the vertices [6, V, 3] as seen against each axis: right, up and towards the viewer."""
    flat = []
    for axis in AXES:
        index = int(np.argmax(np.abs(axis)))
        up = np.eye(3)[2 if index < 2 else 1]
        flat.append(vertices @ np.stack([np.cross(up, axis), up, axis], axis=1))
    return np.stack(flat)


def _layers(flat: np.ndarray, triangles: np.ndarray, axes: np.ndarray, links: sparse.csr_array) -> np.ndarray:
    """Return how many others [T] of its chart lie before each triangle, so that no layer hides itself."""
    layers = np.zeros(len(triangles), np.int64)
    for layer in range(MOST_LAYERS):
        for axis in range(len(AXES)):
            members = np.flatnonzero((axes == axis) & (layers == layer))
            if len(members):
                layers[members[_hidden(flat[axis], triangles[members])]] += 1
    return layers


def _hidden(flat: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Whether other triangles lie before the middle of each."""
    used = flat[triangles.ravel()]
    low, high = used.min(axis=0), used.max(axis=0)
    unit = (flat - low) / max(float((high - low).max()), 1e-12)
    depth = 2 - unit[:, 2]
    camera = Camera(DEPTH_SIZE, DEPTH_SIZE, DEPTH_SIZE, DEPTH_SIZE, 0, 0, np.eye(4))
    # Scaled with its depth, the perspective of the rasterizer becomes parallel.
    maps = rasterize_mesh(camera, np.stack([unit[:, 0] * depth, unit[:, 1] * depth, depth], axis=1), triangles)
    corners = unit[triangles]
    middles = corners.mean(axis=1)
    column, row = np.minimum((middles[:, :2] * DEPTH_SIZE).astype(int), DEPTH_SIZE - 1).T
    reach = np.ptp(corners[..., 2], axis=1) + 2 / DEPTH_SIZE
    return 2 - middles[:, 2] > maps.depth[row, column] + reach + 1e-3


def _packed(charts: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, float]:
    """Return where the charts' origins [C, 2] go in the unit square, and the scale at which they fit.

    Shelves of charts by falling height, at the largest scale that leaves none outside.
    """
    count = charts.max() + 1
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, charts, corners.min(axis=1))
    np.maximum.at(high, charts, corners.max(axis=1))
    sizes = high - low
    fits, too_large = 0.0, 2 / max(float(np.sqrt(sizes.prod(axis=1).sum())), 1e-12)
    for _ in range(24):
        scale = (fits + too_large) / 2
        if _shelves(sizes * scale) is None:
            too_large = scale
        else:
            fits = scale
    places = _shelves(sizes * fits)
    if places is None:
        # So many charts that their margins alone fill the square.
        return np.zeros((count, 2)), 0.0
    return places - low * fits, fits


def _shelves(sizes: np.ndarray) -> np.ndarray | None:
    """Return the lower left corners [C, 2] of rectangles [C, 2] in the unit square; None if they don't fit."""
    places = np.empty_like(sizes)
    x = y = height = 0.0
    for index in np.argsort(-sizes[:, 1], kind="stable"):
        width, tall = sizes[index] + 2 * MARGIN
        if x + width > 1:
            x, y, height = 0.0, y + height, 0.0
        height = max(height, tall)
        if width > 1 or y + height > 1:
            return None
        places[index] = (x + MARGIN, y + MARGIN)
        x += width
    return places
