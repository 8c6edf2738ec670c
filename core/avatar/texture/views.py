"""The views from which the splats are looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...cameras import Camera
from ..base_mesh import BaseMesh

UNITS = 5.5
"""World units a metre has while baking: about those of the engines' frame, for which the rasterizer's near plane is."""


@dataclass(frozen=True)
class View:
    """One look at the head. Angles are relative to the head's own axes.

    Attributes:
        azimuth: Degrees to the head's left; 0 looks into its face.
        elevation: Degrees above its horizon.
        size: Pixels across.
        mesh_size: Pixels across of the mesh's depth map.
        trust: Factor of its weight.
        is_wide: Shows the shoulders too, and serves them only.
    """

    azimuth: float
    elevation: float
    size: int
    mesh_size: int
    trust: float = 1.0
    is_wide: bool = False

    def camera(self, base: BaseMesh) -> Camera:
        """Return the view's camera for a base mesh that has :data:`UNITS` a metre."""
        distance, half, drop = (1.2, 0.36, 0.22) if self.is_wide else (0.5, 0.165, 0.03)
        fov = 2 * np.degrees(np.arctan(half / distance))
        camera = Camera.orbit(270 + self.azimuth, self.elevation, distance * UNITS, fov, self.size)
        placement = np.eye(4)
        placement[:3, :3] = base.pose.rotation
        placement[:3, 3] = base.pose.translation + base.pose.rotation @ [0, 0, -drop * UNITS]
        return camera.moved(placement)


VIEWS = (
    View(0, 0, 768, 640, trust=10.0),
    View(40, 0, 640, 384),
    View(-40, 0, 640, 384),
    View(85, 0, 512, 320),
    View(-85, 0, 512, 320),
    View(0, -38, 512, 320),
    View(0, 50, 384, 256),
    View(180, 0, 384, 256),
    View(0, 0, 448, 256, trust=10.0, is_wide=True),
    View(90, 0, 320, 192, is_wide=True),
    View(-90, 0, 320, 192, is_wide=True),
    View(180, 0, 320, 192, is_wide=True),
)
"""Resolution goes to the face, where the texture has about two texels a millimetre."""


def normalized(base: BaseMesh) -> tuple[BaseMesh, float]:
    """Return the base mesh at :data:`UNITS` a metre, and the factor that takes the splats there."""
    factor = UNITS / base.pose.scale
    return base.transformed(np.diag([factor, factor, factor, 1.0])), factor


def smaller(views: tuple[View, ...], factor: float) -> tuple[View, ...]:
    """Return the views with fewer pixels, for smaller textures."""
    return tuple(
        replace(view, size=max(64, round(view.size * factor)), mesh_size=max(64, round(view.mesh_size * factor)))
        for view in views
    )
