"""The avatar: a head mesh fitted to the splats, and all that builds on it."""

from __future__ import annotations

import bpy

from . import (
    binding,
    exporting,
    expressions,
    fitting,
    menus,
    panel,
    performances,
    rigging,
    showing,
    texturing,
    wrapping,
)

CLASSES = (
    *showing.CLASSES,
    *fitting.CLASSES,
    *texturing.CLASSES,
    *binding.CLASSES,
    *panel.CLASSES,
    *expressions.CLASSES,
    *rigging.CLASSES,
    *performances.CLASSES,
    *exporting.CLASSES,
    *wrapping.CLASSES,
    *menus.CLASSES,
)


def register() -> None:
    """What is more than classes."""
    expressions.register()
    menus.register()
    bpy.types.TOPBAR_MT_file_import.append(performances.draw_import)
    bpy.types.TOPBAR_MT_file_export.append(exporting.draw_export)


def unregister() -> None:
    """Take it out again."""
    bpy.types.TOPBAR_MT_file_export.remove(exporting.draw_export)
    bpy.types.TOPBAR_MT_file_import.remove(performances.draw_import)
    menus.unregister()
    expressions.unregister()
