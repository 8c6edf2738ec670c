"""Where files are dropped."""

from __future__ import annotations

import bpy


def is_over_view(context: bpy.types.Context) -> bool:
    """Whether what is dropped lands in a 3D View."""
    return context.area is not None and context.area.type == "VIEW_3D"
