"""Operators on the way to a working engine: the one button, the licence, cancel, details, report."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty

from ...core.engines import registry
from ...core.runtime.setup_view import report_text
from ..identity import BASE_PACKAGE
from ..interface.explaining import Explained
from ..making import connection
from ..making.session import session
from ..making.timers import redraw, wake
from ..reporting import reported
from .guide import guide

DETAILS_WIDTH = 700
DETAILS_LINES = 40
"""Lines of the raw text that a popup shows; the report has all of them."""
DETAILS_COLUMNS = 110
LOG_TAIL = 8000
"""Bytes of the worker's log that go into a report."""


class FACELIFT_OT_setup_proceed(Explained, bpy.types.Operator):
    """Do the next step of the setup; Blender stays usable meanwhile"""

    bl_idname = "facelift.setup_proceed"
    bl_label = "Next Step"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """There must be a step that can be done now."""
        shown = guide.view()
        if shown.licence_text:
            return "Read the licence and accept or decline it"
        return "" if shown.button and shown.enabled else shown.hint or "Something is being done already"

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Begin it."""
        guide.flow.proceed()
        wake()
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_setup_licence(bpy.types.Operator):
    """Answer the licence of the weights, whose text is shown above"""

    bl_idname = "facelift.setup_licence"
    bl_label = "Licence"
    bl_options = {"INTERNAL"}

    accept: BoolProperty(name="Accept", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties) -> str:
        """Say what the answer means."""
        if properties.accept:
            return "I have read the licence and accept it; the date is kept, and heads carry the licence's name"
        free = registry.first_free().label
        return f"Take back or refuse the consent: nothing is downloaded, and the {free} engine stays usable"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Record the answer."""
        state = guide.flow.state
        if self.accept:
            state.accept_licence()
        else:
            state.withdraw_licence()
            free = registry.first_free()
            context.scene.facelift.engine = free.id
            self.report({"INFO"}, f"Without consent nothing is downloaded. The {free.label} engine needs no licence")
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_setup_cancel(Explained, bpy.types.Operator):
    """Stop what is being done; what is already there is used when you go on"""

    bl_idname = "facelift.setup_cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """Something must run."""
        return "" if guide.view().can_cancel else "Nothing is being done that can be stopped"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask the task to stop."""
        guide.flow.cancel()
        wake()
        return {"FINISHED"}


class FACELIFT_OT_setup_details(Explained, bpy.types.Operator):
    """Show the raw message of the program that failed"""

    bl_idname = "facelift.setup_details"
    bl_label = "Details"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """The error must have one."""
        return "" if raw_text() else "There is no more to tell"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Open a popup."""
        return context.window_manager.invoke_popup(self, width=DETAILS_WIDTH)

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the end of the text, where the reason usually is."""
        column = self.layout.column(align=True)
        column.scale_y = 0.8
        for line in raw_text().splitlines()[-DETAILS_LINES:]:
            column.label(text=line.expandtabs(4)[:DETAILS_COLUMNS], translate=False)
        self.layout.operator("facelift.copy_report", icon="COPYDOWN")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Nothing more: the popup was read."""
        return {"FINISHED"}


class FACELIFT_OT_copy_report(bpy.types.Operator):
    """Copy what happened and what this computer is, without names of people or photos, for an issue tracker"""

    bl_idname = "facelift.copy_report"
    bl_label = "Copy Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Fill the clipboard."""
        context.window_manager.clipboard = current_report()
        self.report({"INFO"}, "The report is in the clipboard")
        return {"FINISHED"}


class FACELIFT_OT_open_setup(bpy.types.Operator):
    """Open the preferences, where the engine is set up"""

    bl_idname = "facelift.open_setup"
    bl_label = f"Set Up {registry.with_setup().label}…"
    bl_description = f"Open the preferences, where the {registry.with_setup().label} engine is set up"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Show the extension's preferences."""
        bpy.ops.preferences.addon_show(module=BASE_PACKAGE)
        return {"FINISHED"}


def raw_text() -> str:
    """Return the raw message behind the last error, without names; empty when there is none."""
    error = guide.flow.error
    return guide.flow.published(str(error.details.get("raw") or error.details.get("log") or "")) if error else ""


def current_report() -> str:
    """Return the text of "Copy Report"."""
    try:
        log = connection.log_path().read_bytes()[-LOG_TAIL:].decode("utf-8", "replace")
    except OSError:
        log = ""
    return report_text(guide.flow, log, {task.order.source.name for task in (*session.tasks, *session.photos)})


CLASSES = (
    FACELIFT_OT_setup_proceed,
    FACELIFT_OT_setup_licence,
    FACELIFT_OT_setup_cancel,
    FACELIFT_OT_setup_details,
    FACELIFT_OT_copy_report,
    FACELIFT_OT_open_setup,
)
