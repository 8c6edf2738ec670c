"""Capture from Video: a clip's face moves the active one. The work is done by a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import bpy

from ...core.errors import FaceLiftError
from ...core.performance.faces import face_of
from ...core.performance.types import Capture, CaptureOptions, PersonFace
from ...core.processes.job import Job
from ..avatar import base_objects, faces, performances, rigs
from ..interface.explaining import Explained
from ..interface.previews import previews
from ..making import connection, errands
from ..making.waiting import waited, with_picture
from ..reporting import reported
from . import sound, whom
from .clip_options import ClipOptions, Shaping
from .clips import DROPPED

TITLE = "Capturing the face"
PREVIEW = "capture/frame"
"""Key of the picture of what is being captured."""


@dataclass(eq=False)
class _UnderWay:
    """The capture that runs, so that it can be stopped, and the last one's take, so that it can be saved."""

    job: Job | None = None
    last: performances.Take | None = None


under_way = _UnderWay()


class FACELIFT_OT_capture_video(faces.OnFace, ClipOptions, performances.TakeOptions, bpy.types.Operator):
    """Capture the face in a video or in numbered pictures: expressions, gaze and turns of the head as keyframes"""

    bl_idname = "facelift.capture_video"
    bl_label = "Capture Face from Video"
    # The undo step is that of the operator that adds the keyframes.
    bl_options = {"PRESET"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A mesh with expressions must be there, and no other capture under way."""
        if is_busy():
            return "A face is being captured already: wait, or stop that first"
        return super().obstacle(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, or ask for the options of a dropped file."""
        if not self.properties.is_property_set("start"):
            self.start = context.scene.frame_current
        return self.invoke_popup(context, confirm_text="Capture")

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the options: of the clip, then those of every recording."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        self.draw_clip(layout)
        layout.separator()
        self.draw_take(context)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Capture, then add the keyframes; from the interface in the background."""
        mesh = faces.required_face(context.active_object)
        clip = Clip(
            path=self.clip_path(),
            mesh=mesh.session_uid,
            scene=context.scene.name,
            face=_own_face(mesh) if self.whose == "SAME" else None,
            options=self.capture_options(),
            shaping=self.shaping(),
            take_options=self.chosen(),
            use_rate=self.use_rate,
            use_sound=self.use_sound,
        )
        if self.options.is_invoke:
            start(clip, self.person)
        else:
            self.report({"INFO"}, errands.at_once(followed(clip, self.person, asks=False)))
        return {"FINISHED"}


@dataclass(frozen=True, eq=False)
class Clip:
    """What was asked for.

    Attributes:
        path: Of the clip.
        mesh: Session UID of the face's mesh, which renaming, undo and other files leave as it is.
        scene: Name of the scene.
        face: The head's own face where it is the one in the clip, else None.
        options: How it is captured.
        shaping: What is changed of the recording; None for nothing.
        take_options: Those of the operator that adds the keyframes.
        use_rate: Whether the scene takes the clip's frame rate.
        use_sound: Whether its sound goes into the sequencer.
    """

    path: Path
    mesh: int
    scene: str
    face: PersonFace | None
    options: CaptureOptions
    shaping: Shaping | None
    take_options: dict[str, object]
    use_rate: bool
    use_sound: bool


def _own_face(mesh: bpy.types.Object) -> PersonFace:
    """Return the face of a base mesh.

    Raises:
        FaceLiftError: the mesh is none, as one of another program with ARKit's keys.
    """
    if not base_objects.is_base_mesh(mesh):
        raise FaceLiftError(
            f"{mesh.name!r} is no base mesh: the shape of its face isn't known.",
            "Choose Anybody's for the face in the clip.",
            code="no-base-mesh",
        )
    return face_of(base_objects.read(mesh))


def is_busy() -> bool:
    """Whether a capture is under way, or waits for its end or a choice."""
    return under_way.job is not None or errands.is_pending(TITLE)


def start(clip: Clip, person: int = 0) -> None:
    """Begin in the background. When another file opens it goes on: what it gives can still be saved.

    Args:
        clip: What was asked for.
        person: Whom to follow by number; 0 asks where there are several.
    """
    pieces = partial(followed, clip, person, asks=True)
    errands.start(TITLE, lambda _reporter: None, lambda _: pieces(), belongs_to_file=False)


def followed(clip: Clip, person: int, *, asks: bool) -> errands.Pieces:
    """Find out whom to follow, and capture."""
    options = clip.options
    face = yield from whom.to_follow(clip.path, options.start, options.end, person, asks)
    return (yield from captured(replace(clip, options=replace(options, whom=face))))


def captured(clip: Clip) -> errands.Pieces:
    """Have a clip captured and bring what came of it onto the face; return what to tell."""
    job = connection.request_capture(clip.path, clip.face, clip.options)
    under_way.job = job

    stopped = FaceLiftError("Capturing was stopped before a face was seen.", code="cancelled")
    try:
        result = yield from waited(job, stopped, with_picture(job, "frame", PREVIEW))
    finally:
        under_way.job = None
        previews.forget(PREVIEW)
    return _added(clip, result)


def _added(clip: Clip, captured: Capture) -> str:
    # Keyframes begin with the first face, which may be later than the clip.
    first = float(captured.frames[0]) / captured.frame_rate
    recording = captured.recording if clip.shaping is None else clip.shaping.of(captured.recording, first)
    take = performances.Take(clip.path.stem, recording)
    under_way.last = take
    mesh = next((target for target in bpy.data.objects if target.session_uid == clip.mesh), None)
    if mesh is None:
        raise FaceLiftError(
            f"The face that {clip.path.name} was to move is gone, or in another file.",
            f"What was captured is kept until Blender closes: File > Export > {performances.MENU_TEXT} saves it.",
            code="face-gone",
        )
    scene = bpy.data.scenes.get(clip.scene) or bpy.context.scene
    if clip.use_rate:
        _give_rate(scene, captured.frame_rate)
    is_heard = True
    if clip.use_sound and captured.has_sound:
        rate = scene.render.fps / scene.render.fps_base
        is_heard = sound.add(scene, clip.path, int(clip.take_options.get("start", 1)) - round(first * rate))
    # Last, as the undo step of its operator holds all that was done before it.
    told = [performances.add_take(take, mesh.name, clip.take_options)]
    if not is_heard:
        told.append("Blender can't read the clip's sound.")
    told += captured.notes
    if rigs.rig_of(mesh) is None:
        told.append("Without a rig the head itself doesn't turn: add one with Rig Head, and import the take again.")
    return " ".join(told)


def _give_rate(scene: bpy.types.Scene, rate: float) -> None:
    """Give a scene a frame rate; those of television are a whole number divided by 1.001."""
    whole = round(rate)
    scene.render.fps = max(1, whole)
    scene.render.fps_base = 1.001 if abs(rate - whole / 1.001) < abs(rate - whole) else 1.0


class FACELIFT_OT_stop_capture(Explained, bpy.types.Operator):
    """Stop here, and take over what was captured until now"""

    bl_idname = "facelift.stop_capture"
    bl_label = "Stop and Keep"
    bl_options = {"INTERNAL"}

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """A capture must be under way."""
        return "" if under_way.job is not None else "No face is being captured"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask for what there is."""
        under_way.job.cancel()
        return {"FINISHED"}


class FACELIFT_FH_video(bpy.types.FileHandler):
    """Videos dropped into the 3D View."""

    bl_idname = "FACELIFT_FH_video"
    bl_label = "Video of a face (FaceLift)"
    bl_import_operator = FACELIFT_OT_capture_video.bl_idname
    bl_file_extensions = DROPPED

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Where there is a face to move."""
        return faces.takes_drop(context)


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Import."""
    menu.layout.operator(FACELIFT_OT_capture_video.bl_idname, text="Face from Video (.mp4, .mov, …)")


CLASSES = (FACELIFT_OT_capture_video, FACELIFT_OT_stop_capture, FACELIFT_FH_video)
