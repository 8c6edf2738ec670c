"""What the sidebars show of the chosen photo: its crop, its matte, and what will not come out well."""

from __future__ import annotations

import bpy

from ...core.worker.packing import ReceivedPreparation
from ..interface.widgets import draw_lines
from ..making.session import session
from ..making.tasks import Task
from . import editing as photo_editing
from .crop_gizmo import shows_photo


def draw_buttons(layout: bpy.types.UILayout) -> None:
    """Draw the ways to change crop and matte, with a reset beside what was changed."""
    edits = session.photo.order.edits
    row = layout.row(align=True)
    row.operator("facelift.edit_photo", text="Crop", icon="OBJECT_DATAMODE").mode = "CROP"
    if edits.crop is not None or photo_editing.is_moving():
        row.operator("facelift.reset_crop", text="", icon="LOOP_BACK")
    row.separator()
    row.operator("facelift.edit_photo", text="Mend Matte", icon="BRUSH_DATA").mode = "REMOVE"
    if edits.matte:
        row.operator("facelift.reset_matte", text="", icon="LOOP_BACK")


def draw_findings(
    layout: bpy.types.UILayout, context: bpy.types.Context, found: ReceivedPreparation, further: bool = False
) -> None:
    """Draw what will not come out well, and further notes. Further photos of a person are meant to be turned."""
    findings = [finding for finding in found.findings if not (further and finding.code == "turned")]
    if findings:
        box = layout.box()
        for finding in findings:
            draw_lines(box, context, finding.text, icon="ERROR")
            draw_lines(box, context, finding.suffers, icon="BLANK1")
    for note in found.further_notes:
        draw_lines(layout, context, note, icon="INFO")


def draw_way_out(layout: bpy.types.UILayout, photo: Task) -> None:
    """Offer to find a photo that is gone, and a reset where a crop or a painted matte made one useless."""
    if photo.is_gone:
        column = layout.column()
        column.operator_context = "INVOKE_DEFAULT"
        column.operator("facelift.find_photo", icon="VIEWZOOM")
    if photo.order.edits.crop is not None:
        layout.operator("facelift.reset_crop", icon="LOOP_BACK")
    if photo.order.edits.matte:
        layout.operator("facelift.reset_matte", icon="LOOP_BACK")


class FACELIFT_PT_photo(bpy.types.Panel):
    """Crop and matte in the Image Editor that shows the photo."""

    bl_label = "FaceLift Photo"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "FaceLift"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only with the photo."""
        return shows_photo(context)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the crop's numbers and the matte's tools."""
        layout, space = self.layout, context.space_data
        painting = space.ui_mode == "PAINT"
        row = layout.row(align=True)
        row.operator("facelift.edit_photo", text="Crop", depress=not painting).mode = "CROP"
        brush = context.tool_settings.image_paint.brush
        for mode, blend in (("KEEP", "ADD_ALPHA"), ("REMOVE", "ERASE_ALPHA")):
            chosen = painting and brush is not None and brush.blend == blend
            row.operator("facelift.edit_photo", text=mode.capitalize(), depress=chosen).mode = mode
        if not painting:
            column = layout.column(align=True)
            column.use_property_split = True
            column.prop(context.scene.facelift, "crop_center")
            column.prop(context.scene.facelift, "crop_size")
            layout.operator("facelift.reset_crop", icon="LOOP_BACK")
        else:
            row = layout.row(align=True)
            row.label(text="Lasso")
            for mode in ("KEEP", "REMOVE"):
                row.operator("facelift.lasso_matte", text=mode.capitalize()).mode = mode
            layout.prop(space, "display_channels", text="Show")
            layout.operator("facelift.take_matte", icon="CHECKMARK")
            layout.operator("facelift.reset_matte", icon="LOOP_BACK")
        layout.separator()
        layout.operator("facelift.close_photo_editor", icon="CHECKMARK")


CLASSES = (FACELIFT_PT_photo,)
