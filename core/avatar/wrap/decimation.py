"""Fewer triangles: edges collapse, cheapest first, by the quadric error metric.

Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics", 1997. Many edges
collapse at once: those that are the cheapest of their neighbourhood, so that no two touch a common
triangle. An edge stays if its collapse would make the mesh no manifold (the link condition of Dey
et al., "Topology Preserving Edge Contraction", 1999) or turn a triangle over.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

SHAPE = 1e-3
"""Weight of the pull to an edge's middle, by the surface's: it decides in flat places, where slivers would grow."""
TURN = 0.3
"""Smallest cosine between a triangle's normal before and after a collapse."""
ROUNDNESS = 0.08
"""Smallest of a triangle's quality after a collapse (4 sqrt(3) area / sum of squared sides; 1 is equilateral)."""
SHARE = 0.5
"""Of all edges, cheapest first, that may collapse in a round: dear ones wait until they must."""
PASSES = 3
"""Of choosing edges in a round: the next cheapest beside the chosen ones' neighbourhoods come next."""
MOST_ROUNDS = 200


def decimate(vertices: np.ndarray, triangles: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a closed manifold mesh with about as many triangles as wanted, or the fewest that leave it one.

    Args:
        vertices: [V, 3].
        triangles: [T, 3] of a closed manifold.
        target: Wanted number of triangles.

    Returns:
        Vertices [W, 3] float32 and triangles [U, 3] int32.
    """
    vertices = np.asarray(vertices, np.float64)
    triangles = np.asarray(triangles)
    quadrics = quadrics_of(vertices, triangles)
    for _ in range(MOST_ROUNDS):
        wanted = (len(triangles) - target) // 2
        if wanted <= 0:
            break
        collapsed = _round(vertices, triangles, quadrics, wanted)
        if collapsed is None:
            break
        vertices, triangles, quadrics = collapsed
    return vertices.astype(np.float32), triangles.astype(np.int32)


def quadrics_of(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the quadrics [V, 4, 4] of the planes around each vertex, weighted by their triangles' areas."""
    a, b, c = (vertices[triangles[:, index]] for index in range(3))
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    planes = np.concatenate([normals, -(normals * a).sum(axis=1, keepdims=True)], axis=1)
    quadrics = lengths[:, :, None] * planes[:, :, None] * planes[:, None, :]
    incidence = sparse.csr_array(
        (np.ones(triangles.size), (triangles.ravel(), np.repeat(np.arange(len(triangles)), 3))),
        shape=(len(vertices), len(triangles)),
    )
    return (incidence @ quadrics.reshape(-1, 16)).reshape(-1, 4, 4)


def _round(
    vertices: np.ndarray, triangles: np.ndarray, quadrics: np.ndarray, wanted: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Collapse up to as many edges as wanted; None when no edge may collapse."""
    count = len(vertices)
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    pairs = pairs[_once(pairs, count)]
    links = sparse.csr_array((np.ones(len(pairs), np.int8), pairs.T), (count, count))
    links = (links + links.T).tocsr()
    places, costs = _placed(vertices, quadrics, pairs)
    candidates = np.argsort(costs, kind="stable")[: max(int(SHARE * len(pairs)), 1)]
    candidates = candidates[_keeps_manifold(links, pairs[candidates])]
    candidates = candidates[_keeps_faces(vertices, triangles, pairs, candidates, places)]
    chosen = apart(links, pairs[candidates], wanted)
    if not len(chosen):
        return None
    chosen = candidates[chosen]
    kept, gone = pairs[chosen].T
    vertices, quadrics = vertices.copy(), quadrics.copy()
    vertices[kept] = places[chosen]
    quadrics[kept] += quadrics[gone]
    names = np.arange(count)
    names[gone] = kept
    triangles = names[triangles]
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)]
    used = np.zeros(count, bool)
    used[triangles.ravel()] = True
    numbers = np.cumsum(used) - 1
    return vertices[used], numbers[triangles], quadrics[used]


def _once(pairs: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of one of each of the sorted pairs [E, 2]."""
    return np.unique(pairs[:, 0].astype(np.int64) * count + pairs[:, 1], return_index=True)[1]


def _placed(vertices: np.ndarray, quadrics: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each edge's vertex goes [E, 3], and what that costs [E]."""
    total = quadrics[pairs[:, 0]] + quadrics[pairs[:, 1]]
    middle = vertices[pairs].mean(axis=1)
    squared = ((vertices[pairs[:, 0]] - vertices[pairs[:, 1]]) ** 2).sum(axis=1)
    matrix, offset = total[:, :3, :3], total[:, :3, 3]
    # At the middle m, A x + b = 0 becomes A (x - m) = -(b + A m).
    pull = SHAPE * np.trace(matrix, axis1=1, axis2=2) + 1e-12 * squared
    pulled = matrix + pull[:, None, None] * np.eye(3)
    step = np.linalg.solve(pulled, -(offset + np.einsum("nij,nj->ni", matrix, middle))[..., None])[..., 0]
    # A step far beyond the edge is the answer of badly conditioned planes.
    long = (step * step).sum(axis=1) > squared
    step[long] = 0
    places = middle + step
    point = np.concatenate([places, np.ones((len(places), 1))], axis=1)
    costs = np.einsum("ni,nij,nj->n", point, total, point) + pull * (step * step).sum(axis=1)
    return places, costs + SHAPE * np.trace(matrix, axis1=1, axis2=2) * squared


def _keeps_manifold(links: sparse.csr_array, pairs: np.ndarray) -> np.ndarray:
    """Whether exactly two vertices are neighbours of both ends of each edge."""
    first, second = links[pairs[:, 0]], links[pairs[:, 1]]
    return np.asarray(first.multiply(second).sum(axis=1)).ravel() == 2


def _keeps_faces(
    vertices: np.ndarray, triangles: np.ndarray, pairs: np.ndarray, candidates: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Whether the triangles around each of some edges stay as they face, and don't become slivers."""
    corners = np.argsort(triangles.ravel(), kind="stable")
    starts = np.searchsorted(triangles.ravel()[corners], np.arange(len(vertices) + 1))
    fine = np.ones(len(candidates), bool)
    for side in (0, 1):
        moved, other = pairs[candidates, side], pairs[candidates, 1 - side]
        counts = starts[moved + 1] - starts[moved]
        edges = np.repeat(np.arange(len(candidates)), counts)
        ranks = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts)
        face, place = np.divmod(corners[starts[moved][edges] + ranks], 3)
        b, c = triangles[face, (place + 1) % 3], triangles[face, (place + 2) % 3]
        stays = (b != other[edges]) & (c != other[edges])
        edges, face, b, c = edges[stays], face[stays], b[stays], c[stays]
        before = np.cross(vertices[b] - vertices[moved[edges]], vertices[c] - vertices[moved[edges]])
        target = places[candidates[edges]]
        sides = vertices[b] - target, vertices[c] - target, vertices[c] - vertices[b]
        after = np.cross(sides[0], sides[1])
        length = np.linalg.norm(after, axis=1)
        turned = (before * after).sum(axis=1) < TURN * np.linalg.norm(before, axis=1) * length
        thin = 2 * np.sqrt(3) * length < ROUNDNESS * sum((side * side).sum(axis=1) for side in sides)
        fine[edges[turned | thin]] = False
    return fine


def apart(links: sparse.csr_array, pairs: np.ndarray, wanted: int) -> np.ndarray:
    """Return the indices of edges, cheapest first, no two of which touch a common triangle."""
    count = links.shape[0]
    near = links + sparse.eye_array(count, dtype=np.int8, format="csr")
    starts, neighbors = near.indptr[:-1], near.indices
    free = np.arange(len(pairs))
    chosen: list[np.ndarray] = []
    for _ in range(PASSES):
        if not len(free):
            break
        best = np.full(count, len(pairs))
        np.minimum.at(best, pairs[free].ravel(), np.repeat(free, 2))
        around = np.minimum.reduceat(best[neighbors], starts)
        first = free[(around[pairs[free]] >= free[:, None]).all(axis=1)]
        chosen.append(first)
        taken = np.zeros(count, bool)
        taken[pairs[first].ravel()] = True
        blocked = np.logical_or.reduceat(taken[neighbors], starts)
        free = free[~blocked[pairs[free]].any(axis=1)]
    return np.sort(np.concatenate(chosen))[:wanted] if chosen else free
