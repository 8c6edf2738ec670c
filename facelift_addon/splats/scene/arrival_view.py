"""What happens to the open 3D Views when a head arrives."""

from __future__ import annotations

from math import radians

import bpy
from mathutils import Euler, Quaternion

from ...identity import preferences

ATTRIBUTE_COLORS = "VERTEX"
"""Blender's identifier of the colour type "Attribute" of Solid mode."""
TEXTURE_COLORS = "TEXTURE"
"""That of the type "Texture"."""
ELEVATION, AROUND = radians(5), radians(-30)
"""From where new heads are seen: a little from above, and a third of the way from the front to the side."""


def welcome(head: bpy.types.Object | None) -> None:
    """Show a new head, if it is selected, in colour, in full and from the front, as far as the preferences allow."""
    wishes = preferences()
    color_solid_views(ATTRIBUTE_COLORS)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type != "VIEW_3D":
                continue
            space = area.spaces.active
            region = next((region for region in area.regions if region.type == "WINDOW"), None)
            seen = head is not None and head.select_get(view_layer=window.view_layer) and bpy.context.mode == "OBJECT"
            if region is None or not seen or space.region_3d.view_perspective == "CAMERA":
                continue
            if wishes.turn_views and not space.region_3d.lock_rotation:
                space.region_3d.view_rotation = three_quarters(head)
            if wishes.frame_heads:
                with bpy.context.temp_override(window=window, area=area, region=region):
                    bpy.ops.view3d.view_selected()


def color_solid_views(kind: str) -> None:
    """Show the colours of what arrives or is shown now in Solid mode, as far as the preferences allow."""
    if not preferences().solid_colors:
        return
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.spaces.active.shading.color_type = kind


def three_quarters(head: bpy.types.Object) -> Quaternion:
    """Return the turn of a view that looks at a head's front, three quarters."""
    return head.matrix_world.to_quaternion() @ Euler((radians(90) - ELEVATION, 0.0, AROUND)).to_quaternion()
