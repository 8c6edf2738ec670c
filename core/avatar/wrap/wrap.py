"""From splats to the wrap mesh."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...cameras import RIG_FOV, RIG_RADIUS, Camera
from ...errors import FaceLiftError
from ...gaussians import Gaussians
from ...geometry.framing import upright_bounds
from ...head.model import vertex_normals
from ...progress import Reporter
from ..texture.texels import fill_gaps, uv_texels
from ..views import look
from .charts import Unfolding, unfold
from .colors import Paint
from .decimation import decimate
from .fusion import ANGLES, Surface, fused_surface

RESOLUTIONS = {"LOW": 110, "MEDIUM": 170, "HIGH": 240}
"""Voxels along the longest side, by the wanted detail."""
TARGETS = (500, 20_000, 400_000)
"""Lowest, usual and highest number of triangles."""
SIZES = (1024, 2048, 4096)
"""Of the texture, pixels across."""
CLOSE_ANGLES = ((270, 5), (315, 5), (225, 5), (0, 10), (180, 10), (90, 20))
CLOSE_SIZE = 768
"""Further views that the texture needs, and their pixels across."""


@dataclass(frozen=True, eq=False)
class Wrap:
    """A closed mesh around splats, in their space.

    Attributes:
        vertices: [V, 3] float32.
        triangles: [T, 3] int32, counterclockwise from outside; a closed manifold.
        colors: [V, 3] float32, sRGB-encoded, 0..1.
        unfolding: UV map of the triangles; None without texture.
        texture: [S, S, 3] uint8, sRGB-encoded, upper row first; None without.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    colors: np.ndarray
    unfolding: Unfolding | None = None
    texture: np.ndarray | None = None


def wrap(gaussians: Gaussians, target: int, detail: str, texture_size: int, reporter: Reporter) -> Wrap:
    """Wrap splats into a mesh.

    Args:
        gaussians: Any splats, +Z up, of any size and anywhere.
        target: Wanted number of triangles.
        detail: A key of :data:`RESOLUTIONS`.
        texture_size: Pixels across, or 0 for none.
        reporter: Progress and cancelling.

    Raises:
        FaceLiftError: there are no splats ("no-splats"), or they enclose nothing ("no-surface").
        Cancelled: cancelled through the reporter.
    """
    if not len(gaussians):
        raise FaceLiftError("There are no splats to wrap.", "Let the adjustments show more.", code="no-splats")
    to_frame = _to_frame(gaussians)
    # Colours are taken as seen from the front of each splat; their view-dependent part is the scene's light.
    framed = gaussians.replace(sh=gaussians.sh[:, :1], extras={}).transform(to_frame)
    looking, reducing, painting = reporter.parts(55, 20, 25 if texture_size else 0)
    looking.stage("Looking from all around", steps=len(ANGLES))
    surface = fused_surface(framed, RESOLUTIONS[detail], looking)
    if not len(surface.mesh.faces):
        raise FaceLiftError(
            "These splats enclose nothing that could be wrapped.",
            "A wrap needs a surface without large gaps: show more splats, or make them bigger with Splat size.",
            code="no-surface",
        )
    reducing.stage("Reducing faces")
    vertices, triangles = decimate(surface.mesh.vertices, surface.mesh.triangles(), target)
    reporter.check()
    normals = vertex_normals(vertices, triangles)
    paint = Paint(vertices, normals)
    for view in surface.views:
        paint.add(view)
    colors = paint.result(surface.relief.colors(vertices))
    result = Wrap(vertices, triangles, colors)
    if texture_size:
        painting.stage("Painting the texture", steps=len(CLOSE_ANGLES) + 1)
        result = _textured(result, surface, texture_size, painting)
    reporter.finish()
    back = np.linalg.inv(to_frame)
    return replace(result, vertices=(vertices @ back[:3, :3].T + back[:3, 3]).astype(np.float32))


def _textured(plain: Wrap, surface: Surface, size: int, reporter: Reporter) -> Wrap:
    """Return a wrap with UV map and texture."""
    unfolding = unfold(plain.vertices, plain.triangles)
    texels = uv_texels(unfolding.uvs, unfolding.triangles, plain.triangles, size)
    normals = texels.interpolate(vertex_normals(plain.vertices, plain.triangles))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    paint = Paint(texels.interpolate(plain.vertices), normals)
    for azimuth, elevation in CLOSE_ANGLES:
        paint.add(look(surface.splats, Camera.orbit(azimuth, elevation, size=CLOSE_SIZE)))
        reporter.step()
    for view in surface.views:
        paint.add(view, unseen_only=True)
    reporter.step()
    picture, mask = texels.picture(paint.result(texels.interpolate(plain.colors)))
    texture = (np.clip(fill_gaps(picture, mask), 0, 1) * 255 + 0.5).astype(np.uint8)
    return replace(plain, unfolding=unfolding, texture=texture)


def _to_frame(gaussians: Gaussians) -> np.ndarray:
    """Return the [4, 4] matrix that brings splats to where the six-view cameras see them whole."""
    bounds = upright_bounds([gaussians.means])
    scale = RIG_RADIUS / bounds.distance(np.tan(np.radians(RIG_FOV / 2)))
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = -scale * bounds.center
    return matrix
