"""Editing of splat objects: operators, the Adjustments modifier, menus and panels."""

from __future__ import annotations

import bpy

from . import (
    adjusting,
    clean,
    menus,
    painting,
    panels,
    placing,
    selecting,
    shaping,
    tools_bar,
    tools_select,
    transform_nodes,
)

CLASSES = (
    *clean.CLASSES,
    *selecting.CLASSES,
    *tools_select.CLASSES,
    *tools_bar.CLASSES,
    *painting.CLASSES,
    *shaping.CLASSES,
    *placing.CLASSES,
    *adjusting.CLASSES,
    *transform_nodes.CLASSES,
    *menus.CLASSES,
    *panels.CLASSES,
)


def register_menus() -> None:
    """Add the tools to Blender's menus and to the toolbar."""
    tools_bar.register()
    for name, draw in menus.PLACES:
        getattr(bpy.types, name).append(draw)
    for name, draw in menus.FIRST_PLACES:
        getattr(bpy.types, name).prepend(draw)


def unregister_menus() -> None:
    """Take them out again."""
    for name, draw in (*menus.PLACES, *menus.FIRST_PLACES):
        getattr(bpy.types, name).remove(draw)
    tools_bar.unregister()
