"""The sidebar tab about heads that are in the scene: the active one, how they render, how they are shown around."""

from __future__ import annotations

import bpy

from ...core.engines.recipe import Recipe
from ..editing import targets
from ..making import errands
from ..operators.presenting import CONTACT_SHEET
from ..operators.refining import REFINING
from ..photo import lenses
from ..splats.data import heads, recipes
from ..splats.display import display, native
from ..splats.display.native import Way
from ..splats.scene import rendering, turntable
from ..viewport import overlays, switch
from ..viewport.drawing import drawing
from . import photo_list
from .widgets import SidebarPanel, draw_errand, draw_lines

INSTANCES_RENDER = (
    "Renders show instances as the camera sees the original. Where they are turned or far from it, make them real "
    "(Object > Apply > Make Instances Real), or override linked ones."
)


class FACELIFT_PT_head(SidebarPanel, bpy.types.Panel):
    """The active head."""

    bl_label = "Head"
    bl_order = 1

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A head must be active."""
        return heads.is_head(targets.active_splats(context))

    def draw(self, context: bpy.types.Context) -> None:
        """Draw its recipe and what can be done with it."""
        layout, head = self.layout, targets.active_splats(context)
        layout.label(text=f"{head.name}: {len(head.data.points):,} splats", icon="USER")
        layout.row().prop(context.scene.facelift, "color_mode", expand=True)
        if context.scene.facelift.color_mode == "LIT":
            layout.operator("facelift.update_lighting", icon="LIGHT")
        if display.way_of(head) is Way.QUADS:
            _draw_viewport_choices(layout, context, head)
        if native.is_available():
            if display.way_of(head) is Way.NATIVE:
                layout.prop(context.scene.facelift, "exact_renders")
            else:
                layout.operator("facelift.make_native", icon="POINTCLOUD_DATA")
        overlays.draw_settings(layout, context)
        column = layout.column(align=True)
        if heads.photo_camera_of(head) is not None:
            column.operator("facelift.look_through_photo", icon="VIEW_CAMERA")
            compared = context.scene.facelift_split
            row = column.row(align=True)
            row.operator("facelift.compare_photo", icon="UV_SYNC_SELECT", depress=compared.shown)
            if compared.shown:
                column.prop(compared, "position")
        column.operator("facelift.add_six_views", icon="OUTLINER_OB_CAMERA")
        _draw_refining(layout)
        photo_list.draw_kept(layout, context, head)
        recipe = recipes.of(head)
        if recipe is not None:
            row = layout.row(align=True)
            row.operator("facelift.regenerate", text="Regenerate", icon="FILE_REFRESH").mode = "REPLACE"
            row.operator("facelift.regenerate", text="Add Variant", icon="ADD").mode = "ADD"
            if recipe.portrait.photo.lens is not None:
                layout.operator("facelift.refit_lens", text="Refit Lens…", icon="CAMERA_DATA")
            layout.operator("facelift.choose_head_photos", icon="FILE_IMAGE")
        layout.operator("facelift.export_splats", text="Export…", icon="EXPORT")
        if recipe is not None:
            header, body = layout.panel("facelift_recipe", default_closed=True)
            header.label(text="Recipe")
            if body is not None:
                column = body.column(align=True)
                for title, text in _told(recipe).items():
                    column.label(text=f"{title}: {text}")


def _draw_refining(layout: bpy.types.UILayout) -> None:
    """Draw the button that refines, with its options, or the progress."""
    under_way = [errand for errand in errands.under_way() if errand.title == REFINING]
    for errand in under_way:
        draw_errand(layout, errand)
    if not under_way:
        row = layout.row(align=True)
        row.operator_context = "INVOKE_DEFAULT"
        row.operator("facelift.refine_to_photos", icon="IMAGE_REFERENCE")
        row.operator("facelift.refine_to_photos", text="", icon="OPTIONS").ask = True


def _told(recipe: Recipe) -> dict[str, str]:
    """Return what the panel tells of a recipe, by title."""
    photos = ", ".join(photo.name for photo in recipe.capture.photos)
    told = {"Photo": photos, "Engine": recipe.engine, "Version": recipe.version, "Licence": recipe.licence}
    lens = lenses.words(recipe)
    return told | {"Lens": lens} if lens else told


def _draw_viewport_choices(layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object) -> None:
    """Draw what there is to choose where Blender doesn't draw the splats itself."""
    if switch.works():
        layout.prop(context.scene.facelift_viewport, "enabled")
    else:
        draw_lines(layout, context, "Surface elements: this graphics card can't draw splats.", icon="INFO")
    row = layout.row(align=True)
    in_camera = display.get_option(head, display.CAMERA_IN_VIEWPORT)
    for mode, text in (("POINTS", "Free View"), ("CAMERA", "Scene Camera")):
        pressed = in_camera == (mode == "CAMERA")
        row.operator("facelift.viewport_display", text=text, depress=pressed).mode = mode


class FACELIFT_PT_rendering(SidebarPanel, bpy.types.Panel):
    """Colours and render settings."""

    bl_label = "Rendering"
    bl_order = 4

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only with heads in the scene."""
        return bool(heads.rendered_in(context.scene))

    def draw(self, context: bpy.types.Context) -> None:
        """Draw what should change."""
        layout, scene = self.layout, context.scene
        changes = rendering.proposed_changes(scene, scene.facelift.color_mode)
        column = layout.column(align=True)
        for change in changes:
            column.label(text=f"{change.label}: {change.current} → {change.wanted}", icon="DOT")
        made = rendering.made_changes(scene)
        if made and not changes:
            draw_lines(layout, context, f"Set for splats: {rendering.told(made)}", icon="CHECKMARK")
        if switch.works() and drawing.instances.of(context, drawing.clouds):
            draw_lines(layout, context, INSTANCES_RENDER, icon="INFO")
        column = layout.column(align=True)
        column.operator("facelift.apply_render_settings", icon="CHECKMARK")
        column.operator("facelift.restore_render_settings", icon="LOOP_BACK")


class FACELIFT_PT_presenting(SidebarPanel, bpy.types.Panel):
    """Turntable and contact sheet."""

    bl_label = "Turntable"
    bl_parent_id = "FACELIFT_PT_rendering"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the next step of a film, and the contact sheet with its progress."""
        layout = self.layout
        column = layout.column(align=True)
        column.operator("facelift.set_up_turntable", icon="CAMERA_DATA")
        if turntable.exists(context.scene):
            column.operator_context = "INVOKE_DEFAULT"
            column.operator("render.render", text="Render Turntable", icon="RENDER_ANIMATION").animation = True
            column.operator("facelift.remove_turntable", icon="LOOP_BACK")
        under_way = [errand for errand in errands.under_way() if errand.title == CONTACT_SHEET]
        layout.operator_context = "INVOKE_DEFAULT"
        if not under_way:
            layout.operator("facelift.save_contact_sheet", text="Save Contact Sheet…", icon="IMAGE_DATA")
        for errand in under_way:
            draw_errand(layout, errand)


CLASSES = (FACELIFT_PT_head, FACELIFT_PT_rendering, FACELIFT_PT_presenting)
