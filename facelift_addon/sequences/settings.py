"""What an object remembers about the sequence that it plays."""

from __future__ import annotations

import os
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ...core.errors import FaceLiftError
from ...core.sequences import files
from ...core.sequences.timing import Loop, Timing
from .. import paths

KEPT = {"LIBRARY_OVERRIDABLE"}


def _changed(settings: SequenceSettings, _context: bpy.types.Context) -> None:
    from . import playback

    playback.refresh_soon()


def _moved(settings: SequenceSettings, context: bpy.types.Context) -> None:
    """Other files were chosen: all of them play, and their place is remembered."""
    settings.place = ""
    path = path_of(settings.id_data)
    settings.place = str(path)
    try:
        found = files.find(path)
    except FaceLiftError:
        # The panel tells why they don't play.
        pass
    else:
        settings.first, settings.last = found.first, found.last
    _changed(settings, context)


class SequenceSettings(bpy.types.PropertyGroup):
    """How an object plays numbered splat files."""

    filepath: StringProperty(
        name="Files",
        description="One of the numbered files. Relative paths begin at the .blend file",
        subtype="FILE_PATH",
        override=KEPT,
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
        update=_moved,
    )
    place: StringProperty(
        description="The same file from the root of the disk, for when the .blend file was moved",
        options={"HIDDEN"},
        override=KEPT,
    )
    degree: IntProperty(
        description="Degree of the spherical harmonics that all frames get", min=0, max=3, options={"HIDDEN"}
    )
    first: IntProperty(
        name="First", description="Number of the first file that plays", options=set(), override=KEPT, update=_changed
    )
    last: IntProperty(
        name="Last", description="Number of the last file that plays", options=set(), override=KEPT, update=_changed
    )
    start: IntProperty(
        name="Start Frame",
        description="Frame of the scene that shows the first file",
        default=1,
        options=set(),
        override=KEPT,
        update=_changed,
    )
    offset: FloatProperty(
        name="Offset",
        description="How many files further on it is at the start frame",
        step=100,
        precision=1,
        override=KEPT,
        update=_changed,
    )
    speed: FloatProperty(
        name="Speed",
        description="Files that go by in a frame of the scene: 0.5 shows each for two frames, 2 leaves out every "
        "second one, less than 0 plays backwards",
        default=1.0,
        soft_min=-4.0,
        soft_max=4.0,
        step=10,
        override=KEPT,
        update=_changed,
    )
    loop: EnumProperty(
        name="Repeat",
        description="What follows the last file",
        items=(
            (Loop.HOLD.name, "Hold", "The first and the last one stay"),
            (Loop.REPEAT.name, "Loop", "The first one follows again"),
            (Loop.PING_PONG.name, "Ping-Pong", "Backwards to the first one, then forwards again"),
        ),
        options=set(),
        override=KEPT,
        update=_changed,
    )
    use_frame: BoolProperty(
        name="Choose Frame",
        description="Show the file that a number says, which can be keyed and driven, instead of playing along",
        options=set(),
        override=KEPT,
        update=_changed,
    )
    frame: FloatProperty(
        name="Frame",
        description="How many files after the first: 0 is the first one",
        step=100,
        precision=1,
        override=KEPT,
        update=_changed,
    )

    def timing(self) -> Timing:
        """Return which file each frame shows."""
        return Timing(
            self.first, max(self.first, self.last), self.start, self.offset, self.speed, Loop[self.loop or "HOLD"]
        )

    def number_at(self, frame: float) -> int:
        """Return the number of the file that a frame of the scene shows."""
        return self.timing().number_of(self.frame) if self.use_frame else self.timing().number_at(frame)


def path_of(target: bpy.types.Object) -> Path:
    """Return one of a sequence's files, or where it should be.

    Where the .blend file was moved without them, or its object was appended to another, a path that was relative is
    still known from the root.
    """
    settings = target.facelift_sequence
    path = Path(os.path.normpath(bpy.path.abspath(settings.filepath, library=target.library)))
    if path.is_file() or not settings.place:
        return path
    kept = Path(settings.place)
    return kept if kept.is_file() or not path.parent.is_dir() else path


def remember(target: bpy.types.Object) -> None:
    """Note from the root where a sequence's files are now."""
    settings, path = target.facelift_sequence, path_of(target)
    if path.is_file() and settings.place != str(path):
        settings.place = str(path)


def choose(target: bpy.types.Object, path: Path) -> None:
    """Let an object play the files that one belongs to."""
    target.facelift_sequence.filepath = paths.stored(path)


def register_properties() -> None:
    """Attach the settings to objects."""
    bpy.types.Object.facelift_sequence = PointerProperty(type=SequenceSettings, override=KEPT)


def unregister_properties() -> None:
    """Detach them."""
    del bpy.types.Object.facelift_sequence


CLASSES = (SequenceSettings,)
