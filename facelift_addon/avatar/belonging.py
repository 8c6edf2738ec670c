"""From the active object to the splats and the base mesh that tools mean: users select any of what belongs together."""

from __future__ import annotations

import bpy

from ..editing import targets
from . import base_objects, rigs, wraps


def head_of(target: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the splats that an object is, is fitted to or wrapped around, or whose base mesh it moves."""
    target = rigs.moved_by(target)
    if targets.is_splat_object(target):
        return target
    return wraps.head_of(target) if wraps.is_wrap(target) else base_objects.head_of(target)


def base_mesh_of(target: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the base mesh that an object is, has or moves."""
    mesh = base_objects.mesh_of(rigs.moved_by(target))
    return mesh if base_objects.is_base_mesh(mesh) else None
