"""Operators on the list of heads being made, and on the worker."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..interface.explaining import Explained
from ..making import connection
from ..making.session import session
from ..making.tasks import State
from ..making.timers import redraw, wake


class _OnTask:
    """An operator on one entry of the list."""

    task: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Find the entry and act on it; an entry that is gone is what the user wanted."""
        task = session.find(self.task)
        if task is None:
            return {"CANCELLED"}
        self.act(task)
        wake()
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_cancel(_OnTask, bpy.types.Operator):
    """Stop making this head"""

    bl_idname = "facelift.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    def act(self, task) -> None:
        """Ask it to stop."""
        task.cancel()


class FACELIFT_OT_cancel_all(Explained, bpy.types.Operator):
    """Stop making this head and those that wait; heads that are finished stay"""

    bl_idname = "facelift.cancel_all"
    bl_label = "Cancel All"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """Something must be under way."""
        return "" if session.unfinished else "No head is being made"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask them to stop, the waiting ones first, so that none begins meanwhile."""
        for task in reversed(session.unfinished):
            task.cancel()
        wake()
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_dismiss(_OnTask, bpy.types.Operator):
    """Take this entry off the list"""

    bl_idname = "facelift.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def act(self, task) -> None:
        """Forget it."""
        session.dismiss(task)


class FACELIFT_OT_retry(_OnTask, bpy.types.Operator):
    """Try again with the same photo and settings"""

    bl_idname = "facelift.retry"
    bl_label = "Try Again"
    bl_options = {"INTERNAL"}

    def act(self, task) -> None:
        """Queue the same order anew."""
        session.dismiss(task)
        session.generate(task.order)


class FACELIFT_OT_clear_finished(Explained, bpy.types.Operator):
    """Take finished and failed heads off the list; the heads in the scene stay"""

    bl_idname = "facelift.clear_finished"
    bl_label = "Clear Finished"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """Something must have finished."""
        return "" if len(session.tasks) > len(session.unfinished) else "Nothing has finished yet"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Forget them."""
        for task in [task for task in session.tasks if task.state in (State.DONE, State.FAILED)]:
            session.dismiss(task)
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_open_log(Explained, bpy.types.Operator):
    """Open the file with what FaceLift's background process told, which helps when something went wrong"""

    bl_idname = "facelift.open_log"
    bl_label = "Open Log"

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """There must be a log."""
        return "" if connection.log_path().is_file() else "Nothing has been written yet"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Open it with the system's program for text files."""
        bpy.ops.wm.path_open(filepath=str(connection.log_path()))
        return {"FINISHED"}


class FACELIFT_OT_stop_worker(Explained, bpy.types.Operator):
    """End FaceLift's background process and everything it is doing; the next photo starts it again"""

    bl_idname = "facelift.stop_worker"
    bl_label = "Stop Background Process"

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """It must be running."""
        return "" if connection.is_running() else "Nothing runs in the background"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """End it."""
        session.reset()
        connection.stop()
        redraw()
        return {"FINISHED"}


CLASSES = (
    FACELIFT_OT_cancel,
    FACELIFT_OT_cancel_all,
    FACELIFT_OT_dismiss,
    FACELIFT_OT_retry,
    FACELIFT_OT_clear_finished,
    FACELIFT_OT_open_log,
    FACELIFT_OT_stop_worker,
)
