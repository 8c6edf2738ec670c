"""Operators on the Adjustments modifier."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import EnumProperty

from ..operators.reporting import reported
from ..splats import baking
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
    def poll(cls, context: bpy.types.Context) -> bool:
        """The modifier must be there."""
        if not super().poll(context):
            return False
        cls.poll_message_set("These splats have no adjustments")
        return adjustments.find(context.active_object) is not None


class FACELIFT_OT_apply_adjustments(_HasAdjustments, bpy.types.Operator):
    """Make the adjustments permanent; the original can still be brought back"""

    bl_idname = "facelift.apply_adjustments"
    bl_label = "Apply Adjustments"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Apply."""
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
        for target in targets.targets_of(context):
            adjustments.remove(target)
        return {"FINISHED"}


class FACELIFT_OT_add_crop(targets.OnSplatObjects, bpy.types.Operator):
    """Add an empty that crops the splats: move, turn and scale it"""

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
        """Add the empty, as the object's child, and connect it."""
        target = context.active_object
        inputs = adjustments.ensure(target)
        means = baking.stored(target).means
        low, high = np.percentile(means, (STRAYS, 100 - STRAYS), axis=0) if len(means) else (-np.ones(3), np.ones(3))
        middle, reach = (low + high) / 2, (high - low) / 2 * BOX_MARGIN
        if self.shape == "BOX":
            inputs[BOX], inputs[USE_BOX] = crop_empties.new(target, "crop box", middle, reach), True
        else:
            # A slab all around: an arrow would be hidden inside the neck.
            height = np.percentile(means[:, 2], PLANE_HEIGHT) if len(means) else 0.0
            width = reach[:2].max()
            scale = np.array([width, width, width * SLAB])
            plane = crop_empties.new(target, "neck plane", np.array([*middle[:2], height]), scale)
            inputs[PLANE], inputs[USE_PLANE] = plane, True
        return {"FINISHED"}


CLASSES = (
    FACELIFT_OT_add_adjustments,
    FACELIFT_OT_apply_adjustments,
    FACELIFT_OT_remove_adjustments,
    FACELIFT_OT_add_crop,
)
