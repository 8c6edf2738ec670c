"""What happens to the open 3D Views when a head arrives."""

from __future__ import annotations

import bpy

from .identity import preferences

ATTRIBUTE_COLORS = "VERTEX"
"""Blender's identifier of the colour type "Attribute" of Solid mode."""


def welcome() -> None:
    """Show the new, selected head in colour and in full, as far as the preferences allow."""
    wishes = preferences()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type != "VIEW_3D":
                continue
            if wishes.solid_colors:
                area.spaces.active.shading.color_type = ATTRIBUTE_COLORS
            region = next((region for region in area.regions if region.type == "WINDOW"), None)
            in_camera = area.spaces.active.region_3d.view_perspective == "CAMERA"
            if wishes.frame_heads and region is not None and not in_camera:
                with bpy.context.temp_override(window=window, area=area, region=region):
                    bpy.ops.view3d.view_selected()
