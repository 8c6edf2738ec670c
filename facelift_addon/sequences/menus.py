"""Where sequences are in the File menu."""

from __future__ import annotations

import bpy

from ..operators.exporting import FACELIFT_OT_export_splats
from .importing import FACELIFT_OT_import_splat_sequence


def _draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator(FACELIFT_OT_import_splat_sequence.bl_idname, text="Splat Sequence (numbered files)")


def _draw_export(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    exported = menu.layout.operator(FACELIFT_OT_export_splats.bl_idname, text="Splat Sequence (a file a frame)")
    exported.use_animation = True


def register() -> None:
    """Add them, of export above the note that all others leave out splats."""
    bpy.types.TOPBAR_MT_file_import.append(_draw_import)
    bpy.types.TOPBAR_MT_file_export.prepend(_draw_export)


def unregister() -> None:
    """Take them out again."""
    bpy.types.TOPBAR_MT_file_export.remove(_draw_export)
    bpy.types.TOPBAR_MT_file_import.remove(_draw_import)
