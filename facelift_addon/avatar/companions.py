"""What goes with a base mesh when it is exported: the one list of it."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..groom import cards_objects

KINDS: list[Callable[[bpy.types.Object], list[bpy.types.Object]]] = [cards_objects.of]
"""For each kind of mesh that belongs to a base mesh, what finds its objects."""


def companions_of(mesh: bpy.types.Object) -> tuple[bpy.types.Object, ...]:
    """Return the mesh objects that are exported with a mesh."""
    return tuple(target for kind in KINDS for target in kind(mesh))
