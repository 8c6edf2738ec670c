"""The operator that takes hair in hand."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty

from ...core.errors import FaceLiftError
from ...core.groom.groom import Growth
from ..avatar.belonging import base_mesh_of
from ..interface.explaining import Explained
from ..reporting import reported
from ..splats.data import heads
from . import hairs

SCULPT = "SCULPT_CURVES"


class FACELIFT_OT_choose_hair(Explained, bpy.types.Operator):
    """Select this hair, and comb, cut or grow it with Blender's brushes"""

    bl_idname = "facelift.choose_hair"
    bl_label = "Comb Hair"
    bl_options = {"REGISTER", "UNDO"}

    growth: EnumProperty(name="Hair", items=[(growth.value, growth.value, "") for growth in Growth])
    comb: BoolProperty(
        name="Comb", description="Go to Sculpt Mode, or back to Object Mode; otherwise select only", default=True
    )

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """There must be hair curves."""
        return "" if hairs.of(base_mesh_of(context.active_object)) else "Turn the hair into curves first"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Select it; switch the mode."""
        hair = hairs.of(base_mesh_of(context.active_object)).get(Growth(self.growth))
        if hair is None:
            raise FaceLiftError("The head has no such hair.", "Turn its hair into curves again.", code="no-hair")
        if hair.name not in context.view_layer.objects:
            raise FaceLiftError(f"{hair.name!r} is not in this view layer.", "Show its collection in the Outliner.")
        combed = context.mode == SCULPT and context.active_object == hair
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        hair.hide_viewport = False
        hair.hide_set(False)
        heads.select_only(context.view_layer, hair)
        if self.comb and not combed:
            bpy.ops.object.mode_set(mode=SCULPT)
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_choose_hair,)
"""The operator."""
