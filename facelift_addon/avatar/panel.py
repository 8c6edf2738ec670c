"""The avatar in the FaceLift tab: always one visible next step."""

from __future__ import annotations

import bpy

from ..editing import targets
from ..interface.widgets import SidebarPanel, draw_lines, time_left
from ..making import errands
from ..splats.data import following
from . import base_objects, binding, bindings, fitting, rigs, texturing
from .showing import KINDS


class FACELIFT_PT_avatar(SidebarPanel, bpy.types.Panel):
    """From a head of splats to a head mesh that moves."""

    bl_label = "Avatar"
    bl_order = 4

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Splats must be active, or their base mesh or its rig."""
        active = rigs.moved_by(context.active_object)
        return targets.is_splat_object(active) or base_objects.is_base_mesh(active)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the next step."""
        layout, active = self.layout, rigs.moved_by(context.active_object)
        head = base_objects.head_of(active)
        mesh = base_objects.mesh_of(active)
        if draw_progress(layout, fitting.TITLE) or draw_progress(layout, texturing.TITLE):
            return
        if mesh is None:
            if head is not None and following.find(head) is not None:
                _draw_binding(layout, context, head)
            draw_lines(layout, context, "A clean head mesh in the shape of these splats, with expressions.")
            column = layout.column()
            column.operator_context = "INVOKE_DEFAULT"
            column.scale_y = 1.5
            column.operator("facelift.fit_base_mesh", icon="OUTLINER_OB_MESH")
            return
        draw_shown(layout, context, head, mesh, "BASE_MESH")
        if head is not None:
            _draw_binding(layout, context, head)
        row = layout.row(align=True)
        row.operator("facelift.show_expression", text="As in the Photo").expression = "PHOTO"
        row.operator("facelift.show_expression", text="Neutral").expression = "NEUTRAL"
        column = layout.column()
        column.operator_context = "INVOKE_DEFAULT"
        column.operator("facelift.fit_base_mesh", text="Fit Again", icon="FILE_REFRESH")
        column.operator("facelift.bake_texture", text="Bake Texture…", icon="TEXTURE")
        column.operator("facelift.export_avatar", text="Export Avatar…", icon="EXPORT")


def draw_progress(layout: bpy.types.UILayout, title: str) -> bool:
    """Draw how far an errand with a title is; return whether there is one."""
    for errand in errands.under_way():
        if errand.title == title:
            layout.label(text=errand.progress.stage)
            row = layout.row(align=True)
            row.progress(text=time_left(errand.progress), factor=errand.progress.fraction)
            row.operator("facelift.cancel_errands", text="", icon="X").title = title
            return True
    return False


def draw_shown(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    head: bpy.types.Object | None,
    mesh: bpy.types.Object,
    kind: str,
) -> None:
    """Draw what shows either splats or a mesh of a kind, eyes for both in viewport and renders, and the texture."""
    column = layout.column(align=True)
    for target, shows, icon in ((head, "SPLATS", "POINTCLOUD_DATA"), (mesh, kind, "OUTLINER_OB_MESH")):
        if target is not None:
            row = column.row(align=True)
            text = next(name for key, name, _ in KINDS if key == shows)
            row.operator("facelift.show_only", text=text, icon=icon, depress=not target.hide_viewport).kind = shows
            row.prop(target, "hide_viewport", text="", emboss=False)
            row.prop(target, "hide_render", text="", emboss=False)
    shading = context.space_data.shading
    if (
        shading.type == "SOLID"
        and shading.color_type != "TEXTURE"
        and not mesh.hide_viewport
        and texturing.has_texture(mesh)
    ):
        # Solid mode shows materials' plain colours at first.
        layout.prop_enum(shading, "color_type", "TEXTURE", text="Show Texture in Solid Mode", icon="TEXTURE")


def _draw_binding(layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object) -> None:
    """Draw whether the splats follow the mesh, or the button that makes them."""
    if draw_progress(layout, binding.TITLE):
        return
    column = layout.column(align=True)
    column.operator_context = "INVOKE_DEFAULT"
    modifier = following.find(head)
    if modifier is None:
        column.scale_y = 1.5
        column.operator("facelift.bind_to_mesh", text="Bind Splats to Mesh", icon="MOD_MESHDEFORM")
        return
    problem = bindings.trouble(context, head)
    if problem:
        draw_lines(column, context, problem, icon="ERROR")
    row = column.row(align=True)
    row.prop(modifier, "show_viewport", text="Splats Follow", toggle=True)
    row.operator("facelift.bind_to_mesh", text="", icon="FILE_REFRESH")
    row.operator("facelift.unbind", text="", icon="X")


CLASSES = (FACELIFT_PT_avatar,)
"""The panel."""
