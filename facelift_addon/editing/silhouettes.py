"""What cameras of the scene see of splats, in the splats' own space."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ...core.cameras import Camera
from ...core.errors import FaceLiftError

FAR_AWAY = 20.0
"""View distances from which an orthographic view is imitated."""


def camera_of(target: bpy.types.Object, camera: bpy.types.Object, width: int, height: int) -> Camera:
    """Return a perspective camera object as a core camera that looks at an object's local space.

    Args:
        target: The splat object; its transform must be a similarity for the result to be exact.
        camera: A camera object.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.

    Raises:
        FaceLiftError: the camera is not a perspective one ("no-perspective").
    """
    data = camera.data
    if data.type != "PERSP":
        raise FaceLiftError(
            f"{camera.name!r} is no perspective camera.", "Choose a perspective camera.", code="no-perspective"
        )
    across = data.sensor_fit == "HORIZONTAL" or (data.sensor_fit == "AUTO" and width >= height)
    span = width if across else height
    sensor = data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width
    focal = data.lens / sensor * span
    center = (width / 2 - data.shift_x * span, height / 2 + data.shift_y * span)
    return Camera(width, height, focal, focal, *center, _local_axes(target, camera.matrix_world))


def camera_of_view(target: bpy.types.Object, view: bpy.types.RegionView3D, width: int, height: int) -> Camera:
    """Return a freely navigated 3D View as a core camera that looks at an object's local space.

    An orthographic view becomes a perspective one of the same direction, from farther away.

    Args:
        target: As for :func:`camera_of`.
        view: Its region's view.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
    """
    axes = view.view_matrix.inverted()
    projection = view.window_matrix
    if view.is_perspective:
        focal = projection[0][0] * width / 2
    else:
        away = FAR_AWAY * view.view_distance
        axes = axes @ Matrix.Translation((0, 0, away))
        focal = projection[0][0] * width / 2 * (away + view.view_distance)
    return Camera(width, height, focal, focal, width / 2, height / 2, _local_axes(target, axes))


def _local_axes(target: bpy.types.Object, matrix: Matrix) -> np.ndarray:
    """Return a Blender camera's world matrix as OpenCV axes [4, 4] in an object's local space."""
    world = np.array(matrix.normalized(), np.float64) @ np.diag([1.0, -1, -1, 1])
    local = np.linalg.inv(np.array(target.matrix_world, np.float64)) @ world
    # A camera has no scale; what its axes got from the object's is taken out again.
    local[:3, :3] /= np.cbrt(np.linalg.det(local[:3, :3]))
    return local
