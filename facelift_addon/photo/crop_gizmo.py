"""Handles of the crop on the photo, in the Image Editor that shows it.

Blender's own cage gizmo draws no handles and takes no drags in an Image Editor, whose gizmos live in pixels.
"""

from __future__ import annotations

import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ...core.photo.crop_handles import CORNERS, dragged, handle_at
from ...core.photo.edits import Crop
from ..making.session import session
from ..making.timers import wake
from . import editing as photo_editing

COLOR = (1.0, 0.6, 0.1, 1.0)
HIGHLIGHT = (1.0, 0.85, 0.5, 1.0)
SHADE = (0.0, 0.0, 0.0, 0.45)
"""Over what is cut off."""
LINE_WIDTH, HANDLE_SIDE, REACH = 2.0, 10.0, 12.0
"""In pixels, times the interface's scale."""
PRECISE = 0.1
"""Share of the mouse's way that counts while Shift is held."""


def shows_photo(context: bpy.types.Context) -> bool:
    """Whether the context's Image Editor shows the chosen photo."""
    space = context.space_data
    shown = getattr(space, "image", None)
    return shown is not None and photo_editing.SHOWN_KEY in shown and session.photo is not None


class FACELIFT_GT_crop(bpy.types.Gizmo):
    """The square, its corners, and a shade over what is cut off."""

    bl_idname = "FACELIFT_GT_crop"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw in pixels of the region."""
        crop = photo_editing.crop_of(session)
        if crop is None or photo_editing.image() is None:
            return
        scale = context.preferences.system.ui_scale
        corners = [
            _to_region(context, crop.x + right * crop.size / 2, crop.y + down * crop.size / 2 / _aspect())
            for right, down in CORNERS
        ]
        gpu.state.blend_set("ALPHA")
        _draw_shade(context, corners)
        line = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        line.uniform_float("viewportSize", (context.region.width, context.region.height))
        line.uniform_float("lineWidth", LINE_WIDTH * scale)
        line.uniform_float("color", HIGHLIGHT if self.is_highlight or self.is_modal else COLOR)
        batch_for_shader(line, "LINE_STRIP", {"pos": [(*corner, 0.0) for corner in (*corners, corners[0])]}).draw(line)
        half = HANDLE_SIDE * scale / 2
        for x, y in corners:
            _draw_rectangle((x - half, y - half, x + half, y + half), HIGHLIGHT if self.is_highlight else COLOR)
        gpu.state.blend_set("NONE")

    def test_select(self, context: bpy.types.Context, location: tuple[int, int]) -> int:
        """Return the handle under the mouse, or -1."""
        crop = photo_editing.crop_of(session)
        if crop is None or photo_editing.image() is None:
            return -1
        reach = REACH * context.preferences.system.ui_scale / _photo_width(context)
        handle = handle_at(crop, _to_photo(context, *location), _aspect(), reach)
        return -1 if handle is None else handle

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Begin a drag."""
        self.began = photo_editing.crop_of(session)
        self.last = _to_photo(context, event.mouse_region_x, event.mouse_region_y)
        self.handle = self.test_select(context, (event.mouse_region_x, event.mouse_region_y))
        self.shift = (0.0, 0.0)
        return {"RUNNING_MODAL"} if self.handle >= 0 else {"CANCELLED"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event, tweak: set[str]) -> set[str]:
        """Follow the mouse."""
        if photo_editing.image() is None or session.photo is None:
            return {"CANCELLED"}
        point = _to_photo(context, event.mouse_region_x, event.mouse_region_y)
        step = PRECISE if "PRECISE" in tweak else 1.0
        self.shift = tuple(
            old + (new - last) * step for old, new, last in zip(self.shift, point, self.last, strict=True)
        )
        self.last = point
        if any(self.shift):
            _move(context, dragged(self.began, self.handle, self.shift, _aspect()))
        return {"RUNNING_MODAL"}

    def exit(self, context: bpy.types.Context, cancel: bool) -> None:
        """Put the crop back where the drag was cancelled."""
        if cancel and session.photo is not None and any(self.shift):
            _move(context, self.began)


class FACELIFT_GGT_crop(bpy.types.GizmoGroup):
    """A square to move and to scale."""

    bl_idname = "FACELIFT_GGT_crop"
    bl_label = "Crop of the Photo"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "WINDOW"
    bl_options = {"PERSISTENT", "SCALE"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while painting: handles would be in the way."""
        return (
            shows_photo(context) and context.space_data.ui_mode == "VIEW" and photo_editing.crop_of(session) is not None
        )

    def setup(self, _context: bpy.types.Context) -> None:
        """Make the square."""
        square = self.gizmos.new(FACELIFT_GT_crop.bl_idname)
        square.use_draw_modal = True


def _move(context: bpy.types.Context, crop: Crop) -> None:
    photo_editing.move_crop(session, crop)
    context.area.tag_redraw()
    wake()


def _aspect() -> float:
    """Return the photo's height in widths."""
    width, height = photo_editing.image().size
    return height / width


def _photo_width(context: bpy.types.Context) -> float:
    """Return the photo's width in pixels of the region, at least 1."""
    (left, _), (right, _) = _to_region(context, 0.0, 0.0), _to_region(context, 1.0, 0.0)
    return max(right - left, 1.0)


def _to_region(context: bpy.types.Context, x: float, y: float) -> tuple[float, float]:
    """Return the pixel in the region of a place on the photo; y counts from its top."""
    return context.region.view2d.view_to_region(x, 1 - y, clip=False)


def _to_photo(context: bpy.types.Context, x: float, y: float) -> tuple[float, float]:
    """Return the place on the photo of a pixel in the region."""
    across, up = context.region.view2d.region_to_view(x, y)
    return across, 1 - up


def _draw_shade(context: bpy.types.Context, corners: list[tuple[float, float]]) -> None:
    """Darken what of the photo is cut off."""
    (left, top), (right, bottom) = _to_region(context, 0.0, 0.0), _to_region(context, 1.0, 1.0)
    (x0, y1), (x1, y0) = corners[0], corners[2]
    x0, x1 = (min(max(value, left), right) for value in (x0, x1))
    y0, y1 = (min(max(value, bottom), top) for value in (y0, y1))
    for rectangle in ((left, bottom, x0, top), (x1, bottom, right, top), (x0, bottom, x1, y0), (x0, y1, x1, top)):
        _draw_rectangle(rectangle, SHADE)


def _draw_rectangle(rectangle: tuple[float, float, float, float], color: tuple[float, ...]) -> None:
    x0, y0, x1, y1 = rectangle
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", color)
    positions = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    batch_for_shader(shader, "TRIS", {"pos": positions}, indices=[(0, 1, 2), (0, 2, 3)]).draw(shader)


CLASSES = (FACELIFT_GT_crop, FACELIFT_GGT_crop)
