"""Operators on the Adjustments modifier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from bpy.props import EnumProperty

from ...core.errors import FaceLiftError
from ..reporting import reported
from ..splats.data import baking, heads
from . import adjustments, crop_empties, targets
from .adjustments_nodes import BOX, PLANE, USE_BOX, USE_PLANE

STRAYS = 0.2
"""Percent of splats at each end that a new crop box may leave outside before it gets its margin."""
BOX_MARGIN = 1.1
PLANE_HEIGHT = 15.0
"""Percent of splats below a new neck plane."""
SLAB = 0.02
"""Thickness of the empty that shows the neck plane, in its widths; the plane is its middle."""


class FACELIFT_OT_add_adjustments(targets.OnSplats, bpy.types.Operator):
    """Add sliders that change the splats without touching them: density, size, opacity, crop, color and visibility by part"""  # noqa: E501

    bl_idname = "facelift.add_adjustments"
    bl_label = "Add Adjustments"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the modifier where it is missing."""
        for target in targets.targets_of(context):
            adjustments.ensure(target)
        return {"FINISHED"}


class _HasAdjustments(targets.OnSplatObjects):
    """Mix-in: the active object must have the modifier."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """The modifier must be there."""
        return super().obstacle(context) or (
            "" if any(map(adjustments.find, targets.targets_of(context))) else "These splats have no adjustments"
        )


@contextmanager
def _kept_active(context: bpy.types.Context) -> Iterator[None]:
    """Make the splats active when the empty that was so is gone afterwards."""
    target = targets.active_splats(context)
    yield
    if targets.active_splats(context) is None:
        heads.select_only(context.view_layer, target)


class FACELIFT_OT_apply_adjustments(_HasAdjustments, bpy.types.Operator):
    """Make the adjustments permanent; the original can still be brought back"""

    bl_idname = "facelift.apply_adjustments"
    bl_label = "Apply Adjustments"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Apply."""
        with _kept_active(context):
            for target in targets.targets_of(context):
                if adjustments.find(target) is not None:
                    adjustments.apply(context, target)
        return {"FINISHED"}


class FACELIFT_OT_remove_adjustments(_HasAdjustments, bpy.types.Operator):
    """Remove the adjustments; the splats are as they were without them"""

    bl_idname = "facelift.remove_adjustments"
    bl_label = "Remove Adjustments"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove."""
        with _kept_active(context):
            for target in targets.targets_of(context):
                adjustments.remove(target)
        return {"FINISHED"}


class FACELIFT_OT_add_crop(targets.OnSplatObjects, bpy.types.Operator):
    """Add an empty that crops the splats and select it, to be moved, turned and scaled; an existing one is selected"""

    bl_idname = "facelift.add_crop"
    bl_label = "Add Crop"
    bl_options = {"REGISTER", "UNDO"}

    shape: EnumProperty(
        name="Shape",
        description="What crops",
        items=(
            ("BOX", "Box", "Keeps what is inside a box", "CUBE", 0),
            ("PLANE", "Neck plane", "Keeps what is above a plane", "MESH_PLANE", 1),
        ),
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the empty where it is missing, as the object's child, connect and select it."""
        target = targets.active_splats(context)
        inputs = adjustments.ensure(target)
        name, switch = (BOX, USE_BOX) if self.shape == "BOX" else (PLANE, USE_PLANE)
        if inputs[name] is None:
            inputs[name], inputs[switch] = self._new(target), True
        try:
            inputs[name].select_set(True, view_layer=context.view_layer)
        except RuntimeError:
            raise FaceLiftError(
                f"{inputs[name].name!r} is not in this view layer.",
                "Show the collection that it is in.",
                code="crop-not-here",
            ) from None
        # Moving, turning and scaling are what it is for.
        heads.select_only(context.view_layer, inputs[name])
        return {"FINISHED"}

    def _new(self, target: bpy.types.Object) -> bpy.types.Object:
        """Return a new empty around the splats, or at the neck."""
        means = baking.stored(target).means
        low, high = np.percentile(means, (STRAYS, 100 - STRAYS), axis=0) if len(means) else (-np.ones(3), np.ones(3))
        middle, reach = (low + high) / 2, (high - low) / 2 * BOX_MARGIN
        if self.shape == "BOX":
            return crop_empties.new(target, "crop box", middle, reach)
        # A slab all around: an arrow would be hidden inside the neck.
        height = np.percentile(means[:, 2], PLANE_HEIGHT) if len(means) else 0.0
        width = reach[:2].max()
        scale = np.array([width, width, width * SLAB])
        return crop_empties.new(target, "neck plane", np.array([*middle[:2], height]), scale)


CLASSES = (
    FACELIFT_OT_add_adjustments,
    FACELIFT_OT_apply_adjustments,
    FACELIFT_OT_remove_adjustments,
    FACELIFT_OT_add_crop,
)
