"""How the worker's preferences are drawn."""

from __future__ import annotations

import bpy

from ..interface.widgets import draw_lines
from .trial import trial
from .unloading import unloading


def draw_worker(
    layout: bpy.types.UILayout, context: bpy.types.Context, preferences: bpy.types.AddonPreferences
) -> None:
    """Draw the command, its presets, the test with its answer, and what ends or empties the worker."""
    box = layout.box()
    box.use_property_split = False
    row = box.row(align=True)
    row.prop(preferences, "worker_command", text="Command", placeholder="This computer")
    row.operator_menu_enum("facelift.worker_preset", "preset", text="", icon="PRESET")
    row = box.row(align=True)
    row.operator("facelift.test_connection", icon="LINKED")
    row.operator("facelift.unload_models")
    row.operator("facelift.stop_worker")
    row.operator("facelift.open_log")
    if trial.busy:
        row = box.row(align=True)
        row.label(text=f"Waiting for an answer, {trial.seconds:.0f} s…", icon="TIME")
        row.operator("facelift.cancel_test", text="", icon="X")
    if unloading.text:
        draw_lines(box, context, unloading.text)
    for line in trial.lines:
        draw_lines(box, context, line)
    if trial.error is not None:
        error = box.column()
        error.alert = True
        draw_lines(error, context, trial.error.message, icon="ERROR")
        draw_lines(box, context, trial.error.advice, icon="BLANK1")
