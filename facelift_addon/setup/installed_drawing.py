"""How what is installed is drawn: folders with their sizes, choices, and the buttons that look after them."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...core.runtime.setup_state import SetupState, Stage
from ..identity import preferences
from ..interface.widgets import size_text
from .guide import guide

MAINTENANCE = {"CHECK": "Check Again", "REPAIR": "Repair", "VERIFY": "Verify", "SLIM": "Slim", "TEST": "Test"}


def draw_installed(layout: bpy.types.UILayout) -> None:
    """Draw the panel "Folders and Maintenance"."""
    header, body = layout.panel_prop(preferences(), "show_installed")
    header.label(text="Folders and Maintenance")
    if body is None:
        return
    state = guide.flow.state
    _draw_runtime(body.box(), state)
    _draw_weights(body.box(), state)
    wheels = Path(state.memory.wheels) if state.memory.wheels else None
    _draw_folder(body.box(), "Wheels", "WHEELS", wheels, wheels is not None)
    row = body.row(align=True)
    _maintain(row, "CHECK")
    if state.stage in (Stage.TEST, Stage.READY):
        _maintain(row, "TEST")
    row.operator("facelift.copy_report", icon="COPYDOWN")


def _draw_runtime(layout: bpy.types.UILayout, state: SetupState) -> None:
    row = _draw_folder(layout, "Runtime", "RUNTIME", state.home, bool(state.memory.home))
    if state.runtime.status != "absent":
        _maintain(row, "REPAIR")
        _move_and_remove(row, "RUNTIME")
    row = layout.row()
    if state.choice is not None and state.choice.alternatives:
        row.label(text="PyTorch for")
        row.operator_menu_enum("facelift.setup_build", "build", text=state.backend.label)
    row.prop(preferences(), "use_pip")


def _draw_weights(layout: bpy.types.UILayout, state: SetupState) -> None:
    folder = state.weights.folder if state.weights else state.weights_folder
    row = _draw_folder(layout, "Weights", "WEIGHTS", folder, bool(state.memory.weights))
    if state.weights:
        _maintain(row, "VERIFY")
        if not state.weights.slimmed:
            _maintain(row, "SLIM")
        _move_and_remove(row, "WEIGHTS")
    if state.original:
        row = _titled(layout, f"Slimmed from: {state.original}", state.original)
        row.operator("facelift.setup_remove", text="Delete", icon="TRASH").kind = "ORIGINAL"
    if state.weights is None:
        column = layout.column()
        column.use_property_split = True
        column.prop(preferences(), "weights_server", placeholder="Hugging Face hub")
        column.prop(preferences(), "weights_token", placeholder="Not needed by the hub")
    if state.licence_accepted:
        row = layout.row()
        date = (state.memory.licence or {}).get("accepted", "")[:10]
        row.label(text=f"{state.table.licence}, accepted {date}")
        answer = row.row()
        answer.alignment = "RIGHT"
        answer.operator("facelift.setup_licence", text="Withdraw").accept = False


def _draw_folder(
    layout: bpy.types.UILayout, title: str, kind: str, folder: Path | None, chosen: bool
) -> bpy.types.UILayout:
    """Draw one folder with its size and what can be chosen; return the row for more buttons."""
    column = layout.column(align=True)
    _titled(column, f"{title}: {folder or 'from the network'}", folder)
    row = column.row(align=True)
    row.operator("facelift.setup_use_folder", text="Use Existing Folder…", icon="FILE_FOLDER").kind = kind
    if chosen:
        row.operator("facelift.setup_use_usual", text="", icon="LOOP_BACK").kind = kind
    return row


def _titled(layout: bpy.types.UILayout, text: str, folder: Path | None) -> bpy.types.UILayout:
    """Draw a line with a folder's size at its end; return that end."""
    row = layout.row()
    row.label(text=text, translate=False)
    end = row.row()
    end.alignment = "RIGHT"
    size = guide.size(folder) if folder is not None else 0
    if size != 0:
        end.label(text="…" if size is None else size_text(size))
    return end


def _maintain(row: bpy.types.UILayout, action: str) -> None:
    row.operator("facelift.setup_maintain", text=MAINTENANCE[action]).action = action


def _move_and_remove(row: bpy.types.UILayout, kind: str) -> None:
    row.operator("facelift.setup_move", text="Move…").kind = kind
    row.operator("facelift.setup_remove", text="Remove", icon="TRASH").kind = kind
