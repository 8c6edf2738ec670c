"""Moving Head from Video: the chosen engine makes a head of each frame; the files are played as a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from ...core.engines import registry
from ...core.errors import FaceLiftError
from .. import engine_properties, paths
from ..interface.explaining import Explained
from ..making import connection, errands
from ..making.orders import settings_of
from ..making.waiting import waited
from ..performance.clips import TakesClip, folder_for
from ..reporting import reported

TITLE = "Making a moving head"


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        path: Of the clip.
        folder: Where the heads go.
        engine: Engine's id.
        settings: Its settings.
        recipe: Rate, start, end and suffix.
        start: Frame of the scene at which the heads begin.
        frame_rate: The scene's frames a second.
    """

    path: Path
    folder: Path
    engine: str
    settings: Mapping[str, Any]
    recipe: Mapping[str, Any]
    start: int
    frame_rate: float


class FACELIFT_OT_moving_head(Explained, TakesClip, bpy.types.Operator):
    """Make a head of each frame of a video with the engine in the panel, and play them as one object. Stopped, it goes on where it was when it is begun again"""  # noqa: E501

    bl_idname = "facelift.moving_head"
    bl_label = "Moving Head from Video"

    folder: StringProperty(
        name="Folder",
        description="Where the heads are written; beside the .blend file if empty",
        subtype="DIR_PATH",
        options={"SKIP_SAVE"},
    )
    rate: FloatProperty(
        name="Heads a Second", description="Frames between are left out", default=30.0, min=0.1, max=240.0
    )
    suffix: EnumProperty(
        name="Format",
        description="Of the files",
        items=((".spz", "SPZ", "Small, and quick to read"), (".ply", "PLY", "Exact, and ten times as large")),
    )

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """One at a time, by an engine that is set up, on this computer."""
        engine = context.scene.facelift.engine
        if errands.is_pending(TITLE):
            return "A moving head is being made already: wait, or cancel that first"
        if connection.needs_setup(engine):
            return f"Set the {registry.describe(engine).label} engine up first"
        if connection.seat_of(engine) is connection.Seat.COMMAND:
            return "Videos don't travel to another computer: empty the command in the preferences, or use the command line there"  # noqa: E501
        return ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser."""
        self.rate = _frame_rate(context.scene)
        return self.invoke_popup(context, confirm_text="Make Moving Head")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin; everything happens in the background."""
        path, choices = self.clip_path(), context.scene.facelift
        recipe = {
            "rate": self.rate,
            "start": self.clip_start,
            "end": self.clip_stop,
            "suffix": self.suffix,
        }
        settings = engine_properties.values_of(choices, settings_of(choices.engine))
        folder = paths.absolute(self.folder) if self.folder else folder_for(path, "heads")
        wish = Wish(
            path, folder, choices.engine, settings, recipe, context.scene.frame_current, _frame_rate(context.scene)
        )
        errands.start(TITLE, lambda _: None, lambda _: made(wish), belongs_to_file=False, prominent=True)
        return {"FINISHED"}


def _frame_rate(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def made(wish: Wish) -> errands.Pieces:
    """Have the heads made, and play them; return what to tell."""
    job = connection.request_moving(wish.path, wish.folder, wish.engine, wish.settings, **wish.recipe)
    stopped = FaceLiftError(
        "Making the moving head was stopped.",
        f"What was made is in {wish.folder}: begin again to go on.",
        code="cancelled",
    )
    result = yield from waited(job, stopped)
    told = [f"{result['made']:,} heads were made, {result['there']:,} were there.", *result["notes"]]
    # A clip may have fewer frames a second than the scene, or fewer were asked for: it plays as fast as it was.
    speed = result["frame_rate"] / wish.frame_rate
    bpy.ops.facelift.import_splat_sequence("EXEC_DEFAULT", filepath=result["first"], start=wish.start, speed=speed)
    return " ".join(told)


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Import."""
    menu.layout.operator(FACELIFT_OT_moving_head.bl_idname, text="3D Head a Frame from Video (.mp4, .mov, …)")


CLASSES = (FACELIFT_OT_moving_head,)
