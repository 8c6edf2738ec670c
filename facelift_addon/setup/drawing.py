"""How the setup is drawn: in full in the preferences, as one step in the sidebar."""

from __future__ import annotations

import bpy

from ...core.errors import FaceLiftError
from ...core.runtime.setup_view import View
from ..identity import preferences
from ..interface.widgets import draw_lines
from .guide import guide
from .installed_drawing import draw_installed
from .steps import raw_text

STEP_ICONS = {"done": "CHECKMARK", "now": "RIGHTARROW_THIN", "later": "BLANK1"}
STEPS_SHARE, PRESENT_SHARE = 0.3, 0.74
"""Of the preferences' width: the list of steps, and what is known to fit beside it."""
SIDEBAR_SHARE = 0.9
"""Of the sidebar's width: what fits into a box in a box."""
PICTURE_SCALE = 6.0
PICTURE_TEXT = "This portrait of an astronaut went through the weights: a clear face means that they work here."
ACCEPT_TEXT = "I Have Read and Accept the Licence"


def draw_setup(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw all steps, the present one in full, and what is installed."""
    shown = guide.view()
    box = layout.box()
    box.use_property_split = False
    split = box.split(factor=STEPS_SHARE)
    steps = split.column(align=True)
    for step in shown.steps:
        row = steps.row()
        row.active = step.mark != "later"
        row.label(text=step.title, icon=STEP_ICONS[step.mark])
    present = split.column()
    for line in shown.lines:
        draw_lines(present, context, line, width_share=PRESENT_SHARE)
    icon = guide.picture()
    if icon:
        present.template_icon(icon, scale=PICTURE_SCALE)
        draw_lines(present, context, PICTURE_TEXT, width_share=PRESENT_SHARE)
    _draw_action(present, context, shown, PRESENT_SHARE)
    if shown.licence_text and not shown.progress:
        _draw_licence(box, context, shown.licence_text)
    draw_installed(box)


def draw_next_step(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the present step in a few lines, for the sidebar."""
    shown = guide.view()
    box = layout.box()
    present = next((step for step in shown.steps if step.mark == "now"), shown.steps[-1])
    done = sum(step.mark == "done" for step in shown.steps)
    box.label(text=f"Setup {done + 1}/{len(shown.steps)}: {present.title}", icon="TOOL_SETTINGS")
    if not shown.progress:
        draw_lines(box, context, shown.lines[0])
    _draw_action(box, context, shown, SIDEBAR_SHARE, short=True)


def _draw_action(
    layout: bpy.types.UILayout, context: bpy.types.Context, shown: View, width_share: float, short: bool = False
) -> None:
    """Draw the error, the one button or the progress, and the hint."""
    if shown.error is not None:
        _draw_error(layout, context, shown.error, width_share)
    if shown.progress is not None:
        row = layout.row(align=True)
        row.progress(text="" if short else shown.progress_text, factor=shown.progress.fraction)
        row.operator("facelift.setup_cancel", text="", icon="X")
        if short:
            draw_lines(layout, context, shown.progress_text)
    elif shown.licence_text:
        if short:
            layout.operator("facelift.open_setup", text="Read the Licence…", icon="TEXT")
    elif shown.button:
        row = layout.row()
        row.scale_y = 1.4
        row.operator("facelift.setup_proceed", text=shown.button)
    if shown.hint:
        draw_lines(layout, context, shown.hint, icon="INFO", width_share=width_share)
    if short and not shown.licence_text:
        layout.operator("facelift.open_setup", text="Details and Folders…", icon="PREFERENCES")


def _draw_error(
    layout: bpy.types.UILayout, context: bpy.types.Context, error: FaceLiftError, width_share: float
) -> None:
    box = layout.box()
    box.alert = True
    draw_lines(box, context, error.message, icon="ERROR", width_share=width_share)
    box.alert = False
    if error.advice:
        draw_lines(box, context, error.advice, icon="BLANK1", width_share=width_share)
    if error.code == "not-allowed":
        box.prop(preferences(), "weights_token")
    row = box.row(align=True)
    if raw_text():
        row.operator("facelift.setup_details", icon="TEXT")
    row.operator("facelift.copy_report", icon="COPYDOWN")


def _draw_licence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str) -> None:
    """Draw the whole text, then both answers: below it, because it is to be read first."""
    box = layout.box()
    for paragraph in text.splitlines():
        if paragraph.strip():
            draw_lines(box, context, paragraph.strip())
        else:
            box.separator(factor=0.3)
    row = layout.row()
    row.scale_y = 1.4
    row.operator("facelift.setup_licence", text=ACCEPT_TEXT, icon="CHECKMARK").accept = True
    row.operator("facelift.setup_licence", text="Decline").accept = False
