"""Levels of detail: fewer triangles, whose vertices, texture coordinates, weights and expressions are the mesh's own.

A vertex collapses onto a neighbour, never to a new place: what is left carries what it carried, and all its shape keys
are exact. Collapses are chosen by the quadric error metric (Garland and Heckbert, "Surface Simplification Using Quadric
Error Metrics", 1997) of several faces at once: the neutral one, closed eyes, an open mouth and others, as for meshes
that deform (Mohr and Gleicher, "Deformation sensitive decimation", 2003). Borders and seams of the UV map collapse
along themselves only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..arkit import sided
from ..wrap.decimation import apart, quadrics_of

SHARES = (0.5, 0.25, 0.1)
"""Of the mesh's triangles, in each level after the first."""
POSES = (
    {"eyeBlink*": 1.0},
    {"jawOpen": 1.0},
    {"jawOpen": 1.0, "mouthClose": 1.0},
    {"mouthSmile*": 1.0, "eyeSquint*": 1.0},
    {"mouthPucker": 1.0, "browInnerUp": 1.0},
    {"mouthFrown*": 1.0, "browDown*": 1.0, "eyeWide*": 1.0},
)
"""Faces that a level must show well, beside the neutral one."""
CHECKED = 3
"""Of the poses, the neutral one first, in which no triangle may turn over."""
BORDER = 2.0
"""Weight of borders and seams against surfaces."""
SHAPE = 1e-5
"""Weight of short edges: where it is flat, they go first."""
TURN = 0.2
"""Smallest cosine between a triangle's normal before and after a collapse."""
SHARE = 0.3
"""Of all collapses that are allowed, cheapest first, that may happen in a round."""
MOST_ROUNDS = 200
IMPORTANCE = {
    "Face": 3.0,
    "Lips": 4.0,
    "Eye.L": 2.0,
    "Eye.R": 2.0,
    "Mouth Inside": 0.15,
    "Tongue": 0.15,
    "Teeth Upper": 0.15,
    "Teeth Lower": 0.15,
    "Eye Sockets and Nostrils": 0.5,
}
"""By the base mesh's vertex groups: where people look first, and what is hidden mostly; 1 for all others."""


@dataclass(frozen=True, eq=False)
class Corners:
    """Triangles whose corners know more than their vertices.

    Attributes:
        wedges: [T, 3] the wedge of each corner: what has one vertex, one place in the UV map and one material.
        vertices: [W] the vertex of each wedge.
        sources: [T] the triangle that each one was at first: its material is that one's.
    """

    wedges: np.ndarray
    vertices: np.ndarray
    sources: np.ndarray

    @property
    def triangles(self) -> np.ndarray:
        """[T, 3] vertices."""
        return self.vertices[self.wedges]


def poses_of(neutral: np.ndarray, expressions: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the places [P, V, 3] of vertices in the faces of :data:`POSES`, the neutral one first.

    Args:
        neutral: [V, 3].
        expressions: Displacements [V, 3] by ARKit's names; those that are missing are left out.
    """
    poses = [neutral]
    for pose in POSES:
        strengths = {name: value for pattern, value in pose.items() for name in sided(pattern) if name in expressions}
        if strengths:
            poses.append(neutral + sum(value * expressions[name] for name, value in strengths.items()))
    return np.stack(poses).astype(np.float64)


def levels(
    poses: np.ndarray, corners: Corners, importance: np.ndarray, shares: Sequence[float] = SHARES
) -> list[Corners]:
    """Return the mesh with ever fewer triangles, each level made of the one before.

    Args:
        poses: [P, V, 3] of :func:`poses_of`.
        corners: The mesh; each edge belongs to at most two triangles.
        importance: [V] how much a change of each vertex's surroundings costs, 1 as usual.
        shares: Wanted numbers of triangles, as shares of the mesh's.
    """
    size = np.ptp(poses[0], axis=0).max()
    poses = (poses - poses[0].mean(axis=0)) / max(size, np.finfo(np.float64).tiny)
    quadrics = np.stack([quadrics_of(pose, corners.triangles) for pose in poses])
    _add_borders(quadrics, poses, corners)
    quadrics *= importance[:, None, None]
    found, total = [], len(corners.wedges)
    for share in shares:
        for _ in range(MOST_ROUNDS):
            wanted = (len(corners.wedges) - int(share * total) + 1) // 2
            after = _round(poses, corners, quadrics, wanted) if wanted > 0 else None
            if after is None:
                break
            corners = after
        found.append(corners)
    return found


def _round(poses: np.ndarray, corners: Corners, quadrics: np.ndarray, wanted: int) -> Corners | None:
    """Collapse up to as many vertices as wanted and add up their quadrics [P, V, 4, 4]; None when none may."""
    count, triangles = poses.shape[1], corners.triangles
    start, end, pairs = _allowed(corners, count)
    costs = _costs(poses, quadrics, start, end)
    # Of the two ways along an edge the cheaper one.
    order = np.argsort(costs, kind="stable")
    edges = np.minimum(start, end).astype(np.int64) * count + np.maximum(start, end)
    order = order[np.sort(np.unique(edges[order], return_index=True)[1])]
    order = order[: max(int(SHARE * len(order)), 1)]
    order = order[_faces_stay(poses[:CHECKED], triangles, start[order], end[order])]
    links = _links(triangles, count)
    chosen = order[apart(links, np.stack([start[order], end[order]], axis=1), wanted)]
    if not len(chosen):
        return None
    gone, onto = start[chosen], end[chosen]
    quadrics[:, onto] += quadrics[:, gone]
    names = np.arange(len(corners.vertices))
    moved = np.isin(pairs[:, 0].astype(np.int64) * count + pairs[:, 1], gone.astype(np.int64) * count + onto)
    names[pairs[moved, 2]] = pairs[moved, 3]
    wedges = names[corners.wedges]
    a, b, c = corners.vertices[wedges].T
    left = (a != b) & (b != c) & (c != a)
    return Corners(wedges[left], corners.vertices, corners.sources[left])


def _allowed(corners: Corners, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the collapses that keep the mesh whole: from [N], onto [N], and pairs [M, 4] of vertices and wedges.

    A vertex on a border goes along the border, and so that each of its wedges finds one of the other vertex: a seam
    goes along the seam. Around an edge that goes, no two triangles may fall together (the link condition).
    """
    wedges, vertices = corners.wedges, corners.vertices
    first, second = wedges.ravel(), wedges[:, [1, 2, 0]].ravel()
    rows = np.concatenate([np.stack([first, second], axis=1), np.stack([second, first], axis=1)])
    pairs = np.unique(np.concatenate([vertices[rows], rows], axis=1), axis=0)
    collapses, index, meetings = np.unique(pairs[:, :2], axis=0, return_inverse=True, return_counts=True)
    index = index.ravel()
    start, end = collapses.T
    used = np.unique(np.concatenate([vertices[wedges].reshape(-1, 1), wedges.reshape(-1, 1)], axis=1), axis=0)
    own = np.bincount(used[:, 0], minlength=count)
    joined = np.bincount(index[np.unique(np.stack([index, pairs[:, 2]], axis=1), axis=0, return_index=True)[1]])
    whole = (joined == own[start]) & (meetings == joined)
    # How many triangles lie at the edge: each gives it once in either direction.
    keys = vertices[rows].astype(np.int64) @ [count, 1]
    around = np.bincount(np.searchsorted(start.astype(np.int64) * count + end, keys))
    border = np.zeros(count, bool)
    border[start[around == 1]] = True
    odd = np.zeros(count, bool)
    odd[start[around > 2]] = True
    links = _links(vertices[wedges], count)
    common = np.asarray(links[start].multiply(links[end]).sum(axis=1)).ravel()
    # The last triangle of a piece stays, and the last four of a closed one.
    degree = np.diff(links.indptr)
    last = (degree[start] == around + 1) & (degree[end] == around + 1)
    fine = whole & ~last & (common == around) & (~border[start] | (around == 1)) & ~odd[start] & ~odd[end]
    return start[fine], end[fine], pairs


def _links(triangles: np.ndarray, count: int) -> sparse.csr_array:
    """Return the adjacency [V, V] of vertices, ones along edges."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    links = sparse.csr_array((np.ones(len(pairs), np.int8), pairs.T), (count, count))
    return (links + links.T).tocsr()


def _costs(poses: np.ndarray, quadrics: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return what each collapse costs [N], the mean over all poses."""
    total = np.zeros(len(start))
    for places, planes in zip(poses, quadrics, strict=True):
        target = np.concatenate([places[end], np.ones((len(end), 1))], axis=1)
        joined = planes[start] + planes[end]
        error = np.einsum("ni,nij,nj->n", target, joined, target)
        weight = np.trace(joined[:, :3, :3], axis1=1, axis2=2)
        total += error + SHAPE * weight * ((places[start] - places[end]) ** 2).sum(axis=1)
    return total / len(poses)


def _add_borders(quadrics: np.ndarray, poses: np.ndarray, corners: Corners) -> None:
    """Add planes that stand on borders and seams to quadrics [P, V, 4, 4]."""
    wedges = corners.wedges
    ends = np.stack([wedges.ravel(), wedges[:, [1, 2, 0]].ravel()], axis=1)
    keys = np.sort(ends, axis=1).astype(np.int64) @ [len(corners.vertices), 1]
    _, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    # An edge between two wedges that one triangle alone has: the other side is another wedge's, or nothing.
    single = counts[index.ravel()] == 1
    owner = np.repeat(np.arange(len(wedges)), 3)[single]
    start, end = corners.vertices[ends[single]].T
    for places, planes in zip(poses, quadrics, strict=True):
        corner = places[corners.triangles[owner]]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        along = places[end] - places[start]
        across = np.cross(along, normal)
        length = np.maximum(np.linalg.norm(across, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        across /= length
        plane = np.concatenate([across, -(across * places[start]).sum(axis=1, keepdims=True)], axis=1)
        weight = BORDER * (along * along).sum(axis=1)
        added = weight[:, None, None] * plane[:, :, None] * plane[:, None, :]
        np.add.at(planes, start, added)
        np.add.at(planes, end, added)


def _faces_stay(poses: np.ndarray, triangles: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whether the triangles around a vertex that collapses stay as they face, in all poses [P, V, 3]."""
    corners = np.argsort(triangles.ravel(), kind="stable")
    firsts = np.searchsorted(triangles.ravel()[corners], np.arange(poses.shape[1] + 1))
    counts = firsts[start + 1] - firsts[start]
    owners = np.repeat(np.arange(len(start)), counts)
    ranks = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    face, place = np.divmod(corners[firsts[start][owners] + ranks], 3)
    b, c = triangles[face, (place + 1) % 3], triangles[face, (place + 2) % 3]
    stays = (b != end[owners]) & (c != end[owners])
    owners, b, c = owners[stays], b[stays], c[stays]
    fine = np.ones(len(start), bool)
    for places in poses:
        before = np.cross(places[b] - places[start[owners]], places[c] - places[start[owners]])
        after = np.cross(places[b] - places[end[owners]], places[c] - places[end[owners]])
        lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
        fine[owners[(before * after).sum(axis=1) < TURN * lengths + 1e-18]] = False
    return fine
