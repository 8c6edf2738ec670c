"""Hair curves in the FaceLift tab."""

from __future__ import annotations

import bpy

from ..avatar.belonging import base_mesh_of, head_of
from ..avatar.panel import draw_progress
from ..interface.widgets import SidebarPanel, draw_lines
from ..splats.display.modifier_inputs import ModifierInputs, find_modifier
from . import essentials, grooming, hairs, stack


class FACELIFT_PT_groom(SidebarPanel, bpy.types.Panel):
    """Hair that grows on the base mesh."""

    bl_label = "Hair Curves"
    bl_parent_id = "FACELIFT_PT_avatar"
    bl_order = 0

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Splats must be active, or what belongs to them."""
        return head_of(context.active_object) is not None or base_mesh_of(context.active_object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the button that makes them, or what can be done with them."""
        layout = self.layout
        if draw_progress(layout, grooming.TITLE):
            return
        mesh = base_mesh_of(context.active_object)
        grown = hairs.of(mesh)
        if not grown:
            draw_lines(layout, context, "Hair as curves on the base mesh: to comb, cut, style and render.")
        for growth, hair in grown.items():
            _draw_hair(layout, context, growth.value, hair)
        if head_of(mesh or context.active_object) is not None:
            row = layout.row(align=True)
            row.operator_context = "INVOKE_DEFAULT"
            row.operator(
                "facelift.hair_to_curves", text="Make Again" if grown else "Hair to Curves", icon="OUTLINER_OB_CURVES"
            )
            row.operator("facelift.hair_to_curves", text="", icon="OPTIONS").ask = True
        styled = context.active_object if hairs.is_hair(context.active_object) else next(iter(grown.values()), None)
        if styled is not None:
            _draw_styling(layout, styled)


def _draw_hair(layout: bpy.types.UILayout, context: bpy.types.Context, name: str, hair: bpy.types.Object) -> None:
    """Draw a row for hair: choose it, comb it, see it."""
    row = layout.row(align=True)
    active = context.active_object == hair
    choose = row.operator("facelift.choose_hair", text=name, icon="OUTLINER_OB_CURVES", depress=active)
    choose.growth, choose.comb = name, False
    combing = active and context.mode == "SCULPT_CURVES"
    comb = row.operator("facelift.choose_hair", text="", icon="SCULPTMODE_HLT", depress=combing)
    comb.growth, comb.comb = name, True
    row.prop(hair, "hide_viewport", text="", emboss=False)
    row.prop(hair, "hide_render", text="", emboss=False)


def _draw_styling(layout: bpy.types.UILayout, hair: bpy.types.Object) -> None:
    """Draw the modifiers that fill and style hair."""
    column = layout.column(align=True)
    filled = find_modifier(hair, essentials.INTERPOLATE)
    if filled is not None:
        inputs = ModifierInputs(filled)
        for name in ("Density", "Viewport Amount"):
            owner, path = inputs.place(name)
            column.row(align=True).prop(owner, path, text=name)
    for styling, modifier in stack.stylings_of(hair):
        row = column.row(align=True)
        owner, path = ModifierInputs(modifier).place(styling.main)
        row.prop(owner, path, text=styling.label)
        row.prop(modifier, "show_viewport", text="")
        row.prop(modifier, "show_render", text="")


CLASSES = (FACELIFT_PT_groom,)
"""The panel."""
