"""Deleting a head deletes what came with it: its cameras, and its collection when nothing else is in it.

Blender tells of no deletion; that there are fewer objects than before is noticed when it has evaluated a scene, and
looked into when it is idle. Undo brings back the head with all of it, because its step was stored before.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ...listening import listen, stop_listening
from ..data import heads
from . import belongings

_count = 0


def clean() -> None:
    """Remove what heads left behind that are no more."""
    present = {
        target[heads.ID_KEY] for target in bpy.data.objects if heads.ID_KEY in target and target.users_collection
    }
    belongings.remove_abandoned(present)


@persistent
def _on_update(*_arguments) -> None:
    global _count
    before, _count = _count, len(bpy.data.objects)
    if _count < before and not bpy.app.timers.is_registered(clean):
        bpy.app.timers.register(clean, first_interval=0.0)


@persistent
def _on_load(*_arguments) -> None:
    """Another file's objects are not fewer, but others."""
    global _count
    _count = 0


HANDLERS = (
    (bpy.app.handlers.depsgraph_update_post, _on_update),
    (bpy.app.handlers.redo_post, _on_update),
    (bpy.app.handlers.load_post, _on_load),
)


def register() -> None:
    """Listen."""
    listen(HANDLERS)


def unregister() -> None:
    """Listen no more."""
    stop_listening(HANDLERS)
    if bpy.app.timers.is_registered(clean):
        bpy.app.timers.unregister(clean)
