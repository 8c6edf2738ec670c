"""Operators on what is installed: existing folders, and Move, Verify, Repair, Slim, Remove."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ...core.errors import FaceLiftError
from .. import paths
from ..interface.explaining import Explained
from ..making import connection
from ..making.session import session
from ..making.timers import redraw, wake
from ..reporting import reported
from .guide import guide

RUNTIME = ("RUNTIME", "Runtime", "PyTorch and the other packages that the engine needs")
WEIGHTS = ("WEIGHTS", "Weights", "The trained networks")
ORIGINAL = ("ORIGINAL", "Original Weights", "The weights from which the slimmed ones were made")
WHEELS = ("WHEELS", "Wheels", "Packages as files, for an installation without the network")


class Idle(Explained):
    """An operator that must not come between the setup and what it is doing."""

    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """Nothing may run."""
        if session.busy:
            return "Wait until the heads are made, or cancel them"
        return "Wait until this has finished, or cancel it" if guide.flow.busy else ""


class _Folder(Idle):
    """An operator that asks for a folder."""

    directory: StringProperty(name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Open the file browser."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def chosen(self) -> Path:
        """Return the folder.

        Raises:
            FaceLiftError: none was chosen.
        """
        if not self.directory:
            raise FaceLiftError("No folder was chosen.", "Choose one in the file browser.")
        return paths.absolute(self.directory)


class FACELIFT_OT_setup_use_folder(_Folder, bpy.types.Operator):
    """Use a folder that exists already, or a folder of your choice for what will be installed"""

    bl_idname = "facelift.setup_use_folder"
    bl_label = "Use Folder"

    kind: EnumProperty(name="Kind", items=(RUNTIME, WEIGHTS, WHEELS))

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Remember the folder."""
        folder = self.chosen()
        if not folder.is_dir():
            raise FaceLiftError(f"The folder {folder} does not exist.", "Choose an existing one.", code="bad-folder")
        _use(self.kind, folder)
        return {"FINISHED"}


class FACELIFT_OT_setup_use_usual(Idle, bpy.types.Operator):
    """Go back to the usual folder"""

    bl_idname = "facelift.setup_use_usual"
    bl_label = "Use the Usual Folder"

    kind: EnumProperty(name="Kind", items=(RUNTIME, WEIGHTS, WHEELS))

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Forget the chosen folder."""
        _use(self.kind, None)
        return {"FINISHED"}


class FACELIFT_OT_setup_move(_Folder, bpy.types.Operator):
    """Move it to another, empty folder, for example on a larger disk"""

    bl_idname = "facelift.setup_move"
    bl_label = "Move Here"

    kind: EnumProperty(name="Kind", items=(RUNTIME, WEIGHTS))

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Begin to move."""
        target = self.chosen()
        connection.stop()
        move = guide.flow.move_runtime if self.kind == "RUNTIME" else guide.flow.move_weights
        move(target)
        wake()
        return {"FINISHED"}


class FACELIFT_OT_setup_maintain(Idle, bpy.types.Operator):
    """Look after what is installed"""

    bl_idname = "facelift.setup_maintain"
    bl_label = "Maintain"

    action: EnumProperty(
        name="Action",
        items=(
            ("CHECK", "Check Again", "Look at the hardware again, as after a driver's update"),
            ("REPAIR", "Repair", "Install the runtime anew beside the present one, which is replaced only at the end"),
            ("VERIFY", "Verify", "Read every byte of the weights and compare it with the published hashes"),
            ("SLIM", "Slim", "Write the weights in less than half the space; the models' results are compared"),
            ("TEST", "Test", "Run a small calculation on the device and look whether everything is there"),
        ),
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties) -> str:
        """Explain the button's action."""
        return cls.bl_rna.properties["action"].enum_items[properties.action].description

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Begin."""
        flow = guide.flow
        actions = {
            "CHECK": flow.check,
            "REPAIR": flow.install,
            "VERIFY": flow.verify,
            "SLIM": flow.slim,
            "TEST": flow.test,
        }
        if self.action in ("REPAIR", "SLIM"):
            # Its files and its graphics memory are needed.
            connection.stop()
        actions[self.action]()
        wake()
        redraw()
        return {"FINISHED"}


class FACELIFT_OT_setup_remove(Idle, bpy.types.Operator):
    """Delete it from the disk; files that are not FaceLift's stay. \
Original weights go only after every byte of the slimmed ones was checked
    """

    bl_idname = "facelift.setup_remove"
    bl_label = "Remove"

    kind: EnumProperty(name="Kind", items=(RUNTIME, WEIGHTS, ORIGINAL))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: it takes long to get them again."""
        return context.window_manager.invoke_confirm(self, event)

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Begin to delete."""
        connection.stop()
        flow = guide.flow
        removals = {
            "RUNTIME": flow.remove_runtime,
            "WEIGHTS": flow.remove_weights,
            "ORIGINAL": flow.remove_original,
        }
        removals[self.kind]()
        wake()
        return {"FINISHED"}


def _use(kind: str, folder: Path | None) -> None:
    state = guide.flow.state
    use = {"RUNTIME": state.use_home, "WEIGHTS": state.use_weights, "WHEELS": state.use_wheels}[kind]
    use(folder)
    guide.flow.error = None
    redraw()


CLASSES = (
    FACELIFT_OT_setup_use_folder,
    FACELIFT_OT_setup_use_usual,
    FACELIFT_OT_setup_move,
    FACELIFT_OT_setup_maintain,
    FACELIFT_OT_setup_remove,
)
