"""The Adjustments modifier of a splat object: added, found, set, applied."""

from __future__ import annotations

import bpy

from ...core.editing import density
from ..splats.data import baking, geometry
from ..splats.display.modifier_inputs import ModifierInputs, find_modifier, put_in_order
from . import crop_empties, originals, storage
from .adjustments_nodes import CELL, GROUP_NAME, MAX_SIZE, MIN_SIZE, adjustments_group

MODIFIER_NAME = "FaceLift Adjustments"


def find(target: bpy.types.Object) -> bpy.types.Modifier | None:
    """Return an object's Adjustments modifier, whatever its name is by now."""
    return find_modifier(target, GROUP_NAME)


def ensure(target: bpy.types.Object) -> ModifierInputs:
    """Return the inputs of an object's Adjustments modifier; add it, before ours that follow, when it is missing."""
    modifier = find(target)
    if modifier is None:
        geometry.settle_parts(target.data)
        gaussians = baking.stored(target)
        modifier = target.modifiers.new(MODIFIER_NAME, "NODES")
        modifier.node_group = adjustments_group(gaussians.sh_degree)
        put_in_order(target, GROUP_NAME)
        modifier = find(target)
        ModifierInputs(modifier)[CELL] = density.default_cell(gaussians.means)
    return ModifierInputs(modifier)


def set_degree(target: bpy.types.Object, degree: int) -> None:
    """Fit an object's modifier, where it has one, to splats with spherical harmonics of a degree; values stay."""
    modifier = find(target)
    if modifier is not None:
        modifier.node_group = adjustments_group(degree)


def rescale(target: bpy.types.Object, factor: float) -> None:
    """Fit the lengths among the inputs to local space that became larger by a factor."""
    modifier = find(target)
    if modifier is not None:
        inputs = ModifierInputs(modifier)
        for name in (MIN_SIZE, MAX_SIZE, CELL):
            inputs[name] = inputs[name] * factor


def apply(context: bpy.types.Context, target: bpy.types.Object) -> None:
    """Make what the modifier shows the object's own splats, and remove it with its empties.

    Args:
        context: In Object Mode.
        target: Has the modifier. Other users of its point cloud keep the old splats.
    """
    if target.data.users > 1:
        target.data = target.data.copy()
    originals.keep(target.data)
    modifier = find(target)
    empties = crop_empties.of(modifier)
    with context.temp_override(object=target, active_object=target, selected_objects=[target]):
        bpy.ops.object.modifier_apply(modifier=modifier.name)
    crop_empties.remove_unused(empties)
    # The nodes store radiance as a colour; where Blender has a type for four floats, it is that again.
    storage.update(target, baking.stored(target))


def remove(target: bpy.types.Object) -> None:
    """Remove an object's modifier, where it has one, with its empties."""
    modifier = find(target)
    if modifier is not None:
        empties = crop_empties.of(modifier)
        target.modifiers.remove(modifier)
        crop_empties.remove_unused(empties)
