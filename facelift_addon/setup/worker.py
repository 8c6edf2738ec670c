"""Operators on the worker: presets of the command that starts it, a test, unloading."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from ..identity import preferences
from ..interface.explaining import Explained
from ..making import connection
from ..making.session import session
from ..making.timers import redraw, wake
from .trial import trial
from .unloading import unloading

PRESETS = {
    "LOCAL": "",
    "SSH": 'ssh -T -o BatchMode=yes user@host "cd facelift && exec python3 -m core.worker"',
    "CLUSTER": 'srun --quiet --unbuffered --gres=gpu:1 bash -c "cd facelift && exec python3 -m core.worker"',
}
"""Commands to begin with: names of computers and folders are the user's. BatchMode: nobody can type a password."""


class FACELIFT_OT_worker_preset(bpy.types.Operator):
    """Begin with a usual command; adapt the names of the computer and the folder"""

    bl_idname = "facelift.worker_preset"
    bl_label = "Preset"
    bl_options = {"INTERNAL"}

    preset: EnumProperty(
        name="Preset",
        items=(
            ("LOCAL", "This Computer", "Blender's own Python and the runtime that the setup installed"),
            ("SSH", "Another Computer (ssh)", "A computer that ssh reaches without asking for a password"),
            ("CLUSTER", "Cluster (Slurm)", "A graphics card that a cluster's launcher lends for the session"),
        ),
    )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Fill the command in."""
        preferences().worker_command = PRESETS[self.preset]
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_test_connection(Explained, bpy.types.Operator):
    """Start FaceLift's background process if need be, and ask it what it is and what it can do"""

    bl_idname = "facelift.test_connection"
    bl_label = "Test Connection"

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """One test at a time."""
        return "It is being asked already" if trial.busy else ""

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask."""
        trial.start()
        wake()
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_cancel_test(bpy.types.Operator):
    """Stop waiting for an answer"""

    bl_idname = "facelift.cancel_test"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """End the worker that does not answer."""
        trial.cancel()
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_unload_models(Explained, bpy.types.Operator):
    """Free the memory that the models take, on the graphics card too; the next head loads them again"""

    bl_idname = "facelift.unload_models"
    bl_label = "Unload Models"

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """An idle worker must run."""
        if not connection.is_running():
            return "Nothing runs in the background"
        return "Wait until it has finished what it is doing" if session.busy or unloading.busy else ""

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask all workers."""
        unloading.start()
        wake()
        return {"FINISHED"}


CLASSES = (
    FACELIFT_OT_worker_preset,
    FACELIFT_OT_test_connection,
    FACELIFT_OT_cancel_test,
    FACELIFT_OT_unload_models,
)
