"""What a mesh must be, for tests and measurements: closed, manifold, not through itself."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components


def manifold_faults(faces: np.ndarray) -> int:
    """Count the edges [F, K] without exactly two opposite sides, and the vertices that join several fans of faces."""
    width = faces.shape[1]
    sides = np.concatenate([faces[:, [i, (i + 1) % width]] for i in range(width)])
    _, directed = np.unique(sides, axis=0, return_counts=True)
    _, both = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    faults = int((directed != 1).sum() + (both != 2).sum())
    # A corner is linked to the next one around its vertex: by the edge that both their faces have there.
    corners = np.arange(faces.size).reshape(faces.shape)
    leaving = dict(zip(map(tuple, sides.tolist()), np.concatenate(corners.T).tolist(), strict=True))
    before = np.roll(faces, 1, axis=1)
    links = [
        (corner, leaving[vertex, last])
        for corner, vertex, last in zip(
            corners.ravel().tolist(), faces.ravel().tolist(), before.ravel().tolist(), strict=True
        )
        if (vertex, last) in leaving
    ]
    graph = sparse.coo_array((np.ones(len(links)), np.array(links).T), (faces.size, faces.size))
    _, names = connected_components(graph, directed=False)
    pairs = np.unique(np.stack([names, faces.ravel()], axis=1), axis=0)
    return faults + len(pairs) - len(np.unique(faces))


def volume(vertices: np.ndarray, triangles: np.ndarray) -> float:
    """Return the enclosed volume."""
    a, b, c = (vertices[triangles[:, i]].astype(np.float64) for i in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def self_intersecting_share(vertices: np.ndarray, triangles: np.ndarray) -> float:
    """Return the share of triangles that cross others, by Blender's bounding volume hierarchy."""
    import bpy  # noqa: F401  brings mathutils
    from mathutils.bvhtree import BVHTree

    tree = BVHTree.FromPolygons(vertices.tolist(), triangles.tolist(), epsilon=0.0)
    pairs = np.array(tree.overlap(tree), int).reshape(-1, 2)
    shared = (triangles[pairs[:, 0]][:, :, None] == triangles[pairs[:, 1]][:, None, :]).any(axis=(1, 2))
    return len(np.unique(pairs[~shared])) / len(triangles)
