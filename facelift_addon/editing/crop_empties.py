"""The empties that crop: made by a tool, and gone with the Adjustments modifier that used them."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ..splats.display.modifier_inputs import ModifierInputs
from .adjustments_nodes import BOX, PLANE

CROP_KEY = "facelift_crop"
"""Custom property of the empties that are made here; an artist's own are never removed."""


def new(target: bpy.types.Object, name: str, location: np.ndarray, scale: np.ndarray) -> bpy.types.Object:
    """Return a new empty of a cube's shape, a child of an object, in its space and its collections.

    Args:
        target: The splat object.
        name: What the empty is, behind the object's name.
        location: [3], in the object's space.
        scale: [3], half of the cube's sides.
    """
    empty = bpy.data.objects.new(f"{target.name} {name}", None)
    for collection in target.users_collection:
        collection.objects.link(empty)
    empty[CROP_KEY] = True
    empty.parent = target
    empty.empty_display_size = 1.0
    empty.empty_display_type = "CUBE"
    empty.hide_render = True
    empty.location, empty.scale = location, np.maximum(scale, 1e-4)
    return empty


def of(modifier: bpy.types.Modifier) -> list[bpy.types.Object]:
    """Return the empties made here that an Adjustments modifier uses."""
    inputs = ModifierInputs(modifier)
    return [empty for name in (BOX, PLANE) if (empty := inputs[name]) is not None and CROP_KEY in empty]


def remove_unused(empties: Sequence[bpy.types.Object]) -> None:
    """Remove those of some empties that nothing refers to but the collections they are in."""
    for empty in empties:
        users = bpy.data.user_map(subset=[empty])[empty]
        if all(isinstance(user, (bpy.types.Collection, bpy.types.Scene)) for user in users):
            bpy.data.objects.remove(empty)
