"""Blender's side of the session: the timer, redraws, and what happens when another file opens."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ..setup.guide import guide
from ..setup.trial import trial
from ..setup.unloading import unloading
from . import connection
from .session import session

BUSY_SECONDS = 0.05
IDLE_SECONDS = 1.0
"""Between ticks while a worker waits for work: its signs of life have to be read."""


def wake() -> None:
    """Make sure that the session ticks."""
    if not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=0.0, persistent=True)


def sleep() -> None:
    """Stop ticking."""
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)


def _on_timer() -> float | None:
    """Tick, and say when to tick again: never, once nothing runs."""
    was_busy = _is_busy()
    session.tick()
    trial.tick()
    unloading.tick()
    guide.tick()
    if was_busy or _is_busy():
        redraw()
        return BUSY_SECONDS
    return IDLE_SECONDS if connection.is_running() else None


def _is_busy() -> bool:
    return session.busy or guide.busy or trial.busy or unloading.busy


def redraw() -> None:
    """Redraw the sidebars and preferences that show the session or the setup."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("PREFERENCES", "IMAGE_EDITOR"):
                area.tag_redraw()
            elif area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


@persistent
def forget_file(_path: str | None = None) -> None:
    """Another file opens: jobs and pictures of this one are dropped."""
    session.reset()


@persistent
def undone(*_arguments) -> None:
    """Undo and redo exchange the photo's image: it is looked after soon."""
    if session.photo is not None:
        wake()


HANDLERS = (
    (bpy.app.handlers.load_pre, forget_file),
    (bpy.app.handlers.undo_post, undone),
    (bpy.app.handlers.redo_post, undone),
)
"""Handler lists, and what is in them while the extension is registered."""
