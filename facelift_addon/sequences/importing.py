"""File > Import of a splat sequence: the dialog, the first frame, and the step into the scene."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ...core.errors import FaceLiftError, FormatError
from ...core.progress import Reporter
from ...core.sequences import files
from ...core.sequences.files import SplatSequence
from .. import paths
from ..interface.explaining import Explained
from ..making import errands
from ..making.handover import Handover
from ..operators.importing import FILE_GLOB, FRAME_HELP, FRAMES
from ..reporting import reported
from ..splats.data import exchange, geometry
from ..splats.data.heads import is_sequence
from ..splats.scene import entrance
from ..splats.scene.arrivals import Arrival
from . import playback
from .settings import choose


@dataclass(eq=False)
class _Found:
    """A sequence on its way into the scene.

    Attributes:
        sequence: Its files.
        path: The one that was chosen.
        arrival: What the scene takes: the first good frame.
        notes: What there is to tell.
    """

    sequence: SplatSequence
    path: Path
    arrival: Arrival
    notes: tuple[str, ...]


_handover = Handover[_Found]("The sequence", "Import it again.", keep=False)


def _find(path: Path, frame: str, head_height: float, float4: bool, reporter: Reporter) -> _Found:
    """Find the files and read one, by which axes, unit and place of all are told. Runs in a thread.

    Raises:
        FaceLiftError: as :func:`core.sequences.files.find`.
        FormatError: none of the files can be read; what is wrong with the first one.
    """
    reporter.stage(f"Reading {path.name}", 2)
    sequence = files.find(path)
    item, error = None, None
    for number in sequence.numbers:
        reporter.check()
        try:
            item = exchange.read(sequence.path(number))
            break
        except FormatError as problem:
            error = error or problem
    if item is None:
        raise error
    reporter.step()
    arrival = exchange.arrival(replace(item, name=sequence.name or item.name), frame, head_height, float4)
    notes = list(item.reading.notes)
    if sequence.gaps:
        notes.append(f"Missing files: {files.told(sequence.gaps)}. The nearest ones take their place.")
    if error is not None:
        notes.append(error.message)
    reporter.finish()
    return _Found(sequence, path, arrival, tuple(notes))


def _arrive(found: _Found, scene: str, start: int, offset: float, speed: float) -> Generator[None, None, str]:
    """Make display and point cloud piece by piece, then bring them into a scene."""
    try:
        yield from entrance.pieces(found.arrival.sh_degree, lambda: found.arrival)
        return _add(found, scene, start, offset, speed)
    finally:
        found.arrival.drop()


def _add(found: _Found, scene: str, start: int, offset: float, speed: float) -> str:
    """Bring a sequence into a scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_splat_sequence, found, scene=scene, start=start, offset=offset, speed=speed)
    length = found.sequence.last - found.sequence.first - offset
    count, last = len(found.sequence.numbers), math.ceil(length / speed)
    news = f"{count} files play from frame {start} to {start + last}."
    return " ".join([news, *found.notes])


class FACELIFT_OT_import_splat_sequence(bpy.types.Operator, ImportHelper):
    """Import numbered splat files, one for each frame, as one object that plays them"""

    bl_idname = "facelift.import_splat_sequence"
    bl_label = "Import Splat Sequence"
    # The undo step is that of the operator that adds the object.
    bl_options = {"PRESET"}

    filter_glob: StringProperty(default=FILE_GLOB, options={"HIDDEN"})
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    frame: EnumProperty(name="Axes", description=FRAME_HELP, items=FRAMES)
    start: IntProperty(name="Start Frame", description="Frame of the scene that shows the first file", default=1)
    offset: FloatProperty(
        name="Offset", description="How many files further on it is at the start frame", options={"HIDDEN", "SKIP_SAVE"}
    )
    speed: FloatProperty(
        name="Speed", description="Files that go by in a frame of the scene", default=1.0, min=0.01, max=100.0
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser; files play from the scene's first frame."""
        if not self.properties.is_property_set("start"):
            self.start = context.scene.frame_start
        return super().invoke(context, event)

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the options."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "frame")
        layout.prop(self, "start")
        layout.prop(self, "speed")
        layout.label(text="Choose one of the files", icon="INFO")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Find the files and add an object; from the interface in the background."""
        if not self.filepath:
            raise FaceLiftError("No file was chosen.", "Choose one of the numbered files.", code="none")
        # Readers of USD find the library that Blender brings.
        bpy.utils.expose_bundled_modules()
        path, frame, playing = paths.absolute(self.filepath), self.frame, (self.start, self.offset, self.speed)
        scene, height, float4 = context.scene.name, context.scene.facelift.head_height, geometry.has_float4()
        if self.options.is_invoke:
            errands.start(
                f"Reading {path.name}…",
                lambda reporter: _find(path, frame, height, float4, reporter),
                lambda found: _arrive(found, scene, *playing),
                belongs_to_file=True,
                prominent=True,
            )
        else:
            self.report({"INFO"}, _add(_find(path, frame, height, float4, Reporter()), scene, *playing))
        return {"FINISHED"}


class FACELIFT_OT_add_splat_sequence(bpy.types.Operator):
    """Put a splat sequence that was found into the scene"""

    bl_idname = "facelift.add_splat_sequence"
    bl_label = "Import Splat Sequence"
    bl_options = {"UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    scene: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    start: IntProperty(options={"HIDDEN", "SKIP_SAVE"})
    offset: FloatProperty(options={"HIDDEN", "SKIP_SAVE"})
    speed: FloatProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the object, and show the scene's frame on it."""
        found = _handover.take(self.made)
        scene = bpy.data.scenes.get(self.scene, context.scene)

        def settle(head: bpy.types.Object) -> None:
            settings = head.facelift_sequence
            settings.start, settings.offset, settings.speed = self.start, self.offset, self.speed
            settings.degree = found.arrival.sh_degree
            choose(head, found.path)

        told = entrance.bring_in(context, scene, [found.arrival], settle=settle)
        playback.show(scene, waits=True)
        if told:
            self.report({"INFO"}, told)
        for note in found.notes:
            self.report({"WARNING"}, note)
        return {"FINISHED"}


class FACELIFT_OT_reload_sequence(Explained, bpy.types.Operator):
    """Look for the files of the active sequence again, and read them again"""

    bl_idname = "facelift.reload_sequence"
    bl_label = "Reload Sequence"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A sequence must be active."""
        active = context.active_object
        return "" if active is not None and is_sequence(active) else "Select a splat sequence"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget what is in memory."""
        playback.reload(context.active_object)
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_import_splat_sequence, FACELIFT_OT_add_splat_sequence, FACELIFT_OT_reload_sequence)
