"""How the head model was fitted to a head: kept with it, for its base mesh.

The fit is a mesh datablock of vertices without faces that the head refers to: 70 KB, in the file
once however often the head is duplicated, and undone, saved and appended with it. It stays in the
engine's frame, as the photo's camera does: what changes the head's local space changes the
placement. Edits of the splats leave it as it is; whoever uses it compares it with them.
"""

from __future__ import annotations

import json

import bpy
import numpy as np

from ...core.head.shape import HeadShape

FIT_KEY = "facelift_fit"
"""Custom property of a head object: the mesh datablock that holds the fit."""
FACTS_KEY = "facelift_fit_facts"
"""Custom property of that datablock: pose and expression, as JSON."""


def keep(head: bpy.types.Object, shape: HeadShape | None) -> None:
    """Let a head carry a fit in its engine's frame instead of what it has; None leaves it without."""
    before = head.get(FIT_KEY)
    if before is not None:
        del head[FIT_KEY]
        if before.users == 0:
            bpy.data.meshes.remove(before)
    if shape is not None:
        mesh = bpy.data.meshes.new(f"{head.name} fit")
        mesh.vertices.add(len(shape.vertices))
        mesh.vertices.foreach_set("co", shape.vertices.ravel())
        mesh[FACTS_KEY] = json.dumps(shape.facts())
        head[FIT_KEY] = mesh


def of(head: bpy.types.Object) -> HeadShape | None:
    """Return the fit that a head carries, in its engine's frame; None where there is none, or an unknown one."""
    mesh = head.get(FIT_KEY)
    if mesh is None:
        return None
    try:
        return HeadShape.from_facts(coordinates(mesh.vertices), json.loads(mesh[FACTS_KEY]))
    except (KeyError, TypeError, ValueError):
        return None


def coordinates(points: bpy.types.bpy_prop_collection) -> np.ndarray:
    """Return the places [V, 3] float32 of a mesh's vertices or of a shape key's points."""
    places = np.empty(3 * len(points), np.float32)
    points.foreach_get("co", places)
    return places.reshape(-1, 3)
