"""What Blender tells: something changed, another frame, undo, another file."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ..listening import listen, stop_listening
from . import switch
from .drawing import drawing


@persistent
def on_update(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Read objects again whose geometry changed; a new scene learns whether splats are drawn."""
    for update in graph.updates:
        if isinstance(update.id, bpy.types.Object) and update.is_updated_geometry:
            drawing.clouds.forget(update.id.original)
    drawing.instances.clear()
    if not switch.is_settled(scene):
        switch.update_soon()
    drawing.forget_missing()


@persistent
def on_replaced(*_arguments) -> None:
    """Undo, redo and another file replace every object."""
    drawing.clear()
    switch.update_soon()


HANDLERS = (
    (bpy.app.handlers.depsgraph_update_post, on_update),
    (bpy.app.handlers.frame_change_post, on_update),
    (bpy.app.handlers.undo_post, on_replaced),
    (bpy.app.handlers.redo_post, on_replaced),
    (bpy.app.handlers.load_post, on_replaced),
)
"""Handler lists, and what is in them while the extension is registered."""


def register() -> None:
    """Listen."""
    listen(HANDLERS)


def unregister() -> None:
    """Listen no more."""
    stop_listening(HANDLERS)
