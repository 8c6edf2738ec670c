"""The sidebar panel of a sequence: how it plays, and what is wrong with its files."""

from __future__ import annotations

import bpy

from ...core.errors import FaceLiftError
from .. import compat
from ..editing import targets
from ..identity import preferences
from ..interface.widgets import SidebarPanel, draw_lines, size_text
from ..splats.data.heads import is_sequence
from . import streams

LINKED = "Linked: frames with another number of splats show only where it is overridden."


class FACELIFT_PT_sequence(SidebarPanel, bpy.types.Panel):
    """The active sequence."""

    bl_label = "Splat Sequence"
    bl_order = 2

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A sequence must be active."""
        active = targets.active_splats(context)
        return active is not None and is_sequence(active)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw its settings, and what is wrong with its files."""
        layout, target = self.layout, targets.active_splats(context)
        settings = target.facelift_sequence
        layout.use_property_split = True
        row = layout.row(align=True)
        row.prop(settings, "filepath")
        row.operator("facelift.reload_sequence", text="", icon="FILE_REFRESH")
        _draw_state(layout, context, target)
        column = layout.column(align=True)
        column.prop(settings, "first")
        column.prop(settings, "last")
        column = layout.column()
        column.prop(settings, "use_frame")
        if settings.use_frame:
            column.prop(settings, "frame")
        else:
            column.prop(settings, "start")
            column.prop(settings, "offset")
            column.prop(settings, "speed")
        column.prop(settings, "loop")
        layout.prop(preferences(), "sequence_memory")
        text = "What Adjustments and modifiers do holds on every frame. Edits by tools hold until the next frame."
        draw_lines(layout, context, text, icon="INFO")


def _draw_state(layout: bpy.types.UILayout, context: bpy.types.Context, target: bpy.types.Object) -> None:
    stream = streams.of(target)
    if isinstance(stream, FaceLiftError):
        draw_lines(layout, context, str(stream), icon="ERROR")
        return
    count, used = len(stream.sequence.numbers), size_text(stream.cache.used)
    layout.label(text=f"{count} files, {len(stream.cache.numbers)} in memory ({used})", icon="SEQUENCE")
    if target.library is not None and not compat.resizes_point_clouds_5_1():
        draw_lines(layout, context, LINKED, icon="INFO")
    for text in stream.news():
        draw_lines(layout, context, text, icon="ERROR")
    if target.mode == "EDIT":
        draw_lines(layout, context, "Plays again outside Edit Mode.", icon="INFO")


CLASSES = (FACELIFT_PT_sequence,)
