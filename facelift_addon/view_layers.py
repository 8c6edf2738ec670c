"""What is in a view layer now."""

from __future__ import annotations

import bpy


def objects_of(view_layer: bpy.types.ViewLayer) -> list[bpy.types.Object]:
    """Return a view layer's objects.

    Its own list still holds what was removed or unlinked since it was last brought up to date: as None, or as memory
    that is gone, whose use ends Blender (seen in 4.5). Reading the active object brings it up to date.
    """
    _ = view_layer.objects.active
    return [target for target in view_layer.objects if target is not None]
