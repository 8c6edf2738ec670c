"""Splats that follow a mesh, for tools that know nothing of avatars: the modifier's mesh, and what edits do to it."""

from __future__ import annotations

import bpy
import numpy as np

from ....core.splats import attributes as names
from ..display import modifier_inputs
from ..display.modifier_inputs import ModifierInputs

MESH, VERTICES, METRE = "Mesh", "Vertices", "Metre"
"""Inputs of the Bind to Mesh modifier."""
STALE_KEY = "facelift_bind_again"
"""Custom property of a point cloud some of whose splats came after it was bound."""


def find(target: bpy.types.Object) -> bpy.types.Modifier | None:
    """Return the modifier with which an object's splats follow a mesh, whatever its name is by now."""
    return modifier_inputs.find_modifier(target, modifier_inputs.BINDING)


def mesh_of(target: bpy.types.Object) -> bpy.types.Object | None:
    """Return the mesh that an object's splats follow; None of unbound ones and where it was deleted."""
    modifier = find(target)
    mesh = None if modifier is None else ModifierInputs(modifier)[MESH]
    return mesh if mesh is not None and mesh.users_scene else None


def move_rest(target: bpy.types.Object, matrix: np.ndarray) -> None:
    """Fit a binding to local space that was changed by a matrix [4, 4]."""
    mesh = mesh_of(target)
    attribute = None if mesh is None else mesh.data.attributes.get(names.BIND_REST)
    if attribute is None:
        return
    places = np.empty(3 * len(attribute.data), np.float32)
    attribute.data.foreach_get("vector", places)
    moved = places.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    attribute.data.foreach_set("vector", np.ascontiguousarray(moved, np.float32).ravel())
    mesh.data.update_tag()
    inputs = ModifierInputs(find(target))
    inputs[METRE] = inputs[METRE] * float(np.cbrt(abs(np.linalg.det(matrix[:3, :3]))))


def release(target: bpy.types.Object, mask: np.ndarray) -> None:
    """Let splats of a mask [N] follow nothing until the object is bound again."""
    attribute = target.data.attributes.get(names.BIND_WEIGHTS)
    if attribute is None or not mask.any():
        return
    weights = np.empty(3 * len(attribute.data), np.float32)
    attribute.data.foreach_get("vector", weights)
    weights.reshape(-1, 3)[mask] = 0
    attribute.data.foreach_set("vector", weights)
    target.data.update_tag()
    target.data[STALE_KEY] = True
