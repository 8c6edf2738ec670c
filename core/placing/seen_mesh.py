"""The head's mesh as a photo's camera sees it: its wireframe without what is hidden, and the place under a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ..cameras import Camera
from ..head.mesh_raster import rasterize_mesh
from ..head.model import HeadModel, Region

SHOWN = (Region.FACE, Region.SCALP, Region.EARS, Region.LIPS, Region.EYES)
"""Regions with a wireframe: neck and shoulders turn by themselves, and what lies inside is not seen."""
HIDING = (*SHOWN, Region.NECK, Region.TORSO)
"""Regions that hide what lies behind them."""
DEPTH_SIDE = 160
"""Pixels of the picture in which is found out what hides what."""
HIDDEN = 0.015
"""Metres behind the nearest surface from which a vertex is hidden."""


@lru_cache(maxsize=1)
def _wireframe(model: HeadModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the triangles [T, 3] that hide something, which of them are shown [T], and edges [E, 2] of shown quads."""
    shown = model.in_regions(*SHOWN)
    faces = model.faces[shown[model.faces].all(1)]
    edges = np.concatenate([faces[:, [side, (side + 1) % 4]] for side in range(4)])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    triangles = model.triangles[model.in_regions(*HIDING)[model.triangles].all(1)]
    return triangles, shown[triangles].all(1), edges[edges[:, 0] != edges[:, 1]]


@dataclass(frozen=True, eq=False)
class SeenMesh:
    """The mesh through a camera.

    Attributes:
        model: The head model.
        vertices: [V, 3] in the camera's world, in its order.
        camera: The photo's.
        scale: Units of that world per metre.
    """

    model: HeadModel
    vertices: np.ndarray
    camera: Camera
    scale: float

    @cached_property
    def _projected(self) -> tuple[np.ndarray, np.ndarray]:
        return self.camera.project(self.vertices)

    @cached_property
    def visible(self) -> np.ndarray:
        """[V] bool: vertices that no other part of the mesh hides."""
        pixels, depths = self._projected
        triangles, _, _ = _wireframe(self.model)
        nearest = rasterize_mesh(self.camera.resized(DEPTH_SIDE), self.vertices, triangles).depth
        place = pixels * (DEPTH_SIDE / self.camera.width)
        visible = depths > 0
        inside = visible & (place >= 0).all(1) & (place < nearest.shape[::-1]).all(1)
        columns, rows = place[inside].astype(int).T
        visible[inside] = depths[inside] < nearest[rows, columns] + HIDDEN * self.scale
        return visible

    def edges(self) -> np.ndarray:
        """Return the visible edges [N, 2, 2] in pixels."""
        _, _, edges = _wireframe(self.model)
        return self._projected[0][edges[self.visible[edges].all(1)]]

    def at(self, pixel: tuple[float, float], reach: float) -> tuple[tuple[int, int, int], tuple[float, ...]] | None:
        """Return the nearest place of the surface that is seen at a pixel, as three vertices and their weights.

        Args:
            pixel: Where.
            reach: Pixels by which the outline may be missed: then the nearest visible vertex is taken.

        Returns:
            None where there is nothing.
        """
        pixels, depths = self._projected
        triangles, shown, _ = _wireframe(self.model)
        a, b, c = np.moveaxis(pixels[triangles] - np.asarray(pixel), 1, 0)
        # Twice the areas of the triangles that the pixel makes with each side; all of one sign where it lies inside.
        areas = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], axis=1)
        total = areas.sum(1)
        # Pixels' rows run down: what is counter-clockwise from outside has a negative area when seen.
        hit = np.flatnonzero((areas <= 0).all(1) & (total < 0) & (depths[triangles] > 0).all(1))
        if len(hit):
            # Perspective keeps weights over depth linear on the picture.
            weights = areas[hit] / total[hit, None] / depths[triangles[hit]]
            nearest = int(weights.sum(1).argmax())
            own = weights[nearest] / weights[nearest].sum()
            if not shown[hit[nearest]]:
                return None
            return _corners(triangles[hit[nearest]]), tuple(own.tolist())
        used = np.unique(triangles[shown])
        used = used[self.visible[used]]
        away = np.linalg.norm(pixels[used] - np.asarray(pixel), axis=1)
        if not len(used) or away.min() > reach:
            return None
        vertex = int(used[away.argmin()])
        return (vertex, vertex, vertex), (1.0, 0.0, 0.0)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _corners(triangle: np.ndarray) -> tuple[int, int, int]:
    a, b, c = triangle.tolist()
    return a, b, c
