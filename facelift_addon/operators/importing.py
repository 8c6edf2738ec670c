"""File > Import of splats: the dialog, the reading, and the step into the scene."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.props import CollectionProperty, EnumProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ...core import formats
from ...core.errors import FaceLiftError
from ...core.progress import Reporter
from .. import paths
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from ..splats.data import exchange, geometry
from ..splats.scene import entrance
from ..splats.scene.arrivals import Arrival
from .axes import AXES

FILE_GLOB = ";".join(f"*{suffix}" for suffix in formats.readable_suffixes())

FRAMES = (
    (
        exchange.DETECT,
        "Detect",
        "As the file says. PLY files may not say it, and .splat files can't: they hold a head when they fill the "
        "box of FaceLift's heads, otherwise a scan with Y down",
    ),
    (exchange.HEAD, "FaceLift head", "Scale to the scene's head height, with the origin at the base of the neck"),
    *AXES,
)
FRAME_HELP = (
    "What the coordinates mean in files that don't say it: .splat, and PLY of other programs or of earlier "
    "versions, which wrote Z up. SPZ, glTF, USD and our PLY files say themselves which axis is up"
)


@dataclass(eq=False)
class _Reading:
    """Files that were read.

    Attributes:
        splats: What they hold.
        head_height: Metres from chin to crown, for the frame of heads.
        arrivals: What the scene takes, until it has taken it.
    """

    splats: Sequence[exchange.FileSplats]
    head_height: float
    arrivals: Sequence[Arrival]


LOOK_SECONDS = 10.0
"""How often to see whether what was read may still be needed."""

_handover = Handover[_Reading]("What was read", "Import the file again.")


READING_SHARE = 0.5
"""Of the time until splats are in the scene."""


def _read(paths: Sequence[Path], frame: str, head_height: float, float4: bool, reporter: Reporter) -> _Reading:
    """Read all files, before any is added: an error leaves the scene as it was. Runs in a thread."""
    reading, preparing = reporter.parts(READING_SHARE, 1 - READING_SHARE)
    alike, splats = [1] * len(paths), []
    for path, part in zip(paths, reading.parts(*alike), strict=True):
        # A file that is not there is told of by the reader.
        size = path.stat().st_size if path.is_file() else 1
        part.stage(f"Reading {path.name}", size)
        splats.append(exchange.read(path, part.step))
    arrivals = []
    for item, part in zip(splats, preparing.parts(*alike), strict=True):
        part.stage(f"Preparing {item.name}")
        arrivals.append(exchange.arrival(item, frame, head_height, float4))
    reporter.finish()
    return _Reading(splats, head_height, arrivals)


def forget_when_past(last_step: str) -> float | None:
    """Let go of what was read when its step is no longer the last one; return when to look again."""
    if last_step == FACELIFT_OT_add_splats.__name__:
        return LOOK_SECONDS
    _handover.clear()
    return None


def _on_timer() -> float | None:
    steps = bpy.context.window_manager.operators
    return forget_when_past(steps[-1].bl_idname if steps else "")


def _add(reading: _Reading, scene: str, frame: str) -> str:
    """Bring what was read into a scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_splats, reading, frame=frame, scene=scene)
    if not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=LOOK_SECONDS, persistent=True)
    count = sum(len(item.gaussians) for item in reading.splats)
    return " ".join([f"{count:,} splats imported.", *_notes(reading)])


def _notes(reading: _Reading) -> list[str]:
    """Return what there is to tell of the files, with their names where there are several."""
    several = len(reading.splats) > 1
    return [f"{item.name}: {note}" if several else note for item in reading.splats for note in item.reading.notes]


def _arrive(reading: _Reading, scene: str, frame: str) -> Generator[None, None, str]:
    """Make displays and point clouds of what was read, piece by piece, then bring them into a scene."""
    arrivals = reading.arrivals
    try:
        for arrival in arrivals:
            yield from entrance.pieces(arrival.sh_degree, lambda arrival=arrival: arrival)
        return _add(reading, scene, frame)
    finally:
        for arrival in arrivals:
            arrival.drop()


def import_in_background(scene: bpy.types.Scene, paths: Sequence[Path], frame: str) -> None:
    """Begin an import: reading and turning happen in a thread, the rest on this one in short pieces.

    Args:
        scene: Where to; found again by its name.
        paths: The files.
        frame: An identifier of :data:`FRAMES`.
    """
    name, head_height, float4 = scene.name, scene.facelift.head_height, geometry.has_float4()
    errands.start(
        f"Reading {', '.join(path.name for path in paths)}…",
        lambda reporter: _read(paths, frame, head_height, float4, reporter),
        lambda reading: _arrive(reading, name, frame),
        belongs_to_file=True,
        prominent=True,
    )


class FACELIFT_OT_import_splats(bpy.types.Operator, ImportHelper):
    """Import Gaussian splats as point clouds that can be edited and rendered"""

    bl_idname = "facelift.import_splats"
    bl_label = "Import Splats"
    # The undo step is that of the operator that adds what was read.
    bl_options = {"PRESET"}

    filter_glob: StringProperty(default=FILE_GLOB, options={"HIDDEN"})
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
    frame: EnumProperty(name="Axes", description=FRAME_HELP, items=FRAMES)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, or ask for the options of dropped files."""
        return self.invoke_popup(context)

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the one option; for dropped files Blender would show the paths too."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "frame")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read the files and add an object for each; from the interface in the background."""
        files = paths.chosen(self)
        if not files:
            raise FaceLiftError("No file was chosen.", "Choose a splat file.", code="none")
        # Readers of USD find the library that Blender brings.
        bpy.utils.expose_bundled_modules()
        if self.options.is_invoke:
            import_in_background(context.scene, files, self.frame)
        else:
            height = context.scene.facelift.head_height
            reading = _read(files, self.frame, height, geometry.has_float4(), Reporter())
            self.report({"INFO"}, _add(reading, context.scene.name, self.frame))
        return {"FINISHED"}


class FACELIFT_OT_add_splats(bpy.types.Operator):
    """Put splats that were read from files into the scene"""

    bl_idname = "facelift.add_splats"
    bl_label = "Import Splats"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    scene: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    frame: EnumProperty(name="Axes", description=FRAME_HELP, items=FRAMES)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add an object for each file."""
        reading = _handover.take(self.made)
        scene = bpy.data.scenes.get(self.scene, context.scene)
        arrivals, reading.arrivals = reading.arrivals, ()
        if not arrivals:
            arrivals = [
                exchange.arrival(item, self.frame, reading.head_height, geometry.has_float4())
                for item in reading.splats
            ]
        told = entrance.bring_in(context, scene, arrivals)
        if told:
            self.report({"INFO"}, told)
        for note in _notes(reading):
            self.report({"WARNING"}, note)
        return {"FINISHED"}

    @classmethod
    def unregister(cls) -> None:
        """The extension is switched off: what is under way can't arrive any more."""
        errands.close()
        if bpy.app.timers.is_registered(_on_timer):
            bpy.app.timers.unregister(_on_timer)
        _handover.clear()


CLASSES = (FACELIFT_OT_import_splats, FACELIFT_OT_add_splats)
