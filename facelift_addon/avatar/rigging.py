"""The operators on a base mesh's rig."""

from __future__ import annotations

import bpy

from ...core.avatar.joints import find_joints
from ...core.avatar.skinning import bone_weights
from ..groom import cards_objects
from ..interface.explaining import Explained
from ..interface.widgets import SidebarPanel
from ..reporting import reported
from ..splats.data import heads
from . import base_objects, faces, rigs
from .belonging import base_mesh_of


class FACELIFT_OT_add_rig(Explained, bpy.types.Operator):
    """Add bones to the base mesh: neck, head, jaw, and eyes that look at a target. Splats bound to the mesh follow. A rig that is there is made anew in the shape that the mesh has now, and keeps its keyframes"""  # noqa: E501

    bl_idname = "facelift.add_rig"
    bl_label = "Add Rig"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A base mesh must be there, in Object Mode."""
        if base_mesh_of(context.active_object) is None:
            return "Fit a base mesh first"
        return "" if context.mode == "OBJECT" else "Go to Object Mode first"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Find the joints, build the bones, bind the mesh."""
        give_rig(context, base_mesh_of(context.active_object))
        return {"FINISHED"}


def give_rig(context: bpy.types.Context, mesh: bpy.types.Object) -> bpy.types.Object:
    """Give a base mesh its bones in the shape that it has now; return the rig, which becomes active.

    Raises:
        FaceLiftError: the mesh belongs to another file, or is no base mesh any more.
    """
    faces.required_own(mesh)
    joints = find_joints(base_objects.read(mesh))
    rig = rigs.add(context, mesh, joints, bone_weights(joints))
    cards_objects.follow_rig(mesh)
    return rig


class _OnRig(Explained):
    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A rig must be there."""
        return "" if rigs.rig_of(base_mesh_of(context.active_object)) is not None else "Add a rig first"


class FACELIFT_OT_remove_rig(_OnRig, bpy.types.Operator):
    """Take the bones away; mesh and expressions stay"""

    bl_idname = "facelift.remove_rig"
    bl_label = "Remove Rig"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it, and go back to the mesh, or to the splats that follow it."""
        mesh = base_mesh_of(context.active_object)
        faces.required_own(mesh)
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        rigs.remove(mesh)
        cards_objects.follow_rig(mesh)
        # One of the two is hidden: a hidden object would be a strange one to work on.
        shown = next((target for target in (mesh, mesh.parent) if target is not None and target.visible_get()), None)
        if shown is not None:
            heads.select_only(context.view_layer, shown)
        return {"FINISHED"}


class FACELIFT_OT_pose_rig(_OnRig, bpy.types.Operator):
    """Go to the rig's Pose Mode, or back to Object Mode"""

    bl_idname = "facelift.pose_rig"
    bl_label = "Pose"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Switch the mode."""
        rig = rigs.rig_of(base_mesh_of(context.active_object))
        posing = context.mode == "POSE"
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        if not posing:
            rig.hide_set(False)
            heads.select_only(context.view_layer, rig)
            bpy.ops.object.mode_set(mode="POSE")
        return {"FINISHED"}


class FACELIFT_PT_rig(SidebarPanel, bpy.types.Panel):
    """The bones of the base mesh."""

    bl_label = "Rig"
    bl_parent_id = "FACELIFT_PT_avatar"
    bl_order = 2

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A base mesh must be there."""
        return base_mesh_of(context.active_object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the button that adds it, or what it has."""
        layout = self.layout
        rig = rigs.rig_of(base_mesh_of(context.active_object))
        if rig is None:
            layout.operator("facelift.add_rig", icon="ARMATURE_DATA")
            return
        row = layout.row(align=True)
        row.operator("facelift.pose_rig", icon="POSE_HLT", depress=context.mode == "POSE")
        row.operator("facelift.add_rig", text="", icon="FILE_REFRESH")
        row.operator("facelift.remove_rig", text="", icon="X")
        column = layout.column(align=True)
        column.prop(rig, f'["{rigs.LOOK}"]', text="Look at target", slider=True)
        column.prop(rig, f'["{rigs.FOLLOW}"]', text="Target follows head", slider=True)


CLASSES = (FACELIFT_OT_add_rig, FACELIFT_OT_remove_rig, FACELIFT_OT_pose_rig, FACELIFT_PT_rig)
