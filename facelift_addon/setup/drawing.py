"""How the setup is drawn: in full in the preferences, as one step in the sidebar."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...core.errors import FaceLiftError
from ...core.runtime.setup_state import Stage
from ...core.runtime.setup_view import View
from ..identity import preferences
from ..widgets import draw_lines, size_text
from .guide import guide
from .steps import raw_text

STEP_ICONS = {"done": "CHECKMARK", "now": "RIGHTARROW_THIN", "later": "BLANK1"}
STEPS_SHARE, PRESENT_SHARE = 0.3, 0.74
"""Of the preferences' width: the list of steps, and what is known to fit beside it."""
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
    _draw_action(present, context, shown, PRESENT_SHARE)
    if shown.licence_text and not shown.progress:
        _draw_licence(box, context, shown.licence_text)
    _draw_installed(box, context)


def draw_next_step(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the present step in a few lines, for the sidebar."""
    shown = guide.view()
    box = layout.box()
    present = next((step for step in shown.steps if step.mark == "now"), shown.steps[-1])
    done = sum(step.mark == "done" for step in shown.steps)
    box.label(text=f"Setup {done + 1}/{len(shown.steps)}: {present.title}", icon="TOOL_SETTINGS")
    if not shown.progress:
        draw_lines(box, context, shown.lines[0])
    _draw_action(box, context, shown, 1.0, short=True)


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


def _draw_installed(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    header, body = layout.panel_prop(preferences(), "show_installed")
    header.label(text="Folders and Maintenance")
    if body is None:
        return
    state = guide.flow.state
    runtime = _draw_kind(body, "Runtime", "RUNTIME", state.home, bool(state.memory.home))
    if state.runtime.status != "absent":
        _maintain(runtime, "REPAIR")
        _move_and_remove(runtime, "RUNTIME")
    folder = state.weights.folder if state.weights else state.weights_folder
    weights = _draw_kind(body, "Weights", "WEIGHTS", folder, bool(state.memory.weights))
    if state.weights:
        _maintain(weights, "VERIFY")
        if not state.weights.slimmed:
            _maintain(weights, "SLIM")
        _move_and_remove(weights, "WEIGHTS")
    wheels = Path(state.memory.wheels) if state.memory.wheels else None
    _draw_kind(body, "Wheels", "WHEELS", wheels, wheels is not None)
    if state.licence_accepted:
        row = body.row()
        date = (state.memory.licence or {}).get("accepted", "")[:10]
        row.label(text=f"{state.table.licence}, accepted {date}")
        answer = row.row()
        answer.alignment = "RIGHT"
        answer.operator("facelift.setup_licence", text="Withdraw").accept = False
    row = body.row(align=True)
    _maintain(row, "CHECK")
    if state.stage in (Stage.TEST, Stage.READY):
        _maintain(row, "TEST")
    row.operator("facelift.copy_report", icon="COPYDOWN")


def _draw_kind(
    layout: bpy.types.UILayout, title: str, kind: str, folder: Path | None, chosen: bool
) -> bpy.types.UILayout:
    """Draw one folder with its size and what can be chosen; return the row for more buttons."""
    column = layout.column(align=True)
    size = guide.size(folder) if folder is not None else None
    row = column.row()
    row.label(text=f"{title}: {folder or 'from the network'}")
    detail = row.row()
    detail.alignment = "RIGHT"
    if folder is not None:
        detail.label(text="…" if size is None else size_text(size))
    row = column.row(align=True)
    row.operator("facelift.setup_use_folder", text="Use Existing Folder…", icon="FILE_FOLDER").kind = kind
    if chosen:
        row.operator("facelift.setup_use_usual", text="", icon="LOOP_BACK").kind = kind
    return row


def _maintain(row: bpy.types.UILayout, action: str) -> None:
    names = {"CHECK": "Check Again", "REPAIR": "Repair", "VERIFY": "Verify", "SLIM": "Slim", "TEST": "Test"}
    row.operator("facelift.setup_maintain", text=names[action]).action = action


def _move_and_remove(row: bpy.types.UILayout, kind: str) -> None:
    row.operator("facelift.setup_move", text="Move…").kind = kind
    row.operator("facelift.setup_remove", text="Remove", icon="TRASH").kind = kind
