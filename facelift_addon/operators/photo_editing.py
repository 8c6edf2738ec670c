"""Operators on the chosen photo's crop and matte."""

from __future__ import annotations

import bpy
import gpu
import numpy as np
from bpy.props import CollectionProperty, EnumProperty, FloatProperty
from gpu_extras.batch import batch_for_shader

from ...core.photo.edits import LARGEST_CROP, SMALLEST_CROP, Crop
from ..interface.explaining import Explained
from ..making.session import session
from ..making.timers import wake
from ..photo import editing as photo_editing
from ..photo.editor_area import close_area, image_area, in_area, open_area
from ..reporting import reported

LASSO_COLOR = (1.0, 0.6, 0.1, 1.0)
LEAST_CORNERS = 3


class _OnPhoto(Explained):
    """An operator on the shown photo."""

    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """A photo with a face is needed."""
        if session.photo is None:
            return "Choose a photo first"
        if session.photo.found is None:
            return "Wait until the face was found"
        return ""


class FACELIFT_OT_edit_photo(_OnPhoto, bpy.types.Operator):
    """Open the photo beside the 3D View, to move its crop or to mend its matte"""

    bl_idname = "facelift.edit_photo"
    bl_label = "Edit Photo"

    mode: EnumProperty(
        name="Mode",
        items=(
            ("CROP", "Crop", "Move and scale the part of the photo that becomes the head"),
            ("KEEP", "Keep", "Paint over what belongs to the person"),
            ("REMOVE", "Remove", "Paint over what does not belong to the person"),
        ),
        options={"SKIP_SAVE"},
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show the image, in an Image Editor where there is a window."""
        shown = photo_editing.show(session.photo)
        area = open_area(context, shown)
        if area is None:
            return {"FINISHED"}
        space = area.spaces.active
        # The crop is judged on the whole photo, the matte on the cut-out.
        space.display_channels = "COLOR" if self.mode == "CROP" else "COLOR_ALPHA"
        space.ui_mode = "VIEW" if self.mode == "CROP" else "PAINT"
        if self.mode != "CROP":
            _set_brush(context, "ADD_ALPHA" if self.mode == "KEEP" else "ERASE_ALPHA")
        return {"FINISHED"}


def _set_brush(context: bpy.types.Context, blend: str) -> None:
    """Make the image brush paint on alpha alone."""
    brush = context.tool_settings.image_paint.brush
    if brush is not None:
        brush.blend = blend


class FACELIFT_OT_close_photo_editor(_OnPhoto, bpy.types.Operator):
    """Take over what was changed, and close the Image Editor that was opened for it"""

    bl_idname = "facelift.close_photo_editor"
    bl_label = "Done"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take it over and give the space back."""
        photo_editing.take_painted(session)
        photo_editing.leave()
        _set_brush(context, "MIX")
        close_area(context)
        wake()
        return {"FINISHED"}


class FACELIFT_OT_set_crop(_OnPhoto, bpy.types.Operator):
    """Take this part of the photo"""

    bl_idname = "facelift.set_crop"
    bl_label = "Set Crop"

    x: FloatProperty(name="X", description="Center, in widths of the photo from its left edge", default=0.5)
    y: FloatProperty(name="Y", description="Center, in heights of the photo from its top", default=0.5)
    size: FloatProperty(
        name="Size", description="Side, in widths of the photo", default=0.5, min=SMALLEST_CROP, max=LARGEST_CROP
    )

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """A photo is needed; a face need not have been found."""
        return "" if session.photo is not None else "Choose a photo first"

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Prepare the photo with it."""
        photo_editing.change(session, crop=Crop.read((self.x, self.y, self.size)))
        wake()
        return {"FINISHED"}


class FACELIFT_OT_reset_crop(_OnPhoto, bpy.types.Operator):
    """Take the part of the photo that the face asks for"""

    bl_idname = "facelift.reset_crop"
    bl_label = "Reset Crop"

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """There must be a crop."""
        if session.photo is None:
            return "Choose a photo first"
        moved = session.photo.order.edits.crop is not None or photo_editing.is_moving()
        return "" if moved else "The crop is where the face asks for it"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Prepare the photo without."""
        photo_editing.change(session, crop=None)
        wake()
        return {"FINISHED"}


class FACELIFT_OT_take_matte(_OnPhoto, bpy.types.Operator):
    """Take over what was painted on the photo. Generate does so, too"""

    bl_idname = "facelift.take_matte"
    bl_label = "Apply Painting"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Prepare the photo with it."""
        photo_editing.take_painted(session)
        wake()
        return {"FINISHED"}


class FACELIFT_OT_reset_matte(_OnPhoto, bpy.types.Operator):
    """Forget everything that was painted on the photo"""

    bl_idname = "facelift.reset_matte"
    bl_label = "Reset Matte"

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Something must have been painted."""
        missing = super().obstacle(context)
        if missing:
            return missing
        shown = photo_editing.image()
        painted = session.photo.order.edits.matte or (shown is not None and shown.is_dirty)
        return "" if painted else "Nothing was painted"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Prepare the photo without."""
        photo_editing.reset_matte(session)
        wake()
        return {"FINISHED"}


class FACELIFT_OT_lasso_matte(_OnPhoto, bpy.types.Operator):
    """Draw around a part of the photo to keep it, or to remove it"""

    bl_idname = "facelift.lasso_matte"
    bl_label = "Lasso"

    path: CollectionProperty(
        name="Path",
        description="Corners in the image's coordinates, 0 to 1 from its lower left corner",
        type=bpy.types.OperatorMousePath,
        options={"SKIP_SAVE", "HIDDEN"},
    )
    mode: EnumProperty(
        name="Mode",
        items=(
            ("KEEP", "Keep", "What is inside belongs to the person"),
            ("REMOVE", "Remove", "What is inside does not belong to the person"),
        ),
        default="REMOVE",
        options={"SKIP_SAVE"},
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change the matte."""
        corners = np.array([tuple(point.loc) for point in self.path], np.float64).reshape(-1, 2)
        if len(corners) < LEAST_CORNERS:
            self.report({"ERROR"}, "Draw around something.")
            return {"CANCELLED"}
        photo_editing.add_lasso(session, corners, self.mode == "KEEP")
        wake()
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Wait for a stroke in the Image Editor."""
        self._area = image_area(context, photo_editing.image())
        if self._area is None:
            self.report({"ERROR"}, "Open the photo first: Crop or Matte in the FaceLift tab.")
            return {"CANCELLED"}
        self._region = next(region for region in self._area.regions if region.type == "WINDOW")
        self._stroke: list[tuple[int, int]] = []
        self._drawing = False
        self._handle = bpy.types.SpaceImageEditor.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set("Draw around a part of the photo. Esc: cancel")
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Follow the mouse from press to release."""
        place = (event.mouse_x - self._region.x, event.mouse_y - self._region.y)
        if event.type in {"ESC", "RIGHTMOUSE"}:
            return self._end(context, {"CANCELLED"})
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            if not in_area(self._region, event):
                return self._end(context, {"CANCELLED"})
            self._drawing, self._stroke = True, [place]
        elif event.type == "MOUSEMOVE" and self._drawing:
            self._stroke.append(place)
            self._area.tag_redraw()
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._drawing:
            self._end(context, set())
            for corner in self._stroke:
                self.path.add().loc = self._region.view2d.region_to_view(*corner)
            return self.execute(context)
        elif not self._drawing:
            return {"PASS_THROUGH"}
        return {"RUNNING_MODAL"}

    def _end(self, context: bpy.types.Context, result: set[str]) -> set[str]:
        bpy.types.SpaceImageEditor.draw_handler_remove(self._handle, "WINDOW")
        context.workspace.status_text_set(None)
        self._area.tag_redraw()
        return result

    def _draw(self) -> None:
        if len(self._stroke) < 2:
            return
        shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        shader.uniform_float("lineWidth", 2.0)
        shader.uniform_float("color", LASSO_COLOR)
        points = [(float(x), float(y), 0.0) for x, y in (*self._stroke, self._stroke[0])]
        batch_for_shader(shader, "LINE_STRIP", {"pos": points}).draw(shader)


CLASSES = (
    FACELIFT_OT_edit_photo,
    FACELIFT_OT_close_photo_editor,
    FACELIFT_OT_set_crop,
    FACELIFT_OT_reset_crop,
    FACELIFT_OT_take_matte,
    FACELIFT_OT_reset_matte,
    FACELIFT_OT_lasso_matte,
)
