"""Where splat files enter and leave Blender: the File menu, and files dropped into the window."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...core import formats
from ..splats.data import heads
from .exporting import CLASSES as EXPORT_CLASSES
from .exporting import FACELIFT_OT_export_splats
from .importing import CLASSES as IMPORT_CLASSES
from .importing import FACELIFT_OT_import_splats


def _short_suffixes() -> list[str]:
    """Return a suffix for each reader: menus have no room for all the variants that it reads."""
    known: dict[object, list[str]] = {}
    for kind in formats.FORMATS:
        known.setdefault(kind.decode, []).extend(kind.suffixes)
    return [min(suffixes, key=len) for suffixes in known.values()]


MENU_TEXT = f"Gaussian Splats ({'/'.join(_short_suffixes())})"
DROPPED_SUFFIXES = tuple(dict.fromkeys(Path(f"_{suffix}").suffix for suffix in formats.readable_suffixes()))
"""Blender looks at a dropped file's last suffix only."""


class FACELIFT_FH_splats(bpy.types.FileHandler):
    """Splat files dropped into the 3D View or the outliner.

    For .ply, .glb and .usd Blender has importers of its own, of meshes: it asks which one is meant.
    """

    bl_idname = "FACELIFT_FH_splats"
    bl_label = "Gaussian splats (FaceLift)"
    bl_import_operator = FACELIFT_OT_import_splats.bl_idname
    bl_file_extensions = ";".join(DROPPED_SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Where objects can be dropped."""
        return context.area is not None and context.area.type in ("VIEW_3D", "OUTLINER")


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Import."""
    menu.layout.operator(FACELIFT_OT_import_splats.bl_idname, text=MENU_TEXT)


def draw_export(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Add to File > Export, above Blender's own formats: none of its exporters writes splats."""
    layout = menu.layout
    layout.operator(FACELIFT_OT_export_splats.bl_idname, text=MENU_TEXT)
    if heads.heads_of(context.scene):
        layout.separator()
        layout.label(text="The formats below leave out splats", icon="INFO")


CLASSES = (*IMPORT_CLASSES, *EXPORT_CLASSES, FACELIFT_FH_splats)
