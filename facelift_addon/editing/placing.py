"""Operators on the transform of splat objects."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty
from mathutils import Matrix

from ...core.editing import eyes, selection
from ...core.errors import FaceLiftError
from ...core.splats.parts import Part
from ..reporting import reported
from ..splats.data import baking
from . import local_space, targets

BOTTOM_SHARE = 0.5
"""Percent of splats that may lie below the bottom: single strays don't count."""


class FACELIFT_OT_apply_transform(targets.OnSplatObjects, bpy.types.Operator):
    """Make the object's transform part of its splats, exactly: positions, sizes, rotations and view-dependent colors"""

    bl_idname = "facelift.apply_transform"
    bl_label = "Apply Transform to Splats"
    bl_options = {"REGISTER", "UNDO"}

    location: BoolProperty(name="Location", description="Apply the location", default=True)
    rotation: BoolProperty(name="Rotation", description="Apply the rotation", default=True)
    scale: BoolProperty(name="Scale", description="Apply the scale", default=True)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Apply."""
        for target in targets.targets_of(context):
            location, rotation, scale = target.matrix_basis.decompose()
            basis = Matrix.LocRotScale(
                None if self.location else location,
                None if self.rotation else rotation,
                None if self.scale else scale,
            )
            local_space.change(target, np.array(basis, np.float64))
        return {"FINISHED"}


class FACELIFT_OT_set_origin(targets.OnSplatObjects, bpy.types.Operator):
    """Move the object's origin; its splats stay where they are"""

    bl_idname = "facelift.set_origin"
    bl_label = "Set Origin of Splats"
    bl_options = {"REGISTER", "UNDO"}

    place: EnumProperty(
        name="Origin",
        description="Where the origin goes",
        items=(
            ("CENTER", "Center", "The middle of the splats"),
            ("BOTTOM", "Bottom", "Below the middle, where the splats end"),
            ("CURSOR", "3D Cursor", "The 3D cursor"),
        ),
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Move the origin."""
        for target in targets.targets_of(context):
            basis = np.array(target.matrix_basis, np.float64)
            shift = np.eye(4)
            shift[:3, 3] = self._origin(context, target)
            local_space.change(target, basis @ shift)
        return {"FINISHED"}

    def _origin(self, context: bpy.types.Context, target: bpy.types.Object) -> np.ndarray:
        """Return the new origin in local space."""
        if self.place == "CURSOR":
            return np.array(target.matrix_world.inverted() @ context.scene.cursor.location)
        means = baking.stored(target).means
        low, middle, high = np.percentile(means, (BOTTOM_SHARE, 50, 100 - BOTTOM_SHARE), axis=0)
        center = (low + high) / 2
        return np.array([middle[0], middle[1], low[2]]) if self.place == "BOTTOM" else center


class FACELIFT_OT_scale_from_eyes(targets.OnSplats, bpy.types.Operator):
    """Scale the object so that the eyes are as far apart as the real person's. In Edit Mode, the selected splats are the eyes"""  # noqa: E501

    bl_idname = "facelift.scale_from_eyes"
    bl_label = "Scale from Eye Distance"
    bl_options = {"REGISTER", "UNDO"}

    distance: FloatProperty(
        name="Eye distance",
        description="Between the pupils; 63 mm is the average of adults",
        default=eyes.PUPIL_DISTANCE,
        min=0.001,
        soft_max=1.0,
        precision=4,
        unit="LENGTH",
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Scale the objects around their origins."""
        for target in targets.targets_of(context):
            gaussians = baking.stored(target)
            mask = targets.chosen(target)
            if target.mode != "EDIT":
                mask = selection.by_part(gaussians, [Part.EYES])
            left, right = eyes.eye_centers(gaussians.select(np.flatnonzero(mask)))
            linear = np.array(target.matrix_world, np.float64)[:3, :3]
            apart = float(np.linalg.norm(linear @ (right - left)))
            if not apart > 0:
                raise FaceLiftError(f"{target.name!r} is scaled to nothing.", "Give it a scale other than zero.")
            target.scale = [factor * self.distance / apart for factor in target.scale]
            self.report({"INFO"}, f"{target.name}: scaled by {self.distance / apart:.4g}")
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_apply_transform, FACELIFT_OT_set_origin, FACELIFT_OT_scale_from_eyes)
