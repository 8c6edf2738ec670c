"""Keeps lit heads lit: normals and proxies follow the splats, worked out in a thread.

In a scene whose colours are lit, every head needs a proxy of what its modifiers leave. What
changes a head, whether a tool, Edit Mode, undo or a new arrival, is noticed by a handler; when
Blender has been quiet for a moment, the heads are read and compared with what their proxies
were made of. Nothing of this is an undo step of its own: undo brings back the proxy of its
time, and a missing one is made again.

Where adjustments or a bound mesh are animated, each frame has a proxy of its own. Renders make it
when the frame begins; in the viewport it is made after playing and scrubbing, not while.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ....core.errors import FaceLiftError
from ....core.gaussians import Gaussians
from ....core.progress import Reporter
from ....core.splats import attributes as names
from ...listening import listen, stop_listening
from ...making import errands
from ..data import baking, columns, geometry, heads
from ..display import display, proxies
from ..display.stand_in import CENTER

QUIET_SECONDS = 0.7
"""After the last change before heads are read."""


def scene_changed(scene: bpy.types.Scene) -> None:
    """A scene's colours became lit, or no longer are. Without a window, it is all done on return."""
    if scene.facelift.color_mode != "LIT":
        return
    if bpy.app.background:
        update(scene)
    else:
        _check_soon()


def update(scene: bpy.types.Scene) -> None:
    """Give all heads of a scene their lighting now.

    Raises:
        FaceLiftError: a head has no splats left, or is being edited.
    """
    for head in _own_heads(scene):
        _update_head(head)


def _update_head(head: bpy.types.Object) -> None:
    lighting = _work(head, baking.evaluated(bpy.context, head), baking.stored(head))()
    if lighting is not None:
        proxies.give(head, lighting)


def update_in_background(scene: bpy.types.Scene) -> None:
    """Work out in a thread what heads of a scene need; soon they have it."""
    for head in _own_heads(scene):
        shown = _shown(head)
        if shown is not None and len(shown):
            work = _work(head, shown, geometry.to_gaussians(head.data))
            heads.identify(head)
            identifier, name = head[heads.ID_KEY], head.name

            def finish(lighting: proxies.Lighting | None, identifier=identifier, name=name) -> str:
                return _finish(identifier, name, lighting)

            errands.start(f"Lighting {name}", work, finish, belongs_to_file=True)


def _own_heads(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the heads that can be given something: those of linked files bring what they have."""
    return [head for head in heads.heads_of(scene) if head.is_editable and head.data.is_editable]


def _shown(head: bpy.types.Object) -> Gaussians | None:
    """Return the splats that modifiers leave, without switching any of them; None when they can't be told."""
    if head.mode == "EDIT":
        return None
    result = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    if isinstance(result, bpy.types.PointCloud) and geometry.is_splats(result):
        rows = geometry.read(result)
        rows[names.POSITION] = rows.pop(CENTER, rows[names.POSITION])
        return columns.to_gaussians(rows)
    return None if _is_modified(head) else geometry.to_gaussians(head.data)


def _is_modified(head: bpy.types.Object) -> bool:
    """Whether other modifiers than the display change a head: they, and what they refer to, may be animated."""
    return any(modifier != display.find_display(head) for modifier in head.modifiers)


def _work(head: bpy.types.Object, shown: Gaussians, stored: Gaussians) -> Callable[..., proxies.Lighting | None]:
    """Return the thread's work: the lighting, or None when the head has it already."""
    proxy = proxies.find(head)
    known = proxy[proxies.PROXY_KEY] if proxy is not None else ""

    def work(_reporter: Reporter | None = None) -> proxies.Lighting | None:
        mark = _mark(shown, stored)
        return None if mark == known else proxies.work_out(shown, stored, mark)

    return work


def _mark(*splats: Gaussians) -> str:
    """Return a text that changes with anything that lighting depends on."""
    value = 0
    for gaussians in splats:
        for name in ("means", "scales", "rotations", "opacities", "colors"):
            value = zlib.crc32(np.ascontiguousarray(getattr(gaussians, name)), value)
    return f"{value:08x}"


def _finish(identifier: str, name: str, lighting: proxies.Lighting | None) -> str:
    head = heads.find(identifier, name)
    if head is None or not any(scene.facelift.color_mode == "LIT" for scene in head.users_scene):
        return ""
    # Edited meanwhile: the next look finds what it needs then.
    fits = lighting is not None and len(lighting.normals) == len(head.data.points)
    if fits and head.mode != "EDIT":
        proxies.give(head, lighting)
    return f"{name} is lit"


def _check() -> None:
    """Look after all lit scenes: called when Blender was quiet for a moment."""
    for proxy in proxies.orphans():
        proxies.remove(proxy)
    for scene in bpy.data.scenes:
        if scene.facelift.color_mode == "LIT":
            update_in_background(scene)


def _check_soon() -> None:
    _cancel()
    bpy.app.timers.register(_check, first_interval=QUIET_SECONDS)


def _cancel() -> None:
    if bpy.app.timers.is_registered(_check):
        bpy.app.timers.unregister(_check)


@persistent
def _on_update(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    if bpy.app.background or scene.facelift.color_mode != "LIT":
        return
    changed = any(
        isinstance(update.id, bpy.types.Object) and update.is_updated_geometry and heads.is_head(update.id.original)
        for update in graph.updates
    )
    if changed or proxies.orphans():
        _check_soon()


@persistent
def _on_frame(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Another frame: what is rendered waits for its proxies, the viewport gets them when it has come to rest.

    Blender evaluates a frame once more when its handlers changed something.
    """
    if scene.facelift.color_mode != "LIT" or scene != bpy.context.scene:
        return
    modified = [head for head in _own_heads(scene) if _is_modified(head) or heads.is_sequence(head)]
    if bpy.app.background or (graph.mode == "RENDER" and scene.render.use_lock_interface):
        for head in modified:
            try:
                _update_head(head)
            except FaceLiftError:
                # Nothing of it is left in this frame, so it casts no shadow.
                proxy = proxies.find(head)
                if proxy is not None:
                    proxies.remove(proxy)
    elif modified and graph.mode == "VIEWPORT" and not _is_playing():
        _check_soon()


def _is_playing() -> bool:
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


@persistent
def _on_replaced(*_arguments) -> None:
    """Undo, redo and another file bring back other heads."""
    if not bpy.app.background:
        _check_soon()


HANDLERS = (
    (bpy.app.handlers.depsgraph_update_post, _on_update),
    (bpy.app.handlers.frame_change_post, _on_frame),
    (bpy.app.handlers.undo_post, _on_replaced),
    (bpy.app.handlers.redo_post, _on_replaced),
    (bpy.app.handlers.load_post, _on_replaced),
)
"""Handler lists, and what is in them while the extension is registered."""


def register() -> None:
    """Listen."""
    listen(HANDLERS)


def unregister() -> None:
    """Listen no more."""
    _cancel()
    stop_listening(HANDLERS)
