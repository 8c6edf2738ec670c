"""Avatar from Video: a clip's best frames make a head, which is fitted, bound, rigged, and moved as in the clip.

Each step is one that a user can take, with its own undo step; stopping keeps what the steps before have made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.errors import FaceLiftError
from ...core.performance.faces import face_of
from ...core.performance.types import CaptureOptions
from ...core.photo.types import FaceBox
from ...core.progress import Progress
from ...core.system.files import replacing
from ...core.worker.capturing import ReceivedFrames
from ..avatar import base_objects, binding, faces, fitting, rigging
from ..interface.dropping import is_over_view
from ..interface.explaining import Explained
from ..making import connection, errands
from ..making.orders import order_for, orders_to_make
from ..making.session import session
from ..making.tasks import UNFINISHED, State
from ..making.timers import wake
from ..making.waiting import waited
from ..photo.photos import PhotoSource
from ..reporting import reported
from ..splats.data import following, heads
from . import capturing, whom
from .clips import DROPPED, TakesClip, folder_for

TITLE = "Making an avatar from the video"
STEPS = {
    "people": (0.0, 0.03),
    "frames": (0.03, 0.1),
    "head": (0.1, 0.6),
    "fit": (0.6, 0.72),
    "bind": (0.72, 0.8),
    "capture": (0.8, 1.0),
}
"""Share of the whole at which each step begins and ends."""

T = TypeVar("T")
Waiting = Generator[Progress | None, None, None]


@dataclass(frozen=True)
class _Wish:
    """What was asked for."""

    path: Path
    scene: str
    start: float
    end: float
    person: int
    asks: bool
    moves: bool


class FACELIFT_OT_avatar_from_video(Explained, TakesClip, bpy.types.Operator):
    """Make an avatar from a clip of somebody who turns the head: its best frames give the head, seen from the sides, and what the face does in the clip moves it"""  # noqa: E501

    bl_idname = "facelift.avatar_from_video"
    bl_label = "Avatar from Video"

    use_capture: BoolProperty(
        name="Move as in the Clip", description="Fit a mesh, bind, add a rig and capture the clip onto it", default=True
    )

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """One at a time."""
        return "An avatar is being made already: wait, or cancel that first" if errands.is_pending(TITLE) else ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, or ask for the options of a dropped file."""
        return self.invoke_popup(context, confirm_text="Make Avatar")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin; everything happens in the background."""
        part = self.clip_start, self.clip_stop
        wish = _Wish(self.clip_path(), context.scene.name, *part, self.person, self.options.is_invoke, self.use_capture)
        errands.start(TITLE, lambda _: None, lambda _: made(wish), belongs_to_file=True, prominent=True)
        return {"FINISHED"}


def made(wish: _Wish) -> errands.Pieces:
    """Take all steps, waiting for each; return what to tell."""
    asked = whom.to_follow(wish.path, wish.start, wish.end, wish.person, wish.asks)
    face = yield from _within("people", asked)
    frames = yield from _frames(wish, face)
    head = yield from _head(wish, frames)
    count = "one frame" if len(frames.frames) == 1 else f"{len(frames.frames)} frames"
    told = [f"{head.name} was made from {count} of {wish.path.name}.", *frames.notes]
    if not wish.moves:
        return " ".join(told)
    name = head.name
    fitting.fit_in_background(bpy.context, head, "NEUTRAL", False)
    yield from _until(fitting.TITLE, "fit", lambda: base_objects.find(_there(name)) is not None)
    binding.bind_in_background(_there(name))
    yield from _until(binding.TITLE, "bind", lambda: following.find(_there(name)) is not None)
    mesh = base_objects.find(_there(name))
    bpy.ops.facelift.complete_avatar("EXEC_DEFAULT", True, mesh=mesh.name)
    own = face_of(base_objects.read(mesh))
    options = CaptureOptions(start=wish.start, end=wish.end, whom=face)
    scene = bpy.data.scenes.get(wish.scene) or bpy.context.scene
    clip = capturing.Clip(
        wish.path, mesh.session_uid, scene.name, own, options, None, {"start": scene.frame_current}, False, True
    )
    told.append((yield from _within("capture", capturing.captured(clip))))
    return " ".join(told)


def _frames(wish: _Wish, face: FaceBox | None) -> Generator[Progress | None, None, ReceivedFrames]:
    """Have the best frames chosen."""
    job = connection.request_frames(wish.path, wish.start, wish.end, face)
    stopped = FaceLiftError("Choosing frames was stopped.", code="cancelled")
    return (yield from waited(job, stopped, partial(_part, "frames")))


def _head(wish: _Wish, frames: ReceivedFrames) -> Generator[Progress | None, None, bpy.types.Object]:
    """Show the frames in the panel as photos of one person, and make a head of them."""
    scene = bpy.data.scenes.get(wish.scene) or bpy.context.scene
    folder, orders = folder_for(wish.path, "frames"), []
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames.frames:
        with replacing(folder / frame.name) as stream:
            stream.write(frame.png)
        order = order_for(bpy.context, PhotoSource.from_file(str(folder / frame.name)))
        orders.append(order.with_options(side=frame.side, face=frame.face))
    session.choose(*orders, together=len(orders) > 1)
    wake()
    while any(photo.state in UNFINISHED for photo in session.photos):
        yield None
    wanted = orders_to_make(bpy.context)
    if not wanted:
        raise FaceLiftError("The frames give no head.", "Look at them in the panel.", code="no-head")
    before = set(heads.heads_of(scene))
    task = session.generate(replace(wanted[0], scene=scene.name))
    wake()
    try:
        while task.state in UNFINISHED:
            yield _part("head", task.progress)
    finally:
        if task.state in UNFINISHED:
            task.cancel()
    if task.state is not State.DONE:
        raise task.error or FaceLiftError("Making the head was stopped.", code="cancelled")
    return next(head for head in heads.heads_of(scene) if head not in before)


def _there(name: str) -> bpy.types.Object:
    """Return the head, found again by its name.

    Raises:
        FaceLiftError: it was deleted or renamed meanwhile ("head-gone").
    """
    head = bpy.data.objects.get(name)
    if head is None:
        raise FaceLiftError(f"{name!r} is gone.", "Undo, and go on with the buttons of Avatar.", code="head-gone")
    return head


def _until(title: str, step: str, is_there: Callable[[], bool]) -> Waiting:
    """Wait for an errand of another tool, and check what it was to make.

    Raises:
        FaceLiftError: it ended without ("step-failed"); it has told why.
    """
    while errands.is_pending(title):
        errand = next((each for each in errands.under_way() if each.title == title), None)
        yield _part(step, None if errand is None else errand.progress)
    if not is_there():
        raise FaceLiftError(f"{title} did not end well.", "Go on with the buttons of Avatar.", code="step-failed")


def _within(step: str, pieces: Generator[Progress | None, None, T]) -> Generator[Progress | None, None, T]:
    """Take another tool's pieces as a step."""
    try:
        while True:
            yield _part(step, next(pieces))
    except StopIteration as end:
        return end.value
    finally:
        pieces.close()


def _part(step: str, progress: Progress | None) -> Progress | None:
    """Return a step's progress as a part of the whole; the time left is not known."""
    if progress is None:
        return None
    begin, end = STEPS[step]
    return replace(progress, fraction=begin + (end - begin) * progress.fraction, eta=None)


class FACELIFT_OT_complete_avatar(bpy.types.Operator):
    """Add the rig of an avatar that is being made"""

    bl_idname = "facelift.complete_avatar"
    bl_label = "Add Rig"
    bl_options = {"UNDO", "INTERNAL"}

    mesh: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it."""
        rigging.give_rig(context, faces.required_face(bpy.data.objects.get(self.mesh)))
        return {"FINISHED"}


class FACELIFT_FH_avatar_video(bpy.types.FileHandler):
    """Videos dropped into the 3D View, where there is no face to move."""

    bl_idname = "FACELIFT_FH_avatar_video"
    bl_label = "3D Avatar from Video"
    bl_import_operator = FACELIFT_OT_avatar_from_video.bl_idname
    bl_file_extensions = DROPPED

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Anywhere in a 3D View."""
        return is_over_view(context)


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Import."""
    menu.layout.operator(FACELIFT_OT_avatar_from_video.bl_idname, text="3D Avatar from Video (.mp4, .mov, …)")


CLASSES = (FACELIFT_OT_avatar_from_video, FACELIFT_OT_complete_avatar, FACELIFT_FH_avatar_video)
