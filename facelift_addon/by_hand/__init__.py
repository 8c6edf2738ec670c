"""Photos placed by hand: pins that hold the head's wireframe to a photo, and what is kept of it."""

from __future__ import annotations

from . import handlers, operators

CLASSES = operators.CLASSES


def register() -> None:
    """End placing when its head goes."""
    handlers.register()


def unregister() -> None:
    """Leave views as they were."""
    handlers.unregister()
