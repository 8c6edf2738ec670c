"""A head's outline against a matte's: where the head's border lies, and how it must move.

The border of the posed model is made of the edges between triangles seen from outside and from inside. Where such
an edge lies at the border of the whole head, the distance to the matte's border is a residual; moving the head moves
the border with the points on it (the outline slides along the surface, but only to second order).

Hair hides the head's own border. How far it stands off is measured in the portrait, and the scalp is raised by that
much (:func:`hair_thickness`); the thicker the hair, the less its border counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import ndimage, sparse

from ..cameras import Camera
from ..head.landmark_solver import Solution, posed_with_moves
from ..head.model import HeadModel, Region, vertex_normals

BORDER = 0.5
"""Alpha at which a matte has its border."""
OUTLINE_PIXELS = 3.0
"""Noise of an outline in pixels of a 512-pixel picture: the matte's, and what the model can't be."""
CORRELATION = 5.0
"""Neighbouring places of an outline err together: that many count as one."""
OUTLIER = 3.0
"""Standard deviations at which a place loses half its weight (Cauchy)."""
THICKNESS_DOUBT = 0.6
"""Of the hair's thickness: how unsure it is elsewhere than where it was measured."""
RASTER = 96
"""Side in pixels of the picture in which it is decided which edges lie at the border."""
SAMPLE_METRES, TORSO_METRES = 0.0045, 0.012
"""How densely the surface is sown with points for that, on head and neck, and on the torso."""
THICKEST = 0.1
"""Metres up to which hair is searched for above the scalp."""
SPREAD = 0.025
"""Metres, as seen in the portrait, over which measured thickness is averaged."""
HEAD = (Region.FACE, Region.SCALP, Region.EARS, Region.LIPS)


@dataclass(frozen=True, eq=False)
class Outline:
    """A matte's outline.

    Attributes:
        distance: [H, W] float32, pixels to the border, negative inside; the matte's last row and columns at the
            picture's border are no border.
    """

    distance: np.ndarray

    @classmethod
    def of(cls, alpha: np.ndarray) -> Outline:
        """Return the outline of a matte [H, W], 0..1."""
        inside = np.pad(alpha > BORDER, 1, mode="edge")
        if inside.all() or not inside.any():
            return cls(np.full(alpha.shape, np.nan, np.float32))
        # Of both pixels beside the border, the inner one: half a pixel away from it.
        rim = inside & ~ndimage.binary_erosion(inside, border_value=1)
        distance = ndimage.distance_transform_edt(~rim)
        distance = np.where(inside, -0.5 - distance, distance - 0.5)
        return cls(ndimage.gaussian_filter(distance[1:-1, 1:-1], 1.0).astype(np.float32))

    @cached_property
    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """[H, W] derivatives of the distance along y and x."""
        down, across = np.gradient(self.distance)
        return down, across

    def at(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return distances [N] and their derivatives [N, 2] by x and y; NaN outside of the picture."""
        places = pixels[:, ::-1].T - 0.5
        distance, down, across = (
            ndimage.map_coordinates(layer, places, order=1, mode="constant", cval=np.nan)
            for layer in (self.distance, *self.slopes)
        )
        return distance, np.stack([across, down], axis=1)


@dataclass(frozen=True, eq=False)
class _Surface:
    """The part of the model that makes outlines.

    Attributes:
        triangles: [T, 3] of head, neck and shoulders, without what lies inside.
        edges: [E, 2] vertices of the edges between two of them.
        sides: [E, 2] those triangles.
        counts: [E] bool: edges of the head, not of neck and shoulders.
    """

    triangles: np.ndarray
    edges: np.ndarray
    sides: np.ndarray
    counts: np.ndarray


@lru_cache(maxsize=1)
def surface(model: HeadModel) -> _Surface:
    """Return the outer surface and its edges."""
    outer = model.in_regions(*HEAD, Region.NECK, Region.TORSO)
    triangles = model.triangles[outer[model.triangles].all(1)]
    pairs = np.sort(np.concatenate([triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]), axis=1)
    owner = np.tile(np.arange(len(triangles)), 3)
    order = np.lexsort(pairs.T)
    pairs, owner = pairs[order], owner[order]
    shared = np.flatnonzero((pairs[1:] == pairs[:-1]).all(1))
    edges = pairs[shared]
    return _Surface(
        triangles,
        edges,
        np.stack([owner[shared], owner[shared + 1]], axis=1),
        model.in_regions(*HEAD)[edges].all(1),
    )


@dataclass(frozen=True, eq=False)
class Border:
    """Points on the border of a posed head.

    Attributes:
        edges: [N] rows of the surface's edges, whose middles are the points.
        points: [N, 3] in the camera's axes.
        pixels: [N, 2].
    """

    edges: np.ndarray
    points: np.ndarray
    pixels: np.ndarray


def border_of(model: HeadModel, vertices: np.ndarray, camera: Camera) -> Border:
    """Return the border of the head, seen by a camera.

    Args:
        model: The head model.
        vertices: [V, 3] posed in the camera's world.
        camera: The camera.
    """
    parts = surface(model)
    local = camera.to_camera(vertices)
    corners = local[parts.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outside = (normals * corners[:, 0]).sum(1) < 0
    bent = (outside[parts.sides[:, 0]] != outside[parts.sides[:, 1]]) & parts.counts
    chosen = np.flatnonzero(bent)
    middles = local[parts.edges[chosen]].mean(1)
    pixels = camera.to_pixels(middles)
    free = ndimage.binary_dilation(~_covered(model, vertices, camera), np.ones((3, 3)))
    columns, rows = np.floor(pixels / camera.width * RASTER).astype(int).T
    there = (columns >= 0) & (rows >= 0) & (columns < RASTER) & (rows < RASTER)
    there[there] = free[rows[there], columns[there]]
    return Border(chosen[there], middles[there], pixels[there])


def _covered(model: HeadModel, vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """Return where a camera sees head, neck and shoulders, [RASTER, RASTER] bool: points sown on them, gaps closed."""
    pixels, depth = camera.project(_sown(model) @ vertices)
    columns, rows = np.floor(pixels / camera.width * RASTER).astype(int).T
    inside = (depth > 0) & (columns >= 0) & (rows >= 0) & (columns < RASTER) & (rows < RASTER)
    mask = np.zeros((RASTER + 2, RASTER + 2), bool)
    mask[rows[inside] + 1, columns[inside] + 1] = True
    return ndimage.binary_closing(mask, np.ones((3, 3)))[1:-1, 1:-1]


@lru_cache(maxsize=1)
def _sown(model: HeadModel) -> sparse.csr_matrix:
    """Return the matrix [N, V] from vertices to points all over the outside."""
    triangles = surface(model).triangles
    edges = model.mean[triangles] - model.mean[np.roll(triangles, 1, axis=1)]
    longest = np.linalg.norm(edges, axis=2).max(1)
    torso = model.in_regions(Region.TORSO)[triangles].any(1)
    counts = np.ceil(longest / np.where(torso, TORSO_METRES, SAMPLE_METRES)).astype(int)
    corners, weights = [], []
    for count in np.unique(counts):
        first, second = (part.ravel() for part in np.meshgrid(np.arange(count), np.arange(count)))
        within = first + second < count
        share = (np.stack([first, second], axis=1)[within] + 1 / 3) / count
        share = np.column_stack([share, 1 - share.sum(1)])
        chosen = triangles[counts == count]
        corners.append(np.repeat(chosen, len(share), axis=0))
        weights.append(np.tile(share, (len(chosen), 1)))
    columns = np.concatenate(corners)
    starts = np.arange(0, columns.size + 1, 3)
    shape = (len(columns), len(model.mean))
    return sparse.csr_matrix((np.concatenate(weights).ravel(), columns.ravel(), starts), shape)


def _raised(model: HeadModel, solution: Solution, thickness: np.ndarray) -> np.ndarray:
    """Return the model's vertices [V, 3] in metres under hair of a thickness [V]."""
    vertices = model.vertices(solution.identity, solution.expression)
    return vertices + thickness[:, None] * vertex_normals(vertices, model.triangles)


def outline_rows(
    model: HeadModel,
    outline: Outline,
    camera: Camera,
    solution: Solution,
    thickness: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted residuals [N] of the border and their Jacobian [N, 7 + K + E], as landmarks' are ordered.

    Args:
        model: The head model.
        outline: The picture's.
        camera: Of the picture.
        solution: The head, in the camera's world.
        thickness: [V] metres by which hair stands off.
    """
    local, pose = _raised(model, solution, thickness), solution.pose
    border = border_of(model, pose.apply(local), camera)
    ends = surface(model).edges[border.edges]
    distance, slope = outline.at(border.pixels)
    directions = np.concatenate([model.identity[:, ends].mean(2), model.expressions[:, ends].mean(2)])
    _, moves = posed_with_moves(local[ends].mean(1).astype(np.float64), directions, pose)
    across, down = np.moveaxis(camera.pixel_moves(border.points, moves @ camera.c2w[:3, :3]), -1, 0)
    unit = camera.width / 512
    doubt = THICKNESS_DOUBT * thickness[ends].mean(1) * pose.scale * camera.fx / border.points[:, 2]
    variance = (OUTLINE_PIXELS * unit) ** 2 + doubt**2
    usable = np.isfinite(distance) & np.isfinite(slope).all(1)
    distance, slope = np.where(usable, distance, 0.0), np.where(usable[:, None], slope, 0.0)
    robust = 1 / (1 + distance**2 / variance / OUTLIER**2)
    # Edges lie the denser the more the surface bends: each counts by its length.
    length = np.linalg.norm(local[ends[:, 0]] - local[ends[:, 1]], axis=1)
    share = length / max(float(length.mean()), 1e-9)
    root = np.sqrt(np.where(usable, robust * share / variance / CORRELATION, 0.0))
    return -root * distance, (root * (slope[:, 0] * across + slope[:, 1] * down)).T


def outline_error(
    model: HeadModel, outline: Outline, camera: Camera, solution: Solution, thickness: np.ndarray
) -> float:
    """Return the median distance in pixels between a matte's border and the head's; infinite without a border."""
    border = border_of(model, solution.pose.apply(_raised(model, solution, thickness)), camera)
    distance, _ = outline.at(border.pixels)
    known = np.abs(distance[np.isfinite(distance)])
    return float(np.median(known)) if len(known) else float("inf")


def hair_thickness(model: HeadModel, outline: Outline, camera: Camera, solution: Solution) -> np.ndarray:
    """Return how far hair stands off above the vertices [V] in metres, as a picture's outline tells.

    What is seen at the border is taken to go on behind: everywhere on the scalp as it is at the place of the border
    nearest to it in the picture.
    """
    vertices = solution.vertices(model)
    border = border_of(model, vertices, camera)
    normals = vertex_normals(vertices, model.triangles)
    ends = surface(model).edges[border.edges]
    outward = normals[ends].mean(1) @ camera.c2w[:3, :2]
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    scale = solution.pose.scale * camera.fx / border.points[:, 2]
    steps = np.arange(0, THICKEST * 1000 + 1) / 1000
    places = border.pixels[:, None] + outward[:, None] * (steps * scale[:, None])[..., None]
    distances = outline.at(places.reshape(-1, 2))[0].reshape(len(places), -1)
    outside = ~(distances < 0)
    measured = np.where(outside.any(1), steps[outside.argmax(1)], THICKEST)
    scalp = model.in_regions(Region.SCALP)
    # Only where the border is the scalp's own: ears and cheeks stand in the way elsewhere.
    own = scalp[ends].all(1)
    thickness = np.zeros(len(vertices))
    if not own.any():
        return thickness
    pixels = camera.project(vertices[scalp])[0]
    away = np.linalg.norm(pixels[:, None] - border.pixels[own][None], axis=2) / scale.mean() / SPREAD
    # Towards the middle of the head all places of the border are about as far.
    weight = np.exp(-(away**2 - (away**2).min(1, keepdims=True)) / 2)
    thickness[scalp] = weight @ measured[own] / weight.sum(1)
    return thickness
