"""Whether our own drawing is at work, in every scene, and the way back when it can't be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

_failed = False


def works() -> bool:
    """Whether this Blender can draw: it has windows, and the shaders compiled.

    Heads that Blender draws itself (5.3+) leave no stand-in, by which the drawing knows the others.
    """
    return not (_failed or bpy.app.background)


def update_scenes() -> None:
    """Tell every scene whether the drawing is at work, and in Edit Mode: what objects show depends on both."""
    for scene in bpy.data.scenes:
        if not is_settled(scene):
            settings = scene.facelift_viewport
            settings.drawing, settings.editing = _wanted(scene)
            # Drivers that read a property group are not told of its changes.
            scene.update_tag()
            for view in _views():
                view.tag_redraw()


@contextmanager
def suspended(scene: bpy.types.Scene) -> Iterator[None]:
    """Leave a scene's splats to Blender for a while: it draws surface elements."""
    settings = scene.facelift_viewport
    before = settings.drawing
    settings.drawing = False
    scene.update_tag()
    try:
        yield
    finally:
        settings.drawing = before
        scene.update_tag()


def update_soon() -> None:
    """Call :func:`update_scenes` when Blender is idle: not while it draws or evaluates."""
    if not bpy.app.timers.is_registered(update_scenes):
        bpy.app.timers.register(update_scenes, first_interval=0.0, persistent=True)


def cancel() -> None:
    """Drop a call of :func:`update_scenes` that is due."""
    if bpy.app.timers.is_registered(update_scenes):
        bpy.app.timers.unregister(update_scenes)


def is_settled(scene: bpy.types.Scene) -> bool:
    """Whether a scene knows what :func:`update_scenes` would tell it."""
    settings = scene.facelift_viewport
    return (settings.drawing, settings.editing) == _wanted(scene)


def give_up() -> None:
    """Draw no more until Blender starts again: something is wrong with the graphics driver."""
    global _failed
    _failed = True
    print("FaceLift: splats can't be drawn on this graphics card; surface elements take their place.")
    update_soon()


def _wanted(scene: bpy.types.Scene) -> tuple[bool, bool]:
    """Return whether the drawing should be at work, and whether objects are in Edit Mode."""
    active = [layer.objects.active for layer in scene.view_layers]
    editing = any(target is not None and target.mode == "EDIT" for target in active)
    return scene.facelift_viewport.enabled and works(), editing


def _views() -> list[bpy.types.Area]:
    windows = bpy.context.window_manager.windows
    return [area for window in windows for area in window.screen.areas if area.type == "VIEW_3D"]
