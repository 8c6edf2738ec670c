"""How the head model was fitted to a head: kept with it, for its base mesh.

The fit is custom properties of the head object: 60 KB that are duplicated, undone, saved and appended
with it. A mesh datablock would be smaller to hold, but Blender makes an object of every mesh that is
appended without one. It stays in the engine's frame, as the photo's camera does: what changes the head's
local space changes the placement. Edits of the splats leave it as it is; whoever uses it compares it with them.
"""

from __future__ import annotations

import json

import bpy
import numpy as np

from ....core.head.shape import HeadShape

FIT_KEY = "facelift_fit"
"""Custom property of a head object: the fit's vertices, 3 V float32. In older files a mesh datablock with them."""
FACTS_KEY = "facelift_fit_facts"
"""Custom property of the head, in older files of that datablock: pose and expression, as JSON."""


def keep(head: bpy.types.Object, shape: HeadShape | None) -> None:
    """Let a head carry a fit in its engine's frame instead of what it has; None leaves it without."""
    before = head.get(FIT_KEY)
    for key in (FIT_KEY, FACTS_KEY):
        if key in head:
            del head[key]
    if isinstance(before, bpy.types.Mesh) and before.users == 0:
        bpy.data.meshes.remove(before)
    if shape is not None:
        head[FIT_KEY] = np.ascontiguousarray(shape.vertices, np.float32).ravel()
        head[FACTS_KEY] = json.dumps(shape.facts())


def of(head: bpy.types.Object) -> HeadShape | None:
    """Return the fit that a head carries, in its engine's frame; None where there is none, or an unknown one."""
    kept = head.get(FIT_KEY)
    if kept is None:
        return None
    try:
        if isinstance(kept, bpy.types.Mesh):
            return HeadShape.from_facts(coordinates(kept.vertices), json.loads(kept[FACTS_KEY]))
        return HeadShape.from_facts(np.array(kept, np.float32).reshape(-1, 3), json.loads(head[FACTS_KEY]))
    except (KeyError, TypeError, ValueError):
        return None


def coordinates(points: bpy.types.bpy_prop_collection) -> np.ndarray:
    """Return the places [V, 3] float32 of a mesh's vertices or of a shape key's points."""
    places = np.empty(3 * len(points), np.float32)
    points.foreach_get("co", places)
    return places.reshape(-1, 3)
