"""What a scene remembers about the drawing of splats in the viewport."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, PointerProperty


def _changed(_settings: ViewportSettings, _context: bpy.types.Context) -> None:
    from . import switch

    switch.update_scenes()


class ViewportSettings(bpy.types.PropertyGroup):
    """Viewport settings of a scene."""

    enabled: BoolProperty(
        name="Real Splats",
        description="Draw Gaussians as they are in the 3D View while navigating; otherwise as opaque surface elements",
        default=True,
        update=_changed,
    )
    drawing: BoolProperty(
        name="Drawing",
        description="Whether the drawing is at work: it is switched on and the graphics card can do it",
        options={"HIDDEN"},
    )
    editing: BoolProperty(
        name="Editing",
        description="Whether the scene is in Edit Mode, where Blender draws dots that would hide the splats",
        options={"HIDDEN"},
    )


def register_properties() -> None:
    """Attach the settings to scenes."""
    bpy.types.Scene.facelift_viewport = PointerProperty(type=ViewportSettings)


def unregister_properties() -> None:
    """Detach them."""
    del bpy.types.Scene.facelift_viewport


CLASSES = (ViewportSettings,)
