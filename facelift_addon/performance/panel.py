"""Face capture in the FaceLift tab: the button, then what is being captured."""

from __future__ import annotations

import bpy

from ..avatar import faces
from ..interface.widgets import SidebarPanel, draw_lines, draw_work, time_left
from ..making import errands
from . import whom
from .capturing import PREVIEW, TITLE, is_busy


class FACELIFT_PT_performance(SidebarPanel, bpy.types.Panel):
    """Where a face's movement comes from."""

    bl_label = "Face Capture"
    bl_parent_id = "FACELIFT_PT_avatar"
    bl_order = 0

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A mesh with expressions must be there."""
        return faces.face_of(context.active_object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the buttons, or while a capture is under way how it goes."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        if is_busy():
            _draw_under_way(layout)
            whom.draw(layout, context)
            return
        column = layout.column()
        column.scale_y = 1.5
        column.operator("facelift.capture_video", text="Capture from Video…", icon="CAMERA_DATA")
        draw_lines(layout, context, "Or drop a video of a face into the 3D View.")
        row = layout.row(align=True)
        row.operator("facelift.import_recording", text="Import…", icon="IMPORT")
        row.operator("facelift.save_recording", text="Save…", icon="EXPORT")


def _draw_under_way(layout: bpy.types.UILayout) -> None:
    """Draw a capture's picture, how far it is, and how to stop it."""
    box = layout.box()
    errand = next((errand for errand in errands.under_way() if errand.title == TITLE), None)
    if errand is None:
        box.label(text="Starting")
    else:
        progress = errand.progress
        draw_work(box, progress, PREVIEW)
        box.progress(text=time_left(progress), factor=progress.fraction)
    row = box.row(align=True)
    row.operator("facelift.stop_capture", icon="CHECKMARK")
    row.operator("facelift.cancel_errands", text="Cancel", icon="X").title = TITLE


CLASSES = (FACELIFT_PT_performance,)
"""The panel."""
