"""Placing ends where its head may be another one: with undo, with another file, with the head itself."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ..listening import listen, stop_listening
from . import operators
from . import placing as state


@persistent
def on_replaced(*_arguments) -> None:
    """Undo, redo and another file replace every object: the view is what it was before that."""
    operators.finish()


@persistent
def on_update(*_arguments) -> None:
    """A head that was deleted has no photo to place."""
    placing = state.current()
    if placing is not None and placing.target() is None:
        operators.finish()


HANDLERS = (
    (bpy.app.handlers.undo_pre, on_replaced),
    (bpy.app.handlers.redo_pre, on_replaced),
    (bpy.app.handlers.load_pre, on_replaced),
    (bpy.app.handlers.depsgraph_update_post, on_update),
)
"""Handler lists, and what is in them while the extension is registered."""


def register() -> None:
    """Listen."""
    listen(HANDLERS)


def unregister() -> None:
    """End what is under way, and listen no more."""
    operators.finish()
    stop_listening(HANDLERS)
