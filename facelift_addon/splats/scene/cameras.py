"""Blender cameras for a head: the aligned front camera with its photo, the six views."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ....core.cameras import RIG_SIZE, VIEW_NAMES, Camera, six_view_rig
from .placement import scale_of

SENSOR_WIDTH = 36.0
"""Millimetres, to which focal lengths refer."""
CLIP_START = 0.01
DISPLAY_SIZE = 0.05
"""Metres, of a camera's drawing in the viewport."""


def rigidly_moved(camera: Camera, matrix: np.ndarray) -> Camera:
    """Return the camera that sees the same picture after the world moved by a similarity [4, 4].

    A camera has no scale: its position follows the matrix, its axes only the rotation.
    """
    matrix = np.asarray(matrix, np.float64)
    carried = matrix @ camera.c2w
    carried[:3, :3] /= scale_of(matrix)
    return Camera(camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, carried)


def new_camera(name: str) -> bpy.types.Object:
    """Return a new, unlinked camera object."""
    data = bpy.data.cameras.new(name)
    data.clip_start = CLIP_START
    data.display_size = DISPLAY_SIZE
    return bpy.data.objects.new(name, data)


def fit(target: bpy.types.Object, camera: Camera, head: bpy.types.Object, to_local: np.ndarray) -> None:
    """Give a camera object the lens of a core camera and its place by the head, as the head's child.

    Args:
        target: A camera object.
        camera: In the engine's frame, with square pixels.
        head: The object whose local space is ``to_local`` of the engine's frame.
        to_local: [4, 4] similarity.
    """
    data = target.data
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_WIDTH
    data.lens = camera.fx / camera.width * SENSOR_WIDTH
    # Blender shifts in units of the picture's width, up and right.
    data.shift_x = 0.5 - camera.cx / camera.width
    data.shift_y = (camera.cy - camera.height / 2) / camera.width
    target.parent = head
    target.matrix_parent_inverse = Matrix()
    target.matrix_basis = Matrix(rigidly_moved(camera, to_local).blender_matrix().tolist())


def set_background(target: bpy.types.Object, image: bpy.types.Image, matte: bpy.types.Image | None = None) -> None:
    """Lay a photo behind what a camera object sees, in place of an earlier one.

    Args:
        target: The camera.
        image: The photo.
        matte: Its cut-out, whose alpha is where the person is: kept as a second background that is not shown.
    """
    data = target.data
    data.show_background_images = True
    data.background_images.clear()
    background = data.background_images.new()
    background.image = image
    background.alpha = 1.0
    background.display_depth = "BACK"
    background.frame_method = "FIT"
    if matte is not None:
        cut_out = data.background_images.new()
        cut_out.image, cut_out.show_background_image = matte, False
        cut_out.frame_method = "FIT"


def six_views(head: bpy.types.Object, to_local: np.ndarray) -> list[bpy.types.Object]:
    """Return new cameras of FaceLift's six views around a head, unlinked, parented to it."""
    targets = []
    for view, camera in zip(VIEW_NAMES, six_view_rig(RIG_SIZE), strict=True):
        target = new_camera(f"{head.name} {view.replace('_', ' ')}")
        fit(target, camera, head, to_local)
        targets.append(target)
    return targets
