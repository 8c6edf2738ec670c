"""The tools in the point cloud's menus."""

from __future__ import annotations

import bpy

from . import targets, transform_nodes

Layout = bpy.types.UILayout


class FACELIFT_MT_splats(bpy.types.Menu):
    """Everything that can be done with splats"""

    bl_idname = "FACELIFT_MT_splats"
    bl_label = "Splats"

    def draw(self, context: bpy.types.Context) -> None:
        """List the tools."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("facelift.clean_floaters", icon="BRUSH_DATA")
        layout.operator("facelift.reduce_density", icon="POINTCLOUD_POINT")
        layout.operator("facelift.symmetrize", icon="MOD_MIRROR")
        layout.separator()
        layout.operator_menu_enum("facelift.delete_part", "part", icon="TRASH")
        layout.operator_menu_enum("facelift.delete_part", "part", text="Keep Only", icon="CHECKMARK").keep = True
        layout.operator_menu_enum("facelift.assign_part", "part", icon="GROUP_VERTEX")
        layout.operator("facelift.paint_color", icon="BRUSHES_ALL")
        layout.operator("facelift.grade_color", icon="COLOR")
        if context.mode == "OBJECT":
            layout.operator_menu_enum("facelift.separate_part", "part", icon="MOD_EXPLODE")
            layout.operator("facelift.join_splats", icon="AUTOMERGE_ON")
            layout.separator()
            layout.operator("facelift.apply_transform", icon="OBJECT_ORIGIN")
            layout.operator_menu_enum("facelift.set_origin", "place", icon="PIVOT_CURSOR")
        layout.operator("facelift.scale_from_eyes", icon="FIXED_SIZE")
        if context.mode == "OBJECT":
            layout.separator()
            layout.operator("facelift.add_adjustments", icon="MODIFIER")
            layout.operator_menu_enum("facelift.add_crop", "shape", icon="MOD_BOOLEAN")
            layout.operator("facelift.refine_to_photos", icon="IMAGE_REFERENCE")
            layout.operator("facelift.place_by_hand", icon="VIEW_PAN")
            layout.operator("facelift.reset_to_original", icon="LOOP_BACK")
            layout.separator()
            layout.operator("facelift.fit_base_mesh", icon="OUTLINER_OB_MESH")
            layout.operator("facelift.bake_texture", icon="TEXTURE")
            layout.operator("facelift.wrap_mesh", icon="MOD_SHRINKWRAP")
            layout.operator("facelift.hair_to_curves", icon="OUTLINER_OB_CURVES")
            layout.separator()
            layout.operator("facelift.set_up_turntable", icon="CAMERA_DATA")
        layout.operator("facelift.save_contact_sheet", text="Save Contact Sheet…", icon="IMAGE_DATA")


class FACELIFT_MT_select_splats(bpy.types.Menu):
    """Ways to select splats"""

    bl_idname = "FACELIFT_MT_select_splats"
    bl_label = "Select Splats"

    def draw(self, context: bpy.types.Context) -> None:
        """List the tools."""
        draw_select(self.layout, context)


def draw_select(layout: Layout, context: bpy.types.Context) -> None:
    """Draw the selecting tools as menu entries."""
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator_menu_enum("facelift.select_part", "part", icon="GROUP_VERTEX")
    layout.operator("facelift.select_color", icon="COLOR")
    layout.operator("facelift.select_size", icon="FIXED_SIZE")
    layout.operator("facelift.select_opacity", icon="MOD_OPACITY")
    layout.operator("facelift.select_visible", icon="HIDE_OFF")
    if context.mode == "EDIT_POINTCLOUD":
        layout.operator("facelift.grow_selection", icon="ADD")
        layout.operator("facelift.shrink_selection", icon="REMOVE")


def _draw_in_object_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if targets.active_splats(context) is not None:
        menu.layout.separator()
        menu.layout.menu(FACELIFT_MT_splats.bl_idname, icon="POINTCLOUD_DATA")
        menu.layout.menu(FACELIFT_MT_select_splats.bl_idname, icon="RESTRICT_SELECT_OFF")


def _draw_in_edit_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if targets.active_splats(context) is not None:
        menu.layout.separator()
        menu.layout.menu(FACELIFT_MT_splats.bl_idname, icon="POINTCLOUD_DATA")


def _draw_in_select_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if targets.active_splats(context) is not None:
        menu.layout.separator()
        draw_select(menu.layout, context)


def _draw_in_apply_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """What Blender's own entries do to splats moves them without turning and scaling them."""
    if context.mode != "OBJECT" or not targets.targets_of(context):
        return
    layout = menu.layout
    for text, wanted in APPLIED.items():
        operator = layout.operator("facelift.apply_transform", text=f"{text} of Splats", icon="POINTCLOUD_DATA")
        for name in ("location", "rotation", "scale"):
            setattr(operator, name, name in wanted)
    layout.separator()
    layout.label(text="Not for splats, whose positions alone would move:", icon="ERROR")


APPLIED = {
    "All Transforms": ("location", "rotation", "scale"),
    "Rotation & Scale": ("rotation", "scale"),
    "Location": ("location",),
    "Rotation": ("rotation",),
    "Scale": ("scale",),
}
"""Entries of the menu Object > Apply, and what each applies."""

PLACES = (
    ("VIEW3D_MT_object", _draw_in_object_menu),
    ("VIEW3D_MT_object_context_menu", _draw_in_object_menu),
    ("VIEW3D_MT_edit_pointcloud", _draw_in_edit_menu),
    ("VIEW3D_MT_select_edit_pointcloud", _draw_in_select_menu),
    ("NODE_MT_add", transform_nodes.draw_in_add_menu),
)
"""Blender's menus and what is added to their ends."""

FIRST_PLACES = (("VIEW3D_MT_object_apply", _draw_in_apply_menu),)
"""The same, to be found before Blender's own entries, which would damage splats."""

CLASSES = (FACELIFT_MT_splats, FACELIFT_MT_select_splats)
