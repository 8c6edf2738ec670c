"""Gaussians out of objects: with the edits made in Edit Mode and by other modifiers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from ....core.errors import FaceLiftError
from ....core.gaussians import Gaussians
from ..display import display
from . import columns, geometry
from .columns import Column


def stored(target: bpy.types.Object) -> Gaussians:
    """Return the object's own splats in its local space, edits in Edit Mode included.

    Raises:
        FaceLiftError: the object has no splats.
    """
    return columns.to_gaussians(stored_columns(target))


def evaluated(context: bpy.types.Context, target: bpy.types.Object) -> Gaussians:
    """Return what the object's modifiers, save the display, make of its splats, in its local space.

    Raises:
        FaceLiftError: the object has no splats, or a modifier turned them into something else.
    """
    return columns.to_gaussians(evaluated_columns(context, target))


def stored_columns(target: bpy.types.Object) -> dict[str, Column]:
    """Return the attributes that :func:`stored` makes Gaussians of, which any thread can do.

    Raises:
        FaceLiftError: as :func:`stored`.
    """
    if target.mode == "EDIT":
        target.update_from_editmode()
    return geometry.splat_columns(target.data)


def evaluated_columns(context: bpy.types.Context, target: bpy.types.Object) -> dict[str, Column]:
    """Return the attributes that :func:`evaluated` makes Gaussians of, which any thread can do.

    Raises:
        FaceLiftError: as :func:`evaluated`.
    """
    shown = display.find_display(target)
    others = [modifier for modifier in target.modifiers if modifier != shown and modifier.show_viewport]
    if not others:
        return stored_columns(target)
    was_shown = shown is not None and shown.show_viewport
    try:
        if was_shown:
            shown.show_viewport = False
        else:
            # While a frame is rendered, the viewport's graph has not come to it yet. Hiding a modifier tags the object
            # already, and twice in a frame's handler is once too often for Blender 4.5: it crashes.
            target.update_tag()
        graph = context.evaluated_depsgraph_get()
        result = target.evaluated_get(graph).data
        if not isinstance(result, bpy.types.PointCloud) or not geometry.is_splats(result):
            raise FaceLiftError(
                f"The modifiers of {target.name!r} leave no splats.",
                "Let the adjustments show more, or switch off the modifier that turns points into something else.",
                code="no-splats",
            )
        return geometry.splat_columns(result)
    finally:
        if was_shown:
            shown.show_viewport = True


@contextmanager
def visible(head: bpy.types.Object, layer: bpy.types.ViewLayer) -> Iterator[None]:
    """Show an object that is hidden for as long as it is read: modifiers of what is hidden are not evaluated."""
    hidden, eye = head.hide_viewport, head.hide_get(view_layer=layer)
    if not hidden and not eye:
        yield
        return
    try:
        head.hide_viewport = False
        head.hide_set(False, view_layer=layer)
        layer.update()
        yield
    finally:
        head.hide_viewport = hidden
        head.hide_set(eye, view_layer=layer)
