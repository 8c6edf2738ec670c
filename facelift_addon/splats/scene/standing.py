"""Where a new head stands: at the 3D cursor, on what is there, beside other heads."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

ROOM = 3.0
"""Metres: what is wider and deeper than this around a head, and higher, is a room to stand in, nothing to stand on."""
SOLID_KINDS = {"MESH", "CURVE", "SURFACE", "META", "FONT", "VOLUME", "POINTCLOUD", "CURVES"}
SHARE = 0.5
"""Per cent of the splats at each end that don't count for the size of a head: stray ones."""
MOST_STEPS = 8


def box_of(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest corner [3] of a head's splats [N, 3], but for stray ones."""
    low, high = np.percentile(means, (SHARE, 100 - SHARE), axis=0)
    return low, high


def on_what_is_there(
    scene: bpy.types.Scene, place: Vector, box: tuple[np.ndarray, np.ndarray], passed_over: set[bpy.types.Object]
) -> Vector:
    """Return a place for a box, raised until it stands on the objects that it would stick in.

    Args:
        scene: Its objects count by their bounding boxes, unless they are hidden or rooms.
        place: Where the box's origin would be.
        box: Its lowest and highest corner [3] from there.
        passed_over: Objects that don't count.
    """
    obstacles = [_world_box(target) for target in scene.objects if _is_solid(target) and target not in passed_over]
    place = place.copy()
    for _ in range(MOST_STEPS):
        low, high = np.array(place) + box[0], np.array(place) + box[1]
        tops = [
            top[2] for bottom, top in obstacles if _overlap(low, high, bottom, top) and not _is_room(high, bottom, top)
        ]
        if not tops:
            break
        place.z = max(tops) - box[0][2]
    return place


def _is_solid(target: bpy.types.Object) -> bool:
    return target.type in SOLID_KINDS and not target.hide_viewport and not target.hide_get()


def _world_box(target: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([target.matrix_world @ Vector(corner) for corner in target.bound_box])
    return corners.min(axis=0), corners.max(axis=0)


def _overlap(low: np.ndarray, high: np.ndarray, bottom: np.ndarray, top: np.ndarray) -> bool:
    # What is touched from above carries.
    return bool((low < top - 1e-6).all() and (bottom < high).all())


def _is_room(high: np.ndarray, bottom: np.ndarray, top: np.ndarray) -> bool:
    return bool((top - bottom)[:2].min() > ROOM and top[2] > high[2])
