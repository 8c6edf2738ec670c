"""Moving Head from Video: the chosen engine makes a head of each frame; the files are played as a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from ...core.engines import registry
from ...core.errors import FaceLiftError
from ...core.photo.types import corners_of
from .. import engine_properties, paths
from ..interface.dropping import is_over_view
from ..interface.explaining import Explained
from ..interface.previews import previews
from ..making import connection, errands
from ..making.orders import settings_of
from ..making.waiting import waited, with_picture
from ..performance import sound, whom
from ..performance.clips import DROPPED, TakesClip, folder_for
from ..reporting import reported

TITLE = "Making a moving head"
PREVIEW = "moving/frame"
"""Key of the picture of the frame that becomes a head."""


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        path: Of the clip.
        folder: Where the heads go.
        engine: Engine's id.
        settings: Its settings.
        recipe: Rate, start, end and suffix.
        scene: Session's id of the scene in which they play.
        start: Frame of it at which they begin.
        use_sound: Whether the clip's sound goes along.
        person: Whom to follow by number, 0 where none was given.
        asks: Whether the user then is asked, if there are several.
    """

    path: Path
    folder: Path
    engine: str
    settings: Mapping[str, Any]
    recipe: Mapping[str, Any]
    scene: int
    start: int
    use_sound: bool
    person: int = 0
    asks: bool = False


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

    use_sound: BoolProperty(name="Sound", description="Put the clip's sound into the sequencer", default=True)

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
        if not self.properties.is_property_set("rate"):
            self.rate = _frame_rate(context.scene)
        return self.invoke_popup(context, confirm_text="Make Moving Head")

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the engine, which makes all the heads, and the options."""
        layout, choices = self.layout, context.scene.facelift
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(choices, "engine")
        if obstacle := self.obstacle(context):
            layout.label(text=obstacle, icon="ERROR")
        header, body = layout.panel("facelift_moving_engine", default_closed=True)
        header.label(text="Settings of the Engine")
        if body is not None:
            engine_properties.draw(body, choices, settings_of(choices.engine))
        layout.prop(self, "rate")
        column = layout.column(align=True)
        column.prop(self, "clip_start")
        column.prop(self, "clip_end")
        for name in ("suffix", "folder", "use_sound"):
            layout.prop(self, name)
        # By hand: a popup is narrower than the region that it is over.
        column = layout.column(align=True)
        column.label(text="Each frame takes as long as a head.", icon="INFO")
        column.label(text="Stopped, it goes on when begun again.", icon="BLANK1")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin; everything happens in the background."""
        # The engine may have been changed in the dialog.
        if obstacle := self.obstacle(context):
            raise FaceLiftError(f"{obstacle}.", code="not-now")
        path, choices = self.clip_path(), context.scene.facelift
        recipe = {
            "rate": self.rate,
            "start": self.clip_start,
            "end": self.clip_stop,
            "suffix": self.suffix,
        }
        settings = engine_properties.values_of(choices, settings_of(choices.engine))
        folder = paths.absolute(self.folder) if self.folder else folder_for(path, "heads")
        scene = context.scene
        wish = Wish(
            path=path,
            folder=folder,
            engine=choices.engine,
            settings=settings,
            recipe=recipe,
            scene=scene.session_uid,
            start=scene.frame_current,
            use_sound=self.use_sound,
            person=self.person,
            asks=self.options.is_invoke,
        )
        errands.start(
            TITLE,
            lambda _: None,
            lambda _: made(wish),
            belongs_to_file=False,
            prominent=True,
            picture=PREVIEW,
            stopped=f"What was made is in {folder}: begin again with the same video to go on.",
        )
        return {"FINISHED"}


def _frame_rate(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def made(wish: Wish) -> errands.Pieces:
    """Have the heads made, and play them; return what to tell."""
    start, end = wish.recipe["start"], wish.recipe["end"]
    face = yield from whom.to_follow(wish.path, start, end, wish.person, wish.asks)
    recipe = {**wish.recipe, "whom": corners_of(face)}
    job = connection.request_moving(wish.path, wish.folder, wish.engine, wish.settings, **recipe)
    stopped = FaceLiftError("Making the moving head was stopped.", "Begin again to go on.", code="cancelled")
    try:
        result = yield from waited(job, stopped, with_picture(job, "frame", PREVIEW))
    finally:
        previews.forget(PREVIEW)
    told = [f"{result['made']:,} heads were made, {result['there']:,} were there.", *result["notes"]]
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == wish.scene), None)
    if scene is None:
        told.insert(1, f"They are in {wish.folder}: File > Import > Splat Sequence plays them.")
    else:
        told += _played(wish, scene, result)
    return " ".join(told)


def _played(wish: Wish, scene: bpy.types.Scene, result: Mapping[str, Any]) -> list[str]:
    """Bring heads and sound into a scene; return what else there is to tell."""
    told, rate = [], _frame_rate(scene)
    if wish.use_sound and result["has_sound"]:
        if not sound.add(scene, wish.path, wish.start - round(wish.recipe["start"] * rate)):
            told.append("Blender can't read the clip's sound.")
    # As fast as the clip, whatever the scene's frames a second; the first frames may have given no heads.
    playing = {"start": wish.start, "offset": 1.0 - result["number"], "speed": result["frame_rate"] / rate}
    with bpy.context.temp_override(scene=scene):
        bpy.ops.facelift.import_splat_sequence("EXEC_DEFAULT", filepath=result["first"], **playing)
    return told


class FACELIFT_FH_moving_head(bpy.types.FileHandler):
    """Videos dropped into the 3D View."""

    bl_idname = "FACELIFT_FH_moving_head"
    bl_label = "3D Head a Frame from Video"
    bl_import_operator = FACELIFT_OT_moving_head.bl_idname
    bl_file_extensions = DROPPED

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Where heads can be made."""
        return is_over_view(context) and not FACELIFT_OT_moving_head.obstacle(context)


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Import."""
    menu.layout.operator(FACELIFT_OT_moving_head.bl_idname, text="3D Head a Frame from Video (.mp4, .mov, …)")


CLASSES = (FACELIFT_OT_moving_head, FACELIFT_FH_moving_head)
