"""Which objects and which of their splats a tool works on."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.errors import FaceLiftError
from ..splats import geometry

SELECTION = ".selection"
"""BOOLEAN attribute of Edit Mode; everything is selected where it is missing."""


def is_splat_object(target: bpy.types.Object | None) -> bool:
    """Whether an object is a splat point cloud, ours or any other."""
    return target is not None and target.type == "POINTCLOUD" and geometry.is_splats(target.data)


def targets_of(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the splat objects in Edit Mode, or else the selected ones and the active one, active first."""
    if context.mode == "EDIT_POINTCLOUD":
        candidates = [context.active_object, *context.objects_in_mode]
    else:
        candidates = [context.active_object, *context.selected_objects]
    return list(dict.fromkeys(target for target in candidates if is_splat_object(target)))


def chosen(target: bpy.types.Object) -> np.ndarray:
    """Return the mask [N] of splats that tools work on: the selected ones in Edit Mode, otherwise all."""
    if target.mode != "EDIT":
        return np.ones(len(target.data.points), bool)
    return selected(target.data)


def check_chosen(context: bpy.types.Context) -> None:
    """Make sure that tools have something to work on.

    Raises:
        FaceLiftError: in Edit Mode nothing is selected ("nothing-selected").
    """
    if not any(chosen(target).any() for target in targets_of(context)):
        raise FaceLiftError(
            "No splats are selected.",
            "Select some, or leave Edit Mode to work on all of them.",
            code="nothing-selected",
        )


def selected(cloud: bpy.types.PointCloud) -> np.ndarray:
    """Return the mask [N] of points selected in Edit Mode."""
    mask = np.ones(len(cloud.points), bool)
    attribute = cloud.attributes.get(SELECTION)
    if attribute is not None:
        attribute.data.foreach_get("value", mask)
    return mask


def select(cloud: bpy.types.PointCloud, mask: np.ndarray) -> None:
    """Set the points [N] that are selected in Edit Mode."""
    attribute = cloud.attributes.get(SELECTION)
    if attribute is None:
        attribute = cloud.attributes.new(SELECTION, "BOOLEAN", "POINT")
    attribute.data.foreach_set("value", np.ascontiguousarray(mask, bool))
    cloud.update_tag()


class OnSplats:
    """Mix-in of operators on the splat objects of :func:`targets_of`."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Splats must be active."""
        cls.poll_message_set("Select a head or imported splats")
        return context.mode in ("OBJECT", "EDIT_POINTCLOUD") and is_splat_object(context.active_object)


class OnSplatObjects(OnSplats):
    """Mix-in of operators on whole splat objects."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Splats must be active, outside Edit Mode."""
        if context.mode != "OBJECT":
            cls.poll_message_set("Leave Edit Mode: this works on whole objects")
            return False
        return super().poll(context)
