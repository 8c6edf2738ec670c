"""Where a head of splats ends below, and a base mesh that ends there too: in a straight edge, as wide as they are.

All in the head model's frame, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

from ..gaussians import Gaussians
from ..head.bending import adjacency
from ..head.model import HeadModel, Region
from ..head.pose import Pose
from ..splats.parts import Part

FEWEST = 200
"""Splats below the chin from which their end can be told."""
MOST = 20_000
"""Splats that are compared with planes; more do not make the plane clearer."""
LOWEST = 0.5
"""Percentile of heights that counts as the lowest: a few stray splats do not."""
SLAB = 0.004
"""Thickness in metres of the layer of splats that lies on a cut."""
TILTS = ((30.0, 5.0), (4.0, 1.0), (0.75, 0.25))
"""Degrees to both sides within which planes are tried, and steps: ever finer."""
TILT_COST = 0.01
"""Share of its splats that a plane loses for each degree: without a clear cut the level one counts."""
HEAD_MARGIN = 0.01
"""Metres below the head that always stay."""
RIM_HEIGHT, RIM_SIDE = -0.31, 0.23
"""Level and distance to the side in the model's mean where its own rim, which is ragged, is cut off."""
SNAP = 0.004
"""Metres above a cut within which vertices are moved onto it: slivers would be left."""
BIN = 0.01
"""Height in metres of the layers in which widths are compared."""
WIDEST = (1.0, 99.0)
"""Percentiles that count as a layer's sides."""
LEAST_IN_BIN = 20
NARROWEST = 0.4
"""Least share of its width that the mesh keeps: a shallow relief does not flatten it."""
NECK_FADE = 0.05
"""Metres from the neck over which the torso begins to be narrowed."""
GRID = 4
"""Steps along a quad's sides at which its width is looked at."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane; above it is what is kept. ``normal`` [3] is of unit length, and points there."""

    normal: np.ndarray
    offset: float

    def heights(self, places: np.ndarray) -> np.ndarray:
        """Return how far [N] places [N, 3] lie above."""
        return places @ self.normal - self.offset


@dataclass(frozen=True, eq=False)
class CutMesh:
    """A mesh after a cut.

    Attributes:
        weights: [V, V] sparse: each vertex as a mean of those before. Applies to displacements too.
        kept: [F] bool, the faces that are left. Vertices of no face lie on the border.
    """

    weights: sparse.csr_array
    kept: np.ndarray


def end_like_splats(
    vertices: np.ndarray, gaussians: Gaussians, pose: Pose, model: HeadModel
) -> tuple[np.ndarray, CutMesh]:
    """Let a head mesh end where its splats end.

    Args:
        vertices: [V, 3] of the mesh as the splats show it, in their space.
        gaussians: The head.
        pose: From the model's frame to that space.
        model: The head model.

    Returns:
        Vertices [V, 3] after narrowing and cut, and the cut.
    """
    local = (np.asarray(vertices, np.float64) - pose.translation) @ pose.rotation / pose.scale
    plane, sides = None, body_places(gaussians, pose, local, model)
    if len(sides) >= FEWEST:
        plane = lowest_plane(sides, local, model)
        local = narrowed(local, sides, plane, model)
    result = cut_all(local, plane, model)
    local = result.weights @ local
    return pose.apply(local), result


def body_places(gaussians: Gaussians, pose: Pose, vertices: np.ndarray, model: HeadModel) -> np.ndarray:
    """Return the places [N, 3] of splats below the chin that are neither hair nor background."""
    places = (gaussians.means.astype(np.float64) - pose.translation) @ pose.rotation / pose.scale
    chin = vertices[model.in_regions(Region.FACE)][:, 2].min()
    body = (places[:, 2] < chin) & (gaussians.opacities > 0.3)
    if gaussians.parts is not None:
        body &= ~np.isin(gaussians.parts, (Part.HAIR, Part.BACKGROUND))
    # What lies far from the model's torso belongs to something else.
    low, high = vertices.min(axis=0) - 0.05, vertices.max(axis=0) + 0.05
    return places[body & (places > low).all(axis=1) & (places < high).all(axis=1)]


def lowest_plane(places: np.ndarray, vertices: np.ndarray, model: HeadModel) -> Plane:
    """Return the plane below all splats on which the most of them lie; level where none stands out.

    Args:
        places: [N, 3] of the splats below the chin.
        vertices: [V, 3] of the mesh; its head stays above.
        model: The head model.
    """
    few = places[np.linspace(0, len(places) - 1, min(len(places), MOST)).astype(int)]
    best, pitch, roll = -np.inf, 0.0, 0.0
    for reach, step in TILTS:
        around = np.arange(-reach, reach + step / 2, step)
        center = pitch, roll
        for turn in center[0] + around:
            for lean in center[1] + around:
                heights = few @ _normal(turn, lean)
                lowest = np.percentile(heights, LOWEST)
                score = (np.abs(heights - lowest) < SLAB).sum() * (1 - TILT_COST * np.hypot(turn, lean))
                if score > best:
                    best, pitch, roll = score, turn, lean
    normal = _normal(pitch, roll)
    head = vertices[~model.in_regions(Region.NECK, Region.TORSO)] @ normal
    return Plane(normal, float(min(np.percentile(places @ normal, LOWEST), head.min() - HEAD_MARGIN)))


def _normal(pitch: float, roll: float) -> np.ndarray:
    normal = np.array([np.tan(np.radians(roll)), np.tan(np.radians(pitch)), 1.0])
    return normal / np.linalg.norm(normal)


def narrowed(vertices: np.ndarray, places: np.ndarray, plane: Plane, model: HeadModel) -> np.ndarray:
    """Return vertices [V, 3] whose torso is nowhere wider than the splats.

    Args:
        vertices: [V, 3].
        places: [N, 3] of the splats below the chin.
        plane: Below which there are none.
        model: The head model.
    """
    torso, neck = model.in_regions(Region.TORSO), model.in_regions(Region.NECK)
    collar = np.unique(model.faces[neck[model.faces].any(axis=1) & torso[model.faces].any(axis=1)])
    axis = vertices[collar, 0].mean()
    steps = np.linspace(0, 1, GRID + 1)
    corners = vertices[model.faces[torso[model.faces].all(axis=1)]]
    u, v = (grid.ravel() for grid in np.meshgrid(steps, steps))
    share = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    surface = np.einsum("sk,fkc->fsc", share, corners).reshape(-1, 3)
    heights, mesh_heights = plane.heights(places), plane.heights(surface)
    bins = np.arange(0, mesh_heights.max(), BIN)
    fade = np.clip(cKDTree(model.mean[neck]).query(model.mean)[0] / NECK_FADE, 0, 1) * torso
    result = vertices.copy()
    for sign, percentile in zip((-1, 1), WIDEST, strict=True):
        ratios = np.full(len(bins), np.nan)
        for index, low in enumerate(bins):
            splats = places[(heights >= low) & (heights < low + BIN), 0]
            mesh = surface[(mesh_heights >= low) & (mesh_heights < low + BIN), 0]
            if len(splats) >= LEAST_IN_BIN and len(mesh):
                wide = sign * (np.percentile(splats, percentile) - axis)
                ratios[index] = wide / max((sign * (mesh - axis)).max(), 1e-6)
        known = np.flatnonzero(~np.isnan(ratios))
        if not len(known):
            continue
        ratios = np.clip(np.interp(np.arange(len(bins)), known, ratios[known]), NARROWEST, 1)
        ratios = ndimage.gaussian_filter1d(ratios, 1.0, mode="nearest")
        ratio = np.interp(plane.heights(vertices), bins + BIN / 2, ratios)
        side = sign * (vertices[:, 0] - axis) > 0
        result[side, 0] += (fade * (ratio - 1) * (vertices[:, 0] - axis))[side]
    return result


def cut_all(vertices: np.ndarray, plane: Plane | None, model: HeadModel) -> CutMesh:
    """Cut off the model's own ragged rim, and what lies below a plane, if any.

    Args:
        vertices: [V, 3].
        plane: Where the splats end; None if that can't be told.
        model: The head model.
    """
    count = len(vertices)
    fields = [model.mean[:, 2] - RIM_HEIGHT, RIM_SIDE - model.mean[:, 0], RIM_SIDE + model.mean[:, 0]]
    weights, kept = sparse.eye_array(count, format="csr"), np.ones(len(model.faces), bool)
    for field in fields:
        result = cut(weights @ vertices, weights @ field.astype(np.float64), kept, model)
        weights, kept = result.weights @ weights, result.kept
    if plane is not None:
        places = weights @ vertices
        result = cut(places, plane.heights(places), kept, model)
        weights, kept = result.weights @ weights, result.kept
    return CutMesh(weights, kept)


def cut(vertices: np.ndarray, heights: np.ndarray, faces_kept: np.ndarray, model: HeadModel) -> CutMesh:
    """Cut a head mesh where a height is zero, by moving vertices there along their edges.

    Args:
        vertices: [V, 3].
        heights: [V] linear along edges; below zero lies what goes.
        faces_kept: [F] bool, the faces that are there.
        model: The head model.
    """
    faces = model.faces
    used = np.zeros(len(vertices), bool)
    used[faces[faces_kept]] = True
    graph = adjacency(model).tocoo()
    there = used[graph.row] & used[graph.col] & (graph.row != graph.col)
    start, end = graph.row[there], graph.col[there]
    below = heights < 0
    snapped = np.zeros(len(vertices), bool)
    snapped[start[below[end]]] = True
    snapped &= (heights >= 0) & (heights < SNAP)
    inside = ~below & ~snapped
    kept = faces_kept & inside[faces].any(axis=1)
    left = np.zeros(len(vertices), bool)
    left[faces[kept]] = True
    # Vertices near the cut go down to it, those below come up to it, along their edges across it.
    moves = (snapped & left)[start] & below[end] | (below & left)[start] & inside[end]
    row, other = start[moves], end[moves]
    toward = heights[row] / (heights[row] - heights[other])
    share = 1 / np.maximum(np.bincount(row, minlength=len(vertices)), 1)[row]
    placed = np.zeros(len(vertices), bool)
    placed[row] = True
    still = np.flatnonzero(~placed)
    shape = (len(vertices), len(vertices))
    weights = sparse.csr_array(
        (
            np.concatenate([share * (1 - toward), share * toward, np.ones(len(still))]),
            (np.concatenate([row, row, still]), np.concatenate([row, other, still])),
        ),
        shape,
    )
    # Corners that no edge joins to what stays lie between their neighbours; what no face needs lies on the border.
    lost = (below | snapped & ~left) & ~placed
    between = sparse.csr_array(adjacency(model)) @ sparse.diags_array(placed.astype(np.float64))
    joined = lost & left & (between.sum(axis=1) > 0)
    if joined.any():
        between = sparse.diags_array(joined / np.maximum(between.sum(axis=1), 1)) @ between
        weights = sparse.diags_array((~joined).astype(np.float64)) @ weights + between @ weights
    source, border = np.arange(len(vertices)), np.flatnonzero(placed)
    loose = np.flatnonzero(lost & ~joined)
    if len(loose) and len(border):
        source[loose] = border[cKDTree(vertices[border]).query(vertices[loose])[1]]
    return CutMesh(sparse.csr_array(weights)[source], kept)
