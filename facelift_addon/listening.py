"""Listening to what Blender tells: handlers go into its lists together, and leave them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Handlers = Iterable[tuple[list[Callable], Callable]]
"""Lists of ``bpy.app.handlers``, each with what is called from it."""


def listen(handlers: Handlers) -> None:
    """Put handlers into their lists."""
    for calls, handler in handlers:
        calls.append(handler)


def stop_listening(handlers: Handlers) -> None:
    """Take handlers out of their lists."""
    for calls, handler in handlers:
        calls.remove(handler)
