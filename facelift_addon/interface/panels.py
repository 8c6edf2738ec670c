"""The sidebar tab from the photo to the head: always one visible next step."""

from __future__ import annotations

import bpy

from ...core.progress import CROP
from .. import engine_properties
from ..by_hand import drawing as hand_drawing
from ..making import errands, together
from ..making.connection import engines, needs_setup
from ..making.orders import makes_variant, orders_to_make, settings_of, takes_lens
from ..making.session import session
from ..making.tasks import UNFINISHED, State, Task
from ..photo import lenses
from ..photo import panels as photo_panels
from ..setup.drawing import draw_next_step
from . import photo_list
from .previews import previews
from .widgets import STATE_ICONS, SidebarPanel, draw_errand, draw_error, draw_lines, time_left

PREVIEW_SCALE = 6.0


class FACELIFT_PT_main(SidebarPanel, bpy.types.Panel):
    """Photo, choices, Generate."""

    bl_label = "FaceLift"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Draw what can be done next."""
        layout = self.layout
        if hand_drawing.draw_under_way(layout, context):
            return
        if session.photo is None:
            _draw_choose(layout, context)
        else:
            if len(session.photos) > 1:
                photo_list.draw(layout, context)
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
                draw_errand(layout, errand)


def _draw_choose(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    column = layout.column()
    column.scale_y = 1.5
    column.operator("facelift.choose_photo", text="Choose Photo…", icon="FILE_IMAGE")
    draw_lines(layout, context, "Or drop one into the 3D View. A frontal portrait works best.")
    layout.template_ID(context.scene.facelift, "image", text="Image in this file")
    row = layout.row()
    row.operator_context = "INVOKE_DEFAULT"
    row.operator("facelift.avatar_from_video", text="Avatar from Video…", icon="CAMERA_DATA")
    row = layout.row()
    row.operator_context = "INVOKE_DEFAULT"
    row.operator("facelift.moving_head", text="Moving Head from Video…", icon="RENDER_ANIMATION")
    row = layout.row()
    row.operator_context = "INVOKE_DEFAULT"
    row.operator("facelift.import_splats", text="Import Splats…", icon="IMPORT")
    if needs_setup(context.scene.facelift.engine):
        draw_next_step(layout, context)


def _draw_photo(layout: bpy.types.UILayout, context: bpy.types.Context, photo: Task) -> None:
    row = layout.row()
    row.label(text=photo.order.source.name, icon="FILE_IMAGE")
    row.operator("facelift.choose_photo", text="", icon="FILE_FOLDER")
    if len(session.photos) == 1:
        row.operator("facelift.choose_photo", text="", icon="ADD").add = True
        row.operator("facelift.clear_photo", text="", icon="X")
    if photo.state is State.FAILED:
        draw_error(layout, photo)
        photo_panels.draw_way_out(layout, photo)
        return
    standing = photo_list.standing_of(context, photo) if session.together else None
    # What was found before stays while the photo is looked at anew.
    kinds = (CROP,) if together.needs_hand(photo) else (CROP, "aligned")
    keys = [(f"{photo.id}/{kind}", f"{photo.found_id}/{kind}") for kind in kinds]
    icons = [previews.icon(own if own in previews else before) for own, before in keys]
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
        photo_panels.draw_findings(layout, context, photo.found, standing is not None and not standing.is_portrait)
        _draw_faces(layout, photo)
    if standing is not None:
        photo_list.draw_own(layout, context, photo, standing)


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
        if takes_lens(choices.engine) and not session.together:
            lenses.draw(column, choices)
        engine_properties.draw(column, choices, settings_of(choices.engine))
        column.prop(choices, "head_height")
    _draw_generate(layout, context)


def _draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button, and in words what a greyed one or another text means."""
    orders, text = orders_to_make(context), "Generate Head"
    count = len(orders)
    if count > 1:
        text = f"Generate {count} Heads"
    elif session.together and orders:
        photos = len(orders[0].capture.shots)
        text = f"Generate Head from {photos} Photos" if photos > 1 else "Generate Head from the Portrait"
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


CLASSES = (FACELIFT_PT_main, FACELIFT_PT_queue)
