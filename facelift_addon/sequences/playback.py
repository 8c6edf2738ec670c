"""Plays sequences: another frame of the scene puts another file's splats into an object's point cloud.

The point cloud itself changes, before Blender evaluates the frame, so all modifiers, renderers and drivers see it, and
a file without the extension has what was shown last. Renders, and scripts that set a frame, wait for the right file. In
a window nobody waits: the nearest frame in memory shows until the right one is decoded.

A render in the background changes the point cloud in its own thread, which is safe while the interface is locked:
:mod:`..splats.scene.rendering` sets that for scenes with sequences.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator

import bpy
from bpy.app.handlers import persistent

from ...core.errors import FaceLiftError
from ...core.sequences.stream import Stream
from ...core.splats import attributes as names
from .. import compat
from ..editing import storage
from ..listening import listen, stop_listening
from ..splats.data.heads import SEQUENCE, is_sequence
from ..viewport.drawing import drawing
from . import streams
from .settings import SequenceSettings, remember

logger = logging.getLogger(__name__)

SHOWN_KEY = "facelift_frame"
"""Custom property of a point cloud: the file whose splats it has."""
AHEAD = 24
"""Frames of the scene to look ahead, as far as memory goes."""
LARGEST_STEP_BACK = 24
"""Frames of the scene; a longer way back is a jump, or the end of the range, and play goes on forwards."""
LOOK_SECONDS = 0.02
"""Between looks at whether an awaited frame is decoded."""

_before: dict[int, int] = {}
"""The frame that a scene, by its session id, had before."""
_told: set[str] = set()
"""Damage that the console has told."""


def players() -> list[bpy.types.Object]:
    """Return all objects that play a sequence."""
    # Most files have no point cloud at all: nothing may cost them time in each frame.
    if not bpy.data.pointclouds:
        return []
    found = [target for target in bpy.data.objects if is_sequence(target)]
    # An override has the point cloud of what it overrides: they can't both play.
    overridden = {target.override_library.reference for target in found if target.override_library is not None}
    return [target for target in found if target not in overridden]


def frame_of(scene: bpy.types.Scene) -> int:
    """Return the whole frame that a scene is at: for motion blur, renderers look between frames, too."""
    return math.floor(scene.frame_current_final + 0.5)


def show(scene: bpy.types.Scene, waits: bool, graph: bpy.types.Depsgraph | None = None) -> bool:
    """Show what the frame of a scene should; return whether all of it is right.

    Args:
        scene: Whose frame.
        waits: Whether to decode what is not in memory, instead of showing what is nearest.
        graph: Where animated settings have their values; None leaves objects alone whose settings are animated.
    """
    found, frame, right = players(), frame_of(scene), True
    if not found:
        streams.keep_only(set())
        return True
    upcoming = _upcoming(scene, frame)
    for target in found:
        if target.mode == "EDIT" or (graph is None and is_animated(target)):
            continue
        settings = target.facelift_sequence if graph is None else target.evaluated_get(graph).facelift_sequence
        right &= _show_on(target, settings, frame, upcoming, waits)
    streams.keep_only({streams.key_of(target) for target in found})
    return right


def _show_on(
    target: bpy.types.Object, settings: SequenceSettings, frame: int, upcoming: list[int], waits: bool
) -> bool:
    stream = streams.of(target)
    if isinstance(stream, FaceLiftError):
        return True
    number, ahead = settings.number_at(frame), [settings.number_at(other) for other in upcoming]
    if waits:
        found, right = stream.exact(number, ahead), True
    else:
        soon = stream.soon(number, ahead)
        found, right = (None, False) if soon is None else (soon[:2], soon[2])
    _tell(stream.failures)
    if found is None:
        # Of a sequence without one good file nothing is awaited.
        return right or len(stream.failures) == len(stream.sequence.numbers)
    _put(target, str(stream.sequence.path(found[0])), found[1])
    return right


def _put(target: bpy.types.Object, name: str, frame: streams.Columns) -> None:
    """Give an object's point cloud the splats of a file, unless it has them."""
    if target.data.get(SHOWN_KEY) == name:
        return
    count = len(frame[names.POSITION].values)
    if target.library is not None and not compat.resizes_point_clouds_5_1() and count != len(target.data.points):
        # Another file's point cloud would have to give way to a new one. Overrides have one of their own.
        return
    is_override = target.library is None and target.data.library is not None
    if is_override or (target.data.users > 1 and target.library is None and not _agree(target)):
        target.data = target.data.copy()
    storage.replace(target, frame)
    target.data[SHOWN_KEY] = name
    drawing.clouds.forget(target)


def _agree(target: bpy.types.Object) -> bool:
    """Whether all sequences that share a point cloud play it in the same way."""
    kept = ("filepath", "first", "last", "start", "offset", "speed", "loop", "use_frame", "frame")
    settings = target.facelift_sequence
    return not is_animated(target) and all(
        getattr(other.facelift_sequence, name) == getattr(settings, name)
        for other in players()
        if other.data == target.data and other != target
        for name in kept
    )


def _tell(failures: dict[int, str]) -> None:
    """Write into the console what is wrong with files, each once; the panel tells it too."""
    for text in failures.values():
        if text not in _told:
            _told.add(text)
            logger.warning("%s The nearest good frame takes its place.", text)


def _upcoming(scene: bpy.types.Scene, frame: int) -> list[int]:
    """Return the frames that a scene will come to next, in the direction in which it went."""
    back = _before.get(scene.session_uid, frame) - frame
    _before[scene.session_uid] = frame
    if 0 < back <= LARGEST_STEP_BACK:
        return [frame - step for step in range(1, AHEAD + 1)]
    first, last = scene.frame_start, scene.frame_end
    if scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    length = last - first + 1
    found = [frame + step for step in range(1, AHEAD + 1)]
    return [first + (other - first) % length for other in found] if first <= frame <= last else found


def is_animated(target: bpy.types.Object) -> bool:
    """Whether keys or drivers set how an object plays: then Blender has to evaluate a frame to know it."""
    animation = target.animation_data
    return animation is not None and any(path.startswith(SEQUENCE) for path in _animated_paths(animation))


def _animated_paths(animation: bpy.types.AnimData) -> Iterator[str]:
    yield from (driver.data_path for driver in animation.drivers)
    actions = [animation.action, *(strip.action for track in animation.nla_tracks for strip in track.strips)]
    for action in filter(None, actions):
        for layer in action.layers:
            for strip in layer.strips:
                for bag in strip.channelbags:
                    yield from (curve.data_path for curve in bag.fcurves)


def _waits(by_script: bool, graph: bpy.types.Depsgraph | None = None) -> bool:
    """Whether whoever sets a frame uses what is there then, at once: renderers and scripts."""
    if by_script or bpy.app.background or bpy.app.is_job_running("RENDER"):
        return True
    if graph is not None and graph.mode == "RENDER":
        return True
    windows = bpy.context.window_manager.windows
    return any(running.bl_idname == "RENDER_OT_opengl" for window in windows for running in window.modal_operators)


@persistent
def on_frame_begins(scene: bpy.types.Scene, *_arguments) -> None:
    """Before a frame is evaluated: what is not animated is known by now."""
    if players():
        by_script = sys._getframe().f_back is not None
        if not show(scene, _waits(by_script)):
            _look_soon()


@persistent
def on_frame(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """A frame was evaluated: animated settings are known, and Blender evaluates what changes once more."""
    found = players()
    if found and (graph.mode == "RENDER" or any(map(is_animated, found))):
        by_script = sys._getframe().f_back is not None
        if not show(scene, _waits(by_script, graph), graph):
            _look_soon()


@persistent
def on_update(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Something changed that may drive how objects play: then they are among what was evaluated."""
    if graph.mode != "VIEWPORT" or not bpy.data.pointclouds:
        return
    evaluated = (update.id for update in graph.updates if isinstance(update.id, bpy.types.Object))
    if any(is_sequence(target) and is_animated(target.original) for target in evaluated):
        if not show(scene, bpy.app.background, graph):
            _look_soon()


@persistent
def on_replaced(*_arguments) -> None:
    """Undo, redo and another file bring back other point clouds."""
    refresh_soon()


@persistent
def on_save(*_arguments) -> None:
    """What is appended from the file may have left it: then a path that begins there is no use."""
    for target in players():
        if target.library is None:
            remember(target)


def refresh() -> bool:
    """Show what the frames of now should, without waiting; return whether all of it is right."""
    right = True
    scenes = {window.scene for window in bpy.context.window_manager.windows} or {bpy.context.scene}
    for scene in scenes:
        layers = [window.view_layer for window in bpy.context.window_manager.windows if window.scene == scene]
        layer = layers[0] if layers else scene.view_layers[0]
        right &= show(scene, bpy.app.background)
        if any(map(is_animated, players())) and layer.depsgraph is not None:
            right &= show(scene, bpy.app.background, layer.depsgraph)
    return right


def refresh_soon() -> None:
    """Call :func:`refresh` when Blender is idle, or at once where no window is."""
    if bpy.app.background:
        refresh()
    else:
        _look_soon()


def _look_soon() -> None:
    if not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=LOOK_SECONDS, persistent=True)


def _on_timer() -> float | None:
    # While Blender renders in the background, the scene must not change.
    if bpy.app.is_job_running("RENDER"):
        return LOOK_SECONDS
    return None if refresh() else LOOK_SECONDS


def reload(target: bpy.types.Object) -> None:
    """Look for an object's files again, and read them again; where all of them played, new ones play too."""
    settings, before = target.facelift_sequence, streams.of(target)
    streams.forget(target)
    _told.clear()
    after = streams.of(target)
    if isinstance(before, Stream) and isinstance(after, Stream):
        if (settings.first, settings.last) == (before.sequence.first, before.sequence.last):
            settings.first, settings.last = after.sequence.first, after.sequence.last
    if SHOWN_KEY in target.data:
        del target.data[SHOWN_KEY]
    refresh_soon()


HANDLERS = (
    (bpy.app.handlers.frame_change_pre, on_frame_begins),
    (bpy.app.handlers.frame_change_post, on_frame),
    (bpy.app.handlers.depsgraph_update_post, on_update),
    (bpy.app.handlers.undo_post, on_replaced),
    (bpy.app.handlers.redo_post, on_replaced),
    (bpy.app.handlers.load_post, on_replaced),
    (bpy.app.handlers.save_pre, on_save),
)
"""Handler lists, and what is in them while the extension is registered."""


def register() -> None:
    """Play from now on."""
    listen(HANDLERS)


def unregister() -> None:
    """Play no more."""
    stop_listening(HANDLERS)
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    streams.close()
