"""Operators that label and color splats."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, FloatVectorProperty

from ...core.editing import grading, painting, selection
from ...core.gaussians import Gaussians
from ...core.splats.parts import Part
from ..reporting import reported
from ..splats.data import baking
from . import storage, targets
from .choices import PARTS

ANY_PART = ("ALL", "All parts", "Whatever part the splats belong to", "SHADERFX", len(PARTS))


class FACELIFT_OT_assign_part(targets.OnSplats, bpy.types.Operator):
    """Tell which part of the head splats belong to: the selected ones in Edit Mode, otherwise all"""

    bl_idname = "facelift.assign_part"
    bl_label = "Assign Part"
    bl_options = {"REGISTER", "UNDO"}

    part: EnumProperty(name="Part", description="Part of the head", items=PARTS, default="SKIN")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Label."""
        targets.check_chosen(context)
        count = 0
        for target in targets.targets_of(context):
            gaussians, mask = baking.stored(target), targets.chosen(target)
            storage.update(target, gaussians.replace(parts=np.where(mask, Part[self.part], gaussians.parts)))
            count += int(mask.sum())
        self.report({"INFO"}, f"{count:,} splats labelled as {self.part.lower()}")
        return {"FINISHED"}


class _OnPart(targets.OnSplats):
    """Mix-in: works on a part, in Edit Mode on what is selected of it."""

    part: EnumProperty(name="Part", description="Part of the head", items=(*PARTS, ANY_PART), default="ALL")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change the splats of the part."""
        targets.check_chosen(context)
        count = 0
        for target in targets.targets_of(context):
            gaussians, mask = baking.stored(target), targets.chosen(target)
            if self.part != "ALL":
                mask = mask & selection.by_part(gaussians, [Part[self.part]])
            if mask.any():
                storage.update(target, self.changed(gaussians, mask))
            count += int(mask.sum())
        if count:
            self.report({"INFO"}, f"{count:,} splats changed")
        else:
            self.report({"WARNING"}, f"No splats here are labelled as {self.part.lower()}: choose another part")
        return {"FINISHED"}

    def changed(self, gaussians: Gaussians, mask: np.ndarray) -> Gaussians:
        """Return the splats with those of a mask [N] changed."""
        raise NotImplementedError


class FACELIFT_OT_paint_color(_OnPart, bpy.types.Operator):
    """Paint a part of the head. In Edit Mode, only selected splats are painted"""

    bl_idname = "facelift.paint_color"
    bl_label = "Paint Color"
    bl_options = {"REGISTER", "UNDO"}

    color: FloatVectorProperty(
        name="Color",
        description="The new color",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        default=(0.45, 0.2, 0.12),
    )
    strength: FloatProperty(
        name="Strength", description="How much of the color covers", default=1.0, min=0.0, max=1.0, subtype="FACTOR"
    )
    keep_shading: BoolProperty(
        name="Keep Shading", description="Keep what is lighter and darker, such as strands and folds", default=True
    )

    def changed(self, gaussians: Gaussians, mask: np.ndarray) -> Gaussians:
        """Paint."""
        return painting.paint(gaussians, mask, self.color, self.strength, self.keep_shading)


class FACELIFT_OT_grade_color(_OnPart, bpy.types.Operator):
    """Change exposure, white balance, saturation and contrast of a part. In Edit Mode, only of selected splats"""

    bl_idname = "facelift.grade_color"
    bl_label = "Grade Color"
    bl_options = {"REGISTER", "UNDO"}

    exposure: FloatProperty(name="Exposure", description="In stops of light", soft_min=-5.0, soft_max=5.0)
    temperature: FloatProperty(name="Temperature", description="Colder or warmer", min=-1.0, max=1.0, subtype="FACTOR")
    tint: FloatProperty(name="Tint", description="Greener or more magenta", min=-1.0, max=1.0, subtype="FACTOR")
    saturation: FloatProperty(name="Saturation", description="0 is gray", default=1.0, min=0.0, soft_max=3.0)
    contrast: FloatProperty(
        name="Contrast", description="Difference between light and dark", default=1.0, min=0.0, soft_max=3.0
    )

    def changed(self, gaussians: Gaussians, mask: np.ndarray) -> Gaussians:
        """Grade."""
        grade = grading.Grade(self.exposure, self.temperature, self.tint, self.saturation, self.contrast)
        return grading.grade(gaussians, grade, mask)


CLASSES = (FACELIFT_OT_assign_part, FACELIFT_OT_paint_color, FACELIFT_OT_grade_color)
