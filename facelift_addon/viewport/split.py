"""The head against its photo: a camera view whose left part shows the photo, up to a line that can be dragged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import gpu
import numpy as np
from bpy.props import BoolProperty, FloatProperty, IntVectorProperty, PointerProperty, StringProperty
from gpu_extras.batch import batch_for_shader

from ..splats.data import heads
from .photo_shader import photo_shader

GRAB_PIXELS = 10
"""Beside the line within which it can be grabbed."""
HANDLE_PIXELS = 7
LINE_COLORS = (((0.0, 0.0, 0.0, 0.7), 3.0), ((1.0, 1.0, 1.0, 1.0), 1.0))
CORNERS = 24


@dataclass(frozen=True)
class Frame:
    """Where a view shows a photo, in pixels of its region.

    Attributes:
        left: Of the whole photo.
        bottom: Of the whole photo.
        width: Of the whole photo.
        height: Of the whole photo.
    """

    left: float
    bottom: float
    width: float
    height: float

    def line(self, position: float) -> float:
        """Return where the line is, for a share 0..1 of the photo that is shown."""
        return self.left + position * self.width

    def position(self, x: float) -> float:
        """Return the share 0..1 of the photo that is shown with the line at a pixel."""
        return float(np.clip((x - self.left) / self.width, 0.0, 1.0))

    def part(self, position: float) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Return the corners of the photo's part that is shown, and their places in the photo, 0..1."""
        right, top = self.line(position), self.bottom + self.height
        corners = [(self.left, self.bottom), (right, self.bottom), (self.left, top), (right, top)]
        return corners, [(0.0, 0.0), (position, 0.0), (0.0, 1.0), (position, 1.0)]


def _redraw(_settings: SplitSettings, context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


class SplitSettings(bpy.types.PropertyGroup):
    """The comparison of a scene, and what was there before it."""

    shown: BoolProperty(name="Compare with Photo", options={"SKIP_SAVE"}, update=_redraw)
    position: FloatProperty(
        name="Photo",
        description="Share of the picture that shows the photo, from the left; the line in the view can be dragged",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=_redraw,
    )
    camera: StringProperty(options={"HIDDEN"})
    resolution: IntVectorProperty(size=2, options={"HIDDEN"})
    perspective: StringProperty(options={"HIDDEN"})


def photo_of(camera: bpy.types.Object | None) -> bpy.types.Image | None:
    """Return the photo behind what a head's photo camera sees; None for other cameras."""
    if camera is None or camera.type != "CAMERA" or heads.PHOTO_CAMERA_KEY not in camera:
        return None
    images = (background.image for background in camera.data.background_images)
    return next((image for image in images if image is not None and 0 not in image.size), None)


def camera_in(context: bpy.types.Context) -> bpy.types.Object | None:
    """Return the camera through which a 3D View looks, or None."""
    space = context.space_data
    if space is None or space.type != "VIEW_3D" or space.region_3d.view_perspective != "CAMERA":
        return None
    return space.camera if space.use_local_camera else context.scene.camera


def frame_in(
    camera: bpy.types.Object, size: Sequence[int], perspective_matrix: np.ndarray, region: Sequence[int]
) -> Frame:
    """Return where a view through a camera shows a photo that fills the camera's width.

    Args:
        camera: A photo camera; its horizontal field is the photo's, whatever the render's height is.
        size: [2] the photo's pixels.
        perspective_matrix: [4, 4] of the view.
        region: [2] the region's pixels.
    """
    # Corners of a plane at some depth that fills the field: half a width is half the sensor through the lens.
    data = camera.data
    half = data.sensor_width / 2 / data.lens
    middle = np.array([data.shift_x, data.shift_y]) * 2 * half
    reach = half * np.array([1.0, size[1] / size[0]])
    corners = np.array([[*(middle - reach), -1, 1], [*(middle + reach), -1, 1]])
    world = corners @ np.array(camera.matrix_world.normalized(), np.float64).T
    clip = world @ np.array(perspective_matrix, np.float64).T
    low, high = (clip[:, :2] / clip[:, 3:] + 1) / 2 * np.array(region)
    return Frame(*low, *(high - low))


def frame_of(context: bpy.types.Context) -> Frame | None:
    """Return where the comparison's photo is in the view being drawn; None where there is none."""
    settings = getattr(context.scene, "facelift_split", None)
    camera = camera_in(context)
    photo = photo_of(camera)
    if settings is None or not settings.shown or photo is None:
        return None
    region = context.region
    return frame_in(camera, photo.size, context.region_data.perspective_matrix, (region.width, region.height))


def _draw() -> None:
    context = bpy.context
    frame = frame_of(context)
    if frame is None:
        return
    position = context.scene.facelift_split.position
    if position > 0:
        corners, places = frame.part(position)
        shader = photo_shader()
        gpu.state.blend_set("ALPHA_PREMULT")
        shader.bind()
        shader.uniform_sampler("image", gpu.texture.from_image(photo_of(camera_in(context))))
        batch_for_shader(shader, "TRI_STRIP", {"pos": corners, "texCoord": places}).draw(shader)
    _draw_line(frame, frame.line(position))
    gpu.state.blend_set("NONE")


def _draw_line(frame: Frame, x: float) -> None:
    middle, top = frame.bottom + frame.height / 2, frame.bottom + frame.height
    angles = np.linspace(0, 2 * np.pi, CORNERS + 1)
    circle = np.array([x, middle]) + HANDLE_PIXELS * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    lines = ([(x, frame.bottom), (x, middle - HANDLE_PIXELS)], circle.tolist(), [(x, middle + HANDLE_PIXELS), (x, top)])
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    gpu.state.blend_set("ALPHA")
    for color, width in LINE_COLORS:
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        shader.uniform_float("lineWidth", width)
        shader.uniform_float("color", color)
        for line in lines:
            batch_for_shader(shader, "LINE_STRIP", {"pos": [(*corner, 0.0) for corner in line]}).draw(shader)


class FACELIFT_GT_split(bpy.types.Gizmo):
    """The line between photo and head, as a thing to drag."""

    bl_idname = "FACELIFT_GT_split"

    def draw(self, _context: bpy.types.Context) -> None:
        """Leave that to the draw handler, which also draws without gizmos."""

    def test_select(self, context: bpy.types.Context, location: Sequence[float]) -> int:
        """Return 0 when the mouse is at the line."""
        frame = frame_of(context)
        if frame is None or not frame.bottom <= location[1] <= frame.bottom + frame.height:
            return -1
        return 0 if abs(location[0] - frame.line(context.scene.facelift_split.position)) <= GRAB_PIXELS else -1

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin to drag."""
        self.before = context.scene.facelift_split.position
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event, _tweak: set[str]) -> set[str]:
        """Follow the mouse."""
        frame = frame_of(context)
        if frame is not None:
            context.scene.facelift_split.position = frame.position(event.mouse_region_x)
        return {"RUNNING_MODAL"}

    def exit(self, context: bpy.types.Context, cancel: bool) -> None:
        """Put the line back when the drag was cancelled."""
        if cancel:
            context.scene.facelift_split.position = self.before


class FACELIFT_GGT_split(bpy.types.GizmoGroup):
    """The group that Blender wants around a gizmo."""

    bl_idname = "FACELIFT_GGT_split"
    bl_label = "Photo Split"
    bl_space_type = "VIEW_3D"
    bl_region_type = "WINDOW"
    bl_options = {"PERSISTENT", "SCALE"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only while the photo is compared."""
        return frame_of(context) is not None

    def setup(self, _context: bpy.types.Context) -> None:
        """Make the one gizmo."""
        self.gizmos.new(FACELIFT_GT_split.bl_idname).use_draw_modal = True


CLASSES = (SplitSettings, FACELIFT_GT_split, FACELIFT_GGT_split)
_handles: list = []


def register() -> None:
    """Attach the settings to scenes, and draw."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.facelift_split = PointerProperty(type=SplitSettings)
    if not bpy.app.background:
        _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    """Leave 3D Views as they were."""
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
    del bpy.types.Scene.facelift_split
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
