"""Which objects and which of their splats a tool works on."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.errors import FaceLiftError
from ..interface.explaining import Explained
from ..splats.data import geometry, heads, recipes
from .crop_empties import CROP_KEY

SELECTION = ".selection"
"""BOOLEAN attribute of Edit Mode; everything is selected where it is missing."""


def is_splat_object(target: bpy.types.Object | None) -> bool:
    """Whether an object is a splat point cloud, ours or any other."""
    return target is not None and target.type == "POINTCLOUD" and geometry.is_splats(target.data)


def splats_of(target: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the splat object that an object is, or that it crops; None where it is neither."""
    if target is not None and CROP_KEY in target:
        target = target.parent
    return target if is_splat_object(target) else None


def active_splats(context: bpy.types.Context) -> bpy.types.Object | None:
    """Return the splat object that the active object is or crops; None where it is neither."""
    return splats_of(context.active_object)


def targets_of(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the splat objects in Edit Mode, or else the selected ones and the active one, active first.

    An empty that crops splats stands for these.
    """
    if context.mode == "EDIT_POINTCLOUD":
        candidates = [context.active_object, *context.objects_in_mode]
    else:
        candidates = [context.active_object, *context.selected_objects]
    return list(dict.fromkeys(filter(None, map(splats_of, candidates))))


def edit_mode(context: bpy.types.Context) -> None:
    """Enter Edit Mode with the objects of :func:`targets_of`; nothing happens where it is on."""
    if context.mode == "OBJECT":
        chosen_ones = targets_of(context)
        for target in chosen_ones:
            target.select_set(True)
        context.view_layer.objects.active = chosen_ones[0]
        bpy.ops.object.mode_set(mode="EDIT")


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


class OnSplats(Explained):
    """Mix-in of operators on the splat objects of :func:`targets_of`."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Splats must be active, or what crops them."""
        if active_splats(context) is None:
            return "Select a head or imported splats"
        return "" if context.mode in ("OBJECT", "EDIT_POINTCLOUD") else "Go to Object Mode or Edit Mode first"


class OnSplatObjects(OnSplats):
    """Mix-in of operators on whole splat objects."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Splats must be active, outside Edit Mode."""
        reason = super().obstacle(context)
        return reason or ("" if context.mode == "OBJECT" else "Leave Edit Mode: this works on whole objects")


class OnMadeHead(Explained):
    """Mix-in of operators on the active head and the photos that it was made from."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A generated head is needed."""
        head = active_splats(context)
        made = heads.is_head(head) and recipes.of(head) is not None
        return "" if made else "Select a head that was made from a photo"
