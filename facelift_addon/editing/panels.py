"""The editing tools in the FaceLift tab."""

from __future__ import annotations

import bpy

from ...core.splats.parts import Part
from ..interface.widgets import SidebarPanel
from ..splats.display.modifier_inputs import ModifierInputs
from . import adjustments, targets, tools_bar
from .adjustments_nodes import (
    BOX,
    DENSITY,
    MAX_SIZE,
    MIN_OPACITY,
    MIN_SIZE,
    PLANE,
    SIZE,
    USE_BOX,
    USE_PLANE,
    part_input,
    part_label,
)
from .grading_nodes import NEUTRAL

Layout = bpy.types.UILayout


class _Panel(SidebarPanel):
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Splats must be active."""
        return targets.active_splats(context) is not None


class FACELIFT_PT_edit(_Panel, bpy.types.Panel):
    """Tools that change splats."""

    bl_label = "Edit"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the tools by what they are for."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        column = layout.column(align=True)
        column.operator("facelift.clean_floaters", icon="BRUSH_DATA")
        column.operator("facelift.reduce_density", icon="POINTCLOUD_POINT")
        column.operator("facelift.symmetrize", icon="MOD_MIRROR")
        column = layout.column(align=True)
        column.operator("facelift.apply_transform", text="Apply Transform", icon="OBJECT_ORIGIN")
        column.operator_menu_enum("facelift.set_origin", "place", text="Set Origin", icon="PIVOT_CURSOR")
        column.operator("facelift.scale_from_eyes", icon="FIXED_SIZE")
        column = layout.column(align=True)
        column.operator("facelift.join_splats", icon="AUTOMERGE_ON")
        column.operator("facelift.reset_to_original", icon="LOOP_BACK")


class FACELIFT_PT_edit_select(_Panel, bpy.types.Panel):
    """Ways to select splats."""

    bl_label = "Select"
    bl_parent_id = "FACELIFT_PT_edit"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the ways to select."""
        layout = self.layout
        layout.operator_context = "INVOKE_REGION_WIN"
        tools_bar.draw_buttons(layout, context)
        column = layout.column(align=True)
        column.operator_menu_enum("facelift.select_part", "part", icon="GROUP_VERTEX")
        column.operator("facelift.select_color", icon="COLOR")
        column.operator("facelift.select_size", icon="FIXED_SIZE")
        column.operator("facelift.select_opacity", icon="MOD_OPACITY")
        column.operator("facelift.select_visible", icon="HIDE_OFF")
        row = layout.row(align=True)
        row.operator("facelift.grow_selection", text="Grow", icon="ADD")
        row.operator("facelift.shrink_selection", text="Shrink", icon="REMOVE")


class FACELIFT_PT_edit_parts(_Panel, bpy.types.Panel):
    """Tools that work part by part."""

    bl_label = "Parts and Color"
    bl_parent_id = "FACELIFT_PT_edit"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the tools."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        column = layout.column(align=True)
        column.operator_menu_enum("facelift.assign_part", "part", icon="GROUP_VERTEX")
        column.operator_menu_enum("facelift.delete_part", "part", icon="TRASH")
        column.operator_menu_enum("facelift.delete_part", "part", text="Keep Only", icon="CHECKMARK").keep = True
        column.operator_menu_enum("facelift.separate_part", "part", icon="MOD_EXPLODE")
        column = layout.column(align=True)
        column.operator("facelift.paint_color", icon="BRUSHES_ALL")
        column.operator("facelift.grade_color", icon="COLOR")


class FACELIFT_PT_adjustments(_Panel, bpy.types.Panel):
    """Sliders that change splats without touching them."""

    bl_label = "Adjustments"
    bl_order = 3

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the modifier's inputs, or the button that adds it."""
        layout = self.layout
        modifier = adjustments.find(targets.active_splats(context))
        if modifier is None:
            layout.operator("facelift.add_adjustments", icon="MODIFIER")
            return
        row = layout.row(align=True)
        row.prop(modifier, "show_viewport", text="")
        row.prop(modifier, "show_render", text="")
        row.operator("facelift.apply_adjustments", text="Apply", icon="CHECKMARK")
        row.operator("facelift.remove_adjustments", text="Remove", icon="X")
        inputs = ModifierInputs(modifier)
        column = _column(layout)
        for name in (DENSITY, SIZE, MIN_OPACITY, MIN_SIZE, MAX_SIZE):
            column.prop(*inputs.place(name), text=name)
        _draw_crop(layout, inputs, USE_BOX, BOX, "BOX")
        _draw_crop(layout, inputs, USE_PLANE, PLANE, "PLANE")
        _draw_grade(layout, inputs, {name: name for name in NEUTRAL})


def _column(layout: Layout) -> Layout:
    column = layout.column(align=True)
    column.use_property_split = True
    return column


def _draw_crop(layout: Layout, inputs: ModifierInputs, switch: str, helper: str, shape: str) -> None:
    row = layout.row(align=True)
    if inputs[helper] is None:
        row.operator("facelift.add_crop", text=f"Add {helper.title()}", icon="ADD").shape = shape
    else:
        row.prop(*inputs.place(switch), text=helper)
        row.operator("facelift.add_crop", text="Select", icon="RESTRICT_SELECT_OFF").shape = shape


def _draw_grade(layout: Layout, inputs: ModifierInputs, names: dict[str, str]) -> None:
    column = _column(layout)
    for label, name in names.items():
        column.prop(*inputs.place(name), text=label)


class FACELIFT_PT_adjustments_parts(_Panel, bpy.types.Panel):
    """The same for each part of the head."""

    bl_label = "By Part"
    bl_parent_id = "FACELIFT_PT_adjustments"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """The modifier must be there."""
        return super().poll(context) and adjustments.find(targets.active_splats(context)) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw a foldable section for each part."""
        inputs = ModifierInputs(adjustments.find(targets.active_splats(context)))
        for part in Part:
            header, body = self.layout.panel(f"facelift_{part.name.lower()}", default_closed=True)
            header.prop(*inputs.place(part_input(part, "Visible")), text=part_label(part))
            if body is not None:
                _draw_grade(body, inputs, {name: part_input(part, name) for name in NEUTRAL})


CLASSES = (
    FACELIFT_PT_edit,
    FACELIFT_PT_edit_select,
    FACELIFT_PT_edit_parts,
    FACELIFT_PT_adjustments,
    FACELIFT_PT_adjustments_parts,
)
