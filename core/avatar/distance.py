"""How far a base mesh is from the surface of its splats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..cameras import RIG_RADIUS, Camera
from ..gaussians import Gaussians
from ..head.landmark_solver import UNITS_PER_METRE
from ..head.mesh_raster import rasterize_mesh
from ..head.model import HeadModel, Region
from ..head.pose import Pose
from ..splats.parts import Part
from .base_mesh import BaseMesh
from .views import View, look

HEAD_FOV = 30.0
"""Degrees; a camera of the rig sees a head and little else with it."""
VIEWS = ((270, 0), (250, 10), (290, 10), (225, 0), (315, 0), (240, -25), (300, -25))
"""Azimuths and elevations from which distances are measured."""
SIZE = 320
OPAQUE = 0.9
"""Coverage from which a pixel shows a surface."""
CRISP = 0.004
"""Metres; where depth spreads more, the surface is an edge or fog."""
BARE = 0.5
"""Share of skin from which a pixel shows skin."""
SKIN = (Part.UNKNOWN, Part.SKIN, Part.NECK, Part.EYES, Part.MOUTH)
"""Parts that may be the surface of the bare head."""


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances between the face of a base mesh and splats.

    Attributes:
        metres: [S] of points spread evenly over what views see of the face.
        coverage: Share of the face, 0..1, where the splats show bare skin to compare with.
    """

    metres: np.ndarray
    coverage: float


def head_frame(pose: Pose) -> np.ndarray:
    """Return the similarity [4, 4] from a head's space to the engines' frame: upright, the face to -Y, centred."""
    scale = UNITS_PER_METRE / pose.scale
    matrix = np.eye(4)
    matrix[:3, :3] = scale * pose.rotation.T
    matrix[:3, 3] = -matrix[:3, :3] @ pose.translation
    return matrix


def face_distances(gaussians: Gaussians, base: BaseMesh) -> Distances:
    """Measure a base mesh as it shows the splats' expression.

    Args:
        gaussians: The head.
        base: Fitted to it, in the same space.
    """
    frame = head_frame(base.pose)
    return measure(gaussians.transform(frame), base.transformed(frame).shown, base.model)


def measure(gaussians: Gaussians, vertices: np.ndarray, model: HeadModel) -> Distances:
    """Measure vertices [V, 3] in the engines' frame, as :func:`face_distances`."""
    bare = np.isin(gaussians.parts, SKIN).astype(np.float32)
    face = model.in_regions(Region.FACE, Region.LIPS)[model.triangles].all(axis=1)
    on_mesh: list[np.ndarray] = []
    on_splats: list[np.ndarray] = []
    compared, seen = 0, 0
    for camera in head_cameras(VIEWS, SIZE):
        view = look(gaussians, camera, bare, RIG_RADIUS)
        maps = rasterize_mesh(camera, vertices, model.triangles)
        mask = maps.mask & face[maps.triangles]
        solid = solid_pixels(view)
        on_splats.append(_unprojected(camera, view.depth, solid))
        on_mesh.append(_unprojected(camera, maps.depth, mask & solid))
        compared, seen = compared + (mask & solid).sum(), seen + mask.sum()
    places, cloud = np.concatenate(on_mesh), np.concatenate(on_splats)
    if not len(places):
        return Distances(np.zeros(0), 0.0)
    metres = cKDTree(cloud).query(places)[0] / UNITS_PER_METRE
    return Distances(metres, float(compared / max(seen, 1)))


def head_cameras(places: Sequence[tuple[float, float]], size: int) -> list[Camera]:
    """Return cameras that see a head in the engines' frame, of azimuths and elevations in degrees."""
    return [Camera.orbit(azimuth, elevation, fov=HEAD_FOV, size=size) for azimuth, elevation in places]


def solid_pixels(view: View) -> np.ndarray:
    """Return a mask [H, W] of pixels that show the bare head's surface clearly, in the engines' frame."""
    return (view.alpha > OPAQUE) & (view.spread < CRISP * UNITS_PER_METRE) & (view.share > BARE)


def _unprojected(camera: Camera, depth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return camera.unproject(np.stack([columns, rows], axis=1) + 0.5, depth[mask])
