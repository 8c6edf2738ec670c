"""The extension's preferences."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ..core.engines import registry
from .identity import BASE_PACKAGE
from .setup.choices import pip_property, server_property, token_property
from .setup.drawing import draw_setup
from .setup.worker_drawing import draw_worker


def _on_memory_changed(_preferences: FaceLiftPreferences, _context: bpy.types.Context) -> None:
    # The sequences know the preferences.
    from .sequences import streams

    streams.share_memory()


class FaceLiftPreferences(bpy.types.AddonPreferences):
    """Preferences, kept across files and sessions."""

    bl_idname = BASE_PACKAGE

    solid_colors: BoolProperty(
        name="Show colors in Solid mode",
        description="Set the color of Solid mode to Attribute when a head arrives, so that it isn't gray",
        default=True,
    )
    frame_heads: BoolProperty(
        name="Frame new heads",
        description="Move the view to a new head, which is small in a scene of room size",
        default=True,
    )
    turn_views: BoolProperty(
        name="Turn to new heads",
        description="Turn the view to a new head's front, three quarters",
        default=True,
    )
    prepare_renders: BoolProperty(
        name="Set up renders",
        description="Change what splats need in a scene's render settings when its first head arrives: "
        "Cycles shows them black by default. The Rendering panel tells what was changed and restores it",
        default=True,
    )
    sequence_memory: IntProperty(
        name="Memory (MB)",
        description="Most memory that the frames of all splat sequences take; one of 150,000 splats takes about 12 MB "
        "without, 39 MB with colors that change with the view",
        default=2000,
        min=50,
        soft_max=32000,
        update=_on_memory_changed,
    )
    show_installed: BoolProperty(name="Folders and Maintenance", description="Show what is installed and where")
    use_pip: pip_property()
    weights_server: server_property()
    weights_token: token_property()
    worker_command: StringProperty(
        name="Command",
        description=(
            "Command that starts FaceLift on another computer, for example: ssh studio python -m core.worker. "
            "Empty: this computer. The other one gets the photo and the settings, never a path"
        ),
    )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the preferences."""
        layout = self.layout
        layout.use_property_split = True
        names = [engine.label for engine in registry.descriptions() if engine.needs_runtime]
        layout.label(text=f"{', '.join(names)} engine")
        draw_setup(layout, context)
        layout.label(text="Background Process")
        draw_worker(layout, context, self)
        column = layout.column(heading="New heads")
        column.prop(self, "solid_colors")
        column.prop(self, "frame_heads")
        column.prop(self, "turn_views")
        column.prop(self, "prepare_renders")
        column = layout.column(heading="Splat sequences")
        column.prop(self, "sequence_memory")


CLASSES = (FaceLiftPreferences,)
