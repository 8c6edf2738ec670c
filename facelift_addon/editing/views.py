"""From a 3D View or a camera to how the core's selection tools see the world."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.editing.picking import View
from ...core.errors import FaceLiftError


def in_view(context: bpy.types.Context) -> bool:
    """Whether a tool is called in the 3D View itself, not from elsewhere."""
    region, space = context.region, context.space_data
    return region is not None and region.type == "WINDOW" and space is not None and space.type == "VIEW_3D"


def view_of(context: bpy.types.Context) -> View:
    """Return the 3D View in which a tool is called, or elsewhere what the scene's camera renders.

    Raises:
        FaceLiftError: there is neither ("no-view"), or the camera is a panoramic one ("no-perspective").
    """
    if in_view(context):
        region, shown = context.region, context.space_data.region_3d
        return _view(region.width, region.height, shown.view_matrix, shown.window_matrix)
    camera = context.scene.camera
    if camera is None or camera.type != "CAMERA":
        raise FaceLiftError(
            "There is no camera to look through.", "Add one, or call this in a 3D View.", code="no-view"
        )
    if camera.data.type not in ("PERSP", "ORTHO"):
        raise FaceLiftError(
            f"{camera.name!r} is a panoramic camera.",
            "Choose another one, or call this in a 3D View.",
            "no-perspective",
        )
    render = context.scene.render
    width, height = render.resolution_x, render.resolution_y
    projection = camera.calc_matrix_camera(context.evaluated_depsgraph_get(), x=width, y=height)
    return _view(width, height, camera.matrix_world.normalized().inverted(), projection)


def _view(width: int, height: int, to_eye, projection) -> View:
    return View(width, height, np.array(to_eye, np.float64), np.array(projection, np.float64))
