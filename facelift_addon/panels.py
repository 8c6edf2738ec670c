"""The sidebar tab: always one visible next step."""

from __future__ import annotations

import bpy

from . import errands, lenses, photo_panels
from .connection import engines, needs_setup
from .editing import targets
from .jobs import session
from .operators.presenting import CONTACT_SHEET
from .orders import makes_variant, options_of, orders_to_make
from .previews import previews
from .setup.drawing import draw_next_step
from .splats import display, heads, native, rendering, turntable
from .splats.native import Way
from .tasks import UNFINISHED, State, Task
from .viewport import overlays, switch
from .viewport.drawing import drawing
from .widgets import SidebarPanel, draw_error, draw_lines, time_left

PREVIEW_SCALE = 6.0
STATE_ICONS = {State.DONE: "CHECKMARK", State.FAILED: "ERROR"}
"""Icons of list entries; others are waiting or under way."""


class FACELIFT_PT_main(SidebarPanel, bpy.types.Panel):
    """Photo, choices, Generate."""

    bl_label = "FaceLift"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Draw what can be done next."""
        layout = self.layout
        if session.photo is None:
            _draw_choose(layout, context)
        else:
            if len(session.photos) > 1:
                _draw_photos(layout)
            _draw_photo(layout, context, session.photo)
            if any(photo.state is not State.FAILED for photo in session.photos):
                _draw_choices(layout, context)
        for task in session.tasks:
            if task.state is State.FAILED:
                draw_error(layout, task, f"{task.order.source.name}: ")
        if session.unfinished:
            # The first in the row is the one at work, but for heads of another engine.
            _draw_running(layout, max(session.unfinished, key=lambda task: task.progress is not None))
        for errand in errands.under_way():
            if errand.prominent:
                _draw_errand(layout, errand)


def _draw_choose(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    column = layout.column()
    column.scale_y = 1.5
    column.operator("facelift.choose_photo", text="Choose Photo…", icon="FILE_IMAGE")
    draw_lines(layout, context, "Or drop one into the 3D View. A frontal portrait works best.")
    layout.template_ID(context.scene.facelift, "image", text="Image in this file")
    row = layout.row()
    row.operator_context = "INVOKE_DEFAULT"
    row.operator("facelift.import_splats", text="Import Splats…", icon="IMPORT")
    if needs_setup(context.scene.facelift.engine):
        draw_next_step(layout, context)


def _draw_photos(layout: bpy.types.UILayout) -> None:
    """List the chosen photos; a click on one shows it below."""
    column = layout.box().column(align=True)
    for photo in session.photos:
        row = column.row(align=True)
        icon = STATE_ICONS.get(photo.state, "TIME")
        show = row.operator(
            "facelift.show_photo", text=photo.order.source.name, icon=icon, depress=photo is session.photo
        )
        show.photo = photo.id
        row.operator("facelift.clear_photo", text="", icon="X").photo = photo.id


def _draw_photo(layout: bpy.types.UILayout, context: bpy.types.Context, photo: Task) -> None:
    row = layout.row()
    row.label(text=photo.order.source.name, icon="FILE_IMAGE")
    row.operator("facelift.choose_photo", text="", icon="FILE_FOLDER")
    row.operator("facelift.clear_photo", text="", icon="X")
    if photo.state is State.FAILED:
        draw_error(layout, photo)
        photo_panels.draw_way_out(layout, photo)
        return
    icons = [previews.icon(f"{photo.id}/{kind}") for kind in ("crop", "aligned")]
    if any(icons):
        row = layout.row()
        row.alignment = "CENTER"
        for icon in filter(None, icons):
            row.template_icon(icon, scale=PREVIEW_SCALE)
    if photo.state in UNFINISHED:
        progress = photo.progress
        layout.progress(text="Looking for the face…", factor=progress.fraction if progress else 0.0)
    if photo.found is not None:
        photo_panels.draw_buttons(layout)
        photo_panels.draw_findings(layout, context, photo.found)
        _draw_faces(layout, photo)


def _draw_faces(layout: bpy.types.UILayout, photo: Task) -> None:
    found = photo.found
    if len(found.faces) > 1:
        row = layout.row(align=True)
        row.label(text="Face")
        # From left to right, as they are in the photo.
        order = sorted(range(len(found.faces)), key=lambda index: found.faces[index].x0)
        for place, index in enumerate(order):
            operator = row.operator("facelift.choose_face", text=str(place + 1), depress=index == found.face)
            operator.face = index


def _draw_choices(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    choices = context.scene.facelift
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(choices, "engine")
    engine = engines().get(choices.engine)
    if needs_setup(choices.engine):
        draw_next_step(layout, context)
    elif engine is not None and not engine["available"]:
        draw_lines(layout, context, engine["reason"], icon="INFO")
    else:
        for option in options_of(choices):
            column.prop(choices, option)
        column.prop(choices, "head_height")
    _draw_generate(layout, context)


def _draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button, and in words what a greyed one or another text means."""
    count, text = len(orders_to_make(context)), "Generate Head"
    if len(session.photos) > 1:
        text = f"Generate {count} Heads" if count > 1 else "Generate Head"
    if makes_variant(context) and count == 1:
        text = "Generate Variant"
        draw_lines(layout, context, "This head is in the scene. Another seed makes a variant of it.", icon="INFO")
    elif not count:
        draw_lines(layout, context, "It is being made. Change a setting for another one.", icon="INFO")
    column = layout.column()
    column.scale_y = 1.5
    column.operator("facelift.generate", text=text, icon="USER")


def _draw_running(layout: bpy.types.UILayout, task: Task) -> None:
    progress = task.progress
    stage = progress.stage if progress is not None and task.state is State.RUNNING else str(task.state)
    layout.label(text="Cancelling…" if task.cancelling else stage)
    row = layout.row(align=True)
    row.progress(text=time_left(progress), factor=progress.fraction if progress is not None else 0.0)
    row.operator("facelift.cancel", text="", icon="X").task = task.id


def _draw_errand(layout: bpy.types.UILayout, errand: errands.Errand) -> None:
    layout.label(text=errand.title)
    row = layout.row(align=True)
    row.progress(text=time_left(errand.progress), factor=errand.progress.fraction)
    row.operator("facelift.cancel_errands", text="", icon="X").title = errand.title


class FACELIFT_PT_queue(SidebarPanel, bpy.types.Panel):
    """All heads asked for, when there are several."""

    bl_label = "Queue"
    bl_parent_id = "FACELIFT_PT_main"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """A single head needs no list."""
        return len(session.tasks) > 1

    def draw(self, context: bpy.types.Context) -> None:
        """Draw a row for each head."""
        column = self.layout.column(align=True)
        for task in session.tasks:
            row = column.row()
            row.label(text=task.order.source.name, icon=STATE_ICONS.get(task.state, "TIME"))
            detail = row.row()
            detail.alignment = "RIGHT"
            running = task.state is State.RUNNING and task.progress is not None
            detail.label(text=f"{task.progress.fraction:.0%}" if running else str(task.state))
            ended = task.state not in UNFINISHED
            operator = detail.operator(
                "facelift.dismiss" if ended else "facelift.cancel", text="", icon="X", emboss=False
            )
            operator.task = task.id
        row = self.layout.row(align=True)
        row.operator("facelift.cancel_all", icon="X")
        row.operator("facelift.clear_finished", icon="CHECKMARK")


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
        recipe = heads.recipe_of(head)
        if recipe:
            row = layout.row(align=True)
            row.operator("facelift.regenerate", text="Regenerate", icon="FILE_REFRESH").mode = "REPLACE"
            row.operator("facelift.regenerate", text="Add Variant", icon="ADD").mode = "ADD"
            if "lens" in recipe:
                layout.operator("facelift.refit_lens", text="Refit Lens…", icon="CAMERA_DATA")
        layout.operator("facelift.export_splats", text="Export…", icon="EXPORT")
        if recipe:
            header, body = layout.panel("facelift_recipe", default_closed=True)
            header.label(text="Recipe")
            if body is not None:
                column = body.column(align=True)
                for key in ("photo", "engine", "version", "licence"):
                    column.label(text=f"{key.capitalize()}: {recipe.get(key, '')}")
                if "lens" in recipe:
                    column.label(text=f"Lens: {lenses.words(recipe)}")


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


INSTANCES_RENDER = (
    "Renders show instances as the camera sees the original. Where they are turned or far from it, make them real "
    "(Object > Apply > Make Instances Real), or override linked ones."
)


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
            _draw_errand(layout, errand)


CLASSES = (FACELIFT_PT_main, FACELIFT_PT_queue, FACELIFT_PT_head, FACELIFT_PT_rendering, FACELIFT_PT_presenting)
