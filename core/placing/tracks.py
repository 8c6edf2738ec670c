"""The same place of skin in two photos: found by matching patches, once the head lies about right in both.

A patch of one photo is turned into the other's view by the head's surface, and looked for nearby. Landmarks of turned
faces err together, by some degrees of turn; what is matched does not. That a place lies exactly on the model's
surface is not believed: it may lie :data:`DEPTH_DOUBT` off, so that mostly what no depth explains counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.fft import irfft2, next_fast_len, rfft2

from ..cameras import Camera
from ..head.landmark_solver import Solution, posed_with_moves
from ..head.mesh_raster import rasterize_mesh
from ..head.model import HeadModel, Region, vertex_normals
from ..system import blocks
from .outline import HEAD, surface

RASTER = 192
"""Side in pixels of the pictures in which it is decided what is seen."""
PATCH = 8
"""Half side of a patch in pixels of a 512-pixel picture."""
REACH = 10
"""How far in the same pixels a patch is looked for."""
CELL = 14
"""Side in the same pixels of the cells from each of which one place is taken: the one with the most texture."""
HIGH_PASS = 6.0
"""Deviation in the same pixels of what is taken off: light differs between photos, texture does not."""
LEAST_FACING = 0.35
"""Cosine between surface and view in both photos."""
LEAST_LIKENESS = 0.75
"""Correlation of a patch with its counterpart."""
LEAST_LEAD = 0.05
"""By which it exceeds the best one elsewhere: more than :data:`PATCH` away."""
LEAST_TEXTURE = 1.5
"""Deviation in a patch, of 255."""
TRACK_PIXELS = 1.0
"""Noise of a match in pixels of a 512-pixel picture."""
DEPTH_DOUBT = 0.004
"""Metres by which the skin lies off the model's."""
CORRELATION = 2.0
OUTLIER = 3.0
ERROR_LIMIT = 1e-9


@dataclass(frozen=True, eq=False)
class Look:
    """A photo to be matched.

    Attributes:
        picture: [512, 512] float32, texture without light.
        alpha: [512, 512] float32, 0..1.
        camera: In whose world the head is posed.
    """

    picture: np.ndarray
    alpha: np.ndarray
    camera: Camera

    @classmethod
    def of(cls, rgba: np.ndarray, camera: Camera) -> Look:
        """Return the look of a crop [512, 512, 4] uint8."""
        grey = rgba[..., :3].astype(np.float32).mean(2)
        alpha = rgba[..., 3].astype(np.float32) / 255
        return cls(grey - ndimage.gaussian_filter(grey, HIGH_PASS), alpha, camera)


@dataclass(frozen=True, eq=False)
class Tracks:
    """Places in two photos.

    Attributes:
        first, second: The photos' numbers.
        vertices: [N] of the head model.
        pixels: [2, N, 2] where they are seen.
    """

    first: int
    second: int
    vertices: np.ndarray
    pixels: np.ndarray


def find_tracks(
    model: HeadModel, looks: Sequence[Look], solutions: Sequence[Solution], pairs: Sequence[tuple[int, int]]
) -> list[Tracks]:
    """Return places that two photos show, for some pairs of them.

    Args:
        model: The head model.
        looks: The photos.
        solutions: Where the head lies in each.
        pairs: Numbers of two photos each.
    """
    wanted = sorted({number for pair in pairs for number in pair})
    seen = blocks.each(lambda each: _view(model, looks[each].camera, solutions[each].vertices(model)), wanted)
    views = dict(zip(wanted, seen, strict=True))
    return list(
        blocks.each(lambda p: _tracks_of(model, p, (looks[p[0]], looks[p[1]]), (views[p[0]], views[p[1]])), pairs)
    )


def _tracks_of(model: HeadModel, pair: tuple[int, int], looks: tuple[Look, Look], views: tuple[_View, _View]) -> Tracks:
    """Return the places that a pair of photos shows, whose looks and views are given."""
    chosen = np.flatnonzero(views[0].seen & views[1].seen & _skin(model))
    chosen = _textured(looks[0], views[0].pixels, chosen)
    nothing = Tracks(*pair, np.zeros(0, np.int64), np.zeros((2, 0, 2)))
    if not len(chosen):
        return nothing
    # How a step in the second picture is one in the first, by the surface's two tangents.
    maps = views[0].tangents[chosen] @ np.linalg.inv(views[1].tangents[chosen])
    steps = np.arange(-PATCH, PATCH + 1)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2).astype(np.float64)
    sources = views[0].pixels[chosen][:, None] + grid @ maps.transpose(0, 2, 1)
    patches = ndimage.map_coordinates(looks[0].picture, sources[..., ::-1].transpose(2, 0, 1) - 0.5, order=1)
    wide = np.arange(-PATCH - REACH, PATCH + REACH + 1)
    around = np.stack(np.meshgrid(wide, wide), axis=-1).reshape(-1, 2)
    targets = views[1].pixels[chosen][:, None] + around
    areas = ndimage.map_coordinates(looks[1].picture, targets[..., ::-1].transpose(2, 0, 1) - 0.5, order=1)
    areas = areas.reshape(len(chosen), len(wide), len(wide))
    offsets, sure = _match(patches, areas)
    kept = sure & (patches.std(1) > LEAST_TEXTURE)
    pixels = np.stack([views[0].pixels[chosen], views[1].pixels[chosen] + offsets])[:, kept]
    return Tracks(*pair, chosen[kept], pixels)


@lru_cache(maxsize=1)
def _skin(model: HeadModel) -> np.ndarray:
    """Return the vertices [V] bool that make up the head's outside."""
    return model.in_regions(*HEAD) & ~model.in_regions(Region.SOCKETS)


@dataclass(frozen=True, eq=False)
class _View:
    """A posed head as a camera sees it: pixels [V, 2], seen [V] bool, tangents [V, 2, 2] pixels by metre-like units."""

    pixels: np.ndarray
    seen: np.ndarray
    tangents: np.ndarray


def _view(model: HeadModel, camera: Camera, vertices: np.ndarray) -> _View:
    local = camera.to_camera(vertices)
    pixels, depth = camera.to_pixels(local), local[:, 2]
    normals = vertex_normals(vertices, model.triangles) @ camera.c2w[:3, :3]
    facing = -(normals * local).sum(1) / np.linalg.norm(local, axis=1)
    maps = rasterize_mesh(camera.resized(RASTER), vertices, surface(model).triangles)
    columns, rows = np.clip(pixels / camera.width * RASTER, 0, RASTER - 1).astype(int).T
    seen = (facing > LEAST_FACING) & (depth < maps.depth[rows, columns] + 0.03)
    inner = PATCH + REACH + 2
    seen &= ((pixels > inner) & (pixels < camera.width - inner)).all(1)
    return _View(pixels, seen, _tangents(model, camera, local))


@lru_cache(maxsize=1)
def _neighbours(model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Return two neighbours [V], [V] of each vertex that, with it, span its surface best."""
    first, second = np.zeros(len(model.mean), np.int64), np.zeros(len(model.mean), np.int64)
    area = np.zeros(len(model.mean))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        corner, left, right = model.triangles[:, a], model.triangles[:, b], model.triangles[:, c]
        size = np.linalg.norm(
            np.cross(model.mean[left] - model.mean[corner], model.mean[right] - model.mean[corner]), axis=1
        )
        order = np.argsort(size)
        better = size[order] >= area[corner[order]]
        order = order[better]
        first[corner[order]], second[corner[order]] = left[order], right[order]
        area[corner[order]] = size[order]
    return first, second


def _tangents(model: HeadModel, camera: Camera, local: np.ndarray) -> np.ndarray:
    """Return how pixels change along two tangents, the same on the surface in every view, [V, 2 (x, y), 2]."""
    moves = np.stack([local[neighbour] - local for neighbour in _neighbours(model)])
    tangents = np.moveaxis(camera.pixel_moves(local, moves), 0, 2)
    tangents += np.where(np.abs(np.linalg.det(tangents)) < 1e-6, 1.0, 0.0)[:, None, None] * np.eye(2)
    return tangents


def _textured(look: Look, pixels: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return of some vertices those with the most texture in their cell."""
    texture = ndimage.gaussian_filter(look.picture**2, PATCH / 2)
    inside = ndimage.minimum_filter(look.alpha, 2 * PATCH + 1)
    columns, rows = pixels[chosen].astype(int).T
    strength = texture[rows, columns] * (inside[rows, columns] > 0.9)
    cell = rows // CELL * 1000 + columns // CELL
    order = np.lexsort([-strength, cell])
    _, starts = np.unique(cell[order], return_index=True)
    best = order[starts]
    return chosen[best[strength[best] > 0]]


def _match(patches: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where patches [N, P * P] lie in areas [N, A, A]: offsets [N, 2] from the middle; which are sure [N]."""
    side = 2 * PATCH + 1
    patches = patches - patches.mean(1, keepdims=True)
    patches /= np.maximum(np.linalg.norm(patches, axis=1, keepdims=True), ERROR_LIMIT)
    extent = areas.shape[1]
    size = next_fast_len(extent, real=True)
    spectra = [rfft2(each, (size, size)) for each in (areas, patches.reshape(-1, side, side))]
    likeness = irfft2(spectra[0] * spectra[1].conj(), (size, size))[:, : extent - side + 1, : extent - side + 1]
    count = side * side
    sums = ndimage.uniform_filter(areas, (0, side, side)) * count
    squares = ndimage.uniform_filter(areas**2, (0, side, side)) * count
    middle = slice(PATCH, areas.shape[1] - PATCH)
    spread = np.sqrt(np.maximum(squares - sums**2 / count, ERROR_LIMIT))[:, middle, middle]
    likeness = likeness / spread
    size = likeness.shape[1]
    flat = likeness.reshape(len(likeness), -1)
    best = flat.argmax(1)
    rows, columns = np.divmod(best, size)
    peak = flat.max(1)
    inner = (rows > 0) & (columns > 0) & (rows < size - 1) & (columns < size - 1)
    r, c, n = np.clip(rows, 1, size - 2), np.clip(columns, 1, size - 2), np.arange(len(flat))
    offsets = []
    for before, after in (
        (likeness[n, r, c - 1], likeness[n, r, c + 1]),
        (likeness[n, r - 1, c], likeness[n, r + 1, c]),
    ):
        bend = before - 2 * likeness[n, r, c] + after
        offsets.append(np.where(bend < -ERROR_LIMIT, 0.5 * (before - after) / np.minimum(bend, -ERROR_LIMIT), 0.0))
    place = np.stack([columns + np.clip(offsets[0], -0.5, 0.5), rows + np.clip(offsets[1], -0.5, 0.5)], axis=1)
    away = np.hypot(*(np.indices((size, size))[:, None] - np.stack([rows, columns])[:, :, None, None]))
    rival = np.where(away > PATCH * 0.75, likeness, -1).reshape(len(flat), -1).max(1)
    return place - REACH, inner & (peak > LEAST_LIKENESS) & (peak - rival > LEAST_LEAD)


def track_rows(
    model: HeadModel, tracks: Tracks, cameras: tuple[Camera, Camera], solutions: tuple[Solution, Solution]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return weighted residuals [4 N] and their Jacobians [4 N, 7 + K + E] by either photo's unknowns."""
    count = len(tracks.vertices)
    errors, slopes, depths = [], [], []
    directions = np.concatenate([model.identity[:, tracks.vertices], model.expressions[:, tracks.vertices]])
    for camera, solution, pixels in zip(cameras, solutions, tracks.pixels, strict=True):
        local = model.mean[tracks.vertices] + np.tensordot(solution.shape, directions, 1)
        world, moves = posed_with_moves(local, directions, solution.pose)
        inside = camera.to_camera(world)
        by_place = camera.jacobians(inside)
        slopes.append(np.einsum("nij,pnj->npi", by_place, moves @ camera.c2w[:3, :3]).transpose(0, 2, 1))
        depths.append(by_place @ (camera.c2w[:3, :3].T @ solution.pose.rotation) * solution.pose.scale)
        errors.append(pixels - camera.to_pixels(inside))
    off = np.concatenate(depths, axis=1)
    covariance = TRACK_PIXELS**2 * np.eye(4) + DEPTH_DOUBT**2 * off @ off.transpose(0, 2, 1)
    white = np.linalg.inv(np.linalg.cholesky(covariance))
    error = np.einsum("nij,nj->ni", white, np.concatenate(errors, axis=1))
    robust = np.sqrt(1 / (1 + (error**2).sum(1) / 4 / OUTLIER**2) / CORRELATION)
    first = robust[:, None, None] * white[:, :, :2] @ slopes[0]
    second = robust[:, None, None] * white[:, :, 2:] @ slopes[1]
    # Two photos may have nothing in common: then -1 would stand for nothing.
    shape = (4 * count, first.shape[-1])
    return (robust[:, None] * error).ravel(), (first.reshape(shape), second.reshape(shape))
