"""The face as a camera sees it: the splats' picture, and the base mesh behind each of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ...avatar.base_mesh import BaseMesh
from ...avatar.distance import head_frame
from ...avatar.views import look
from ...cameras import Camera
from ...colors import rgb_to_lab
from ...gaussians import Gaussians
from ...geometry.vectors import unit
from ...head.landmark_solver import UNITS_PER_METRE
from ...head.mesh_raster import MeshMaps, rasterize_mesh
from ...head.model import vertex_normals
from ...splats.parts import Part

SIZE, HALF_WIDTH = 560, 0.125
"""Pixels across, and metres from the middle to the border: 0.45 mm a pixel, half of one of a portrait."""
DISTANCE, DROP = 0.55, 0.045
"""Metres from the camera to the head's middle, and of the picture's middle below eye level."""
ASIDE = 30.0
"""Degrees to the sides from which a face is looked at: the middles of brows and eyes face that way."""
FRINGE = -0.01
"""Metres above eye level from which hair is no beard's."""
NEAR_FACE = 0.19
"""Metres around the picture's middle within which splats are looked at."""


@dataclass(frozen=True, eq=False)
class Face:
    """A head in the engines' frame: upright, the face to -Y, :data:`UNITS_PER_METRE` units a metre.

    Attributes:
        base: The mesh there.
        frame: [4, 4] from the splats' space to there.
        splats: Those around the face, there.
    """

    base: BaseMesh
    frame: np.ndarray
    splats: Gaussians

    @classmethod
    def of(cls, gaussians: Gaussians, base: BaseMesh) -> Face:
        """Bring a head into the engines' frame."""
        frame = head_frame(base.pose)
        middle = np.array([0, -0.06, -DROP]) * UNITS_PER_METRE
        away = gaussians.means @ frame[:3, :3].T + (frame[:3, 3] - middle)
        near = np.flatnonzero((away * away).sum(axis=1) < (NEAR_FACE * UNITS_PER_METRE) ** 2)
        return cls(base.transformed(frame), frame, gaussians.select(near).transform(frame, reuse=True))

    def sight(self, side: int) -> Sight:
        """Return what is seen from the front (side 0), or from :data:`ASIDE` to the head's left (1) or right (-1)."""
        if side not in self._sights:
            self._sights[side] = Sight.of(self, ASIDE * side)
        return self._sights[side]

    @cached_property
    def _sights(self) -> dict[int, Sight]:
        return {}

    @cached_property
    def fringe(self) -> np.ndarray:
        """[N] float32 1 for splats of hair that may hang over brows, else 0."""
        over = self.splats.means[:, 2] > FRINGE * UNITS_PER_METRE
        return ((self.splats.parts == Part.HAIR) & over).astype(np.float32)

    @cached_property
    def vertices(self) -> np.ndarray:
        """[V, 3] of the mesh as it is shown."""
        return self.base.shown.astype(np.float64)

    @cached_property
    def normals(self) -> np.ndarray:
        """[V, 3] unit normals there."""
        return vertex_normals(self.vertices, self.base.triangles)


@dataclass(frozen=True, eq=False)
class Sight:
    """A view of the face, all maps are [S, S].

    Attributes:
        face: What is seen.
        camera: From where.
        rgb: [S, S, 3] float32 the splats, sRGB-encoded over white.
        depth: float32 the splats' mean depth.
        alpha: float32 their coverage, 0..1.
        fringe: float32 how far they are hair that hangs over brows, 0..1.
        maps: The mesh.
    """

    face: Face
    camera: Camera
    rgb: np.ndarray
    depth: np.ndarray
    alpha: np.ndarray
    fringe: np.ndarray
    maps: MeshMaps

    @classmethod
    def of(cls, face: Face, azimuth: float = 0.0) -> Sight:
        """Look at a face from the front, or from an azimuth in degrees to the head's left."""
        fov = 2 * np.degrees(np.arctan(HALF_WIDTH / DISTANCE))
        down = np.eye(4)
        down[2, 3] = -DROP * UNITS_PER_METRE
        camera = Camera.orbit(270 + azimuth, radius=DISTANCE * UNITS_PER_METRE, fov=fov, size=SIZE).moved(down)
        maps = rasterize_mesh(camera, face.vertices, face.base.triangles, cull_back_faces=True)
        view = look(face.splats, camera, face.fringe, DISTANCE * UNITS_PER_METRE)
        return cls(face, camera, view.image / np.float32(255), view.depth, view.alpha, view.share, maps)

    @cached_property
    def lab(self) -> np.ndarray:
        """[S, S, 3] the picture in CIE L*a*b*."""
        return rgb_to_lab(self.rgb)

    def surface(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places [P, 3] on the mesh at pixel coordinates [P, 2], and its unit normals there [P, 3].

        Beyond the mesh's outline they are those of the nearest pixel that shows it.
        """
        at = [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5]
        depth, *normal = (ndimage.map_coordinates(values, at, order=1, mode="nearest") for values in self._mesh)
        return self.camera.unproject(pixels, depth), unit(np.stack(normal, axis=1))

    def colors(self, points: np.ndarray) -> np.ndarray:
        """Return the picture's colours [..., 3] float32 at places [..., 3] in the engines' frame."""
        pixels, _ = self.camera.project(points.reshape(-1, 3))
        at = [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5]
        rgb = [ndimage.map_coordinates(self.rgb[..., c], at, order=1, mode="nearest") for c in range(3)]
        return np.stack(rgb, axis=1).reshape(points.shape)

    @cached_property
    def _mesh(self) -> tuple[np.ndarray, ...]:
        """Depth and the normals' three coordinates [S, S] of the mesh, continued beyond its outline."""
        nearest = ndimage.distance_transform_edt(~self.maps.mask, return_distances=False, return_indices=True)
        rows, columns = nearest
        normals = self.of_vertices(self.face.normals)[rows, columns]
        return self.maps.depth[rows, columns], *np.moveaxis(normals, -1, 0)

    def of_vertices(self, values: np.ndarray) -> np.ndarray:
        """Return per-vertex values [V] or [V, C] at the pixels; zeros where there is no mesh."""
        return self.maps.interpolate(self.face.base.triangles, np.asarray(values, np.float32))
