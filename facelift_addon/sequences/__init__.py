"""Splat sequences: numbered files that one object plays."""

from __future__ import annotations

from . import importing, menus, panel, playback, settings

CLASSES = (*settings.CLASSES, *importing.CLASSES, *panel.CLASSES)


def register() -> None:
    """Attach the settings to objects, and play from now on."""
    settings.register_properties()
    playback.register()
    menus.register()


def unregister() -> None:
    """Play no more: objects keep the frame that they show."""
    menus.unregister()
    playback.unregister()
    settings.unregister_properties()
