"""Real splats in the 3D View, drawn by ourselves while the user navigates."""

from __future__ import annotations

import bpy

from . import handlers, overlays, settings, split, switch
from .drawing import drawing


def register() -> None:
    """Draw splats in every 3D View from now on."""
    for cls in settings.CLASSES:
        bpy.utils.register_class(cls)
    settings.register_properties()
    handlers.register()
    if not bpy.app.background:
        drawing.start()
        switch.update_soon()
    overlays.register()
    split.register()


def unregister() -> None:
    """Leave 3D Views as they were; heads show surface elements, because the drawing's property is gone."""
    split.unregister()
    overlays.unregister()
    drawing.stop()
    switch.cancel()
    handlers.unregister()
    settings.unregister_properties()
    for cls in reversed(settings.CLASSES):
        bpy.utils.unregister_class(cls)
