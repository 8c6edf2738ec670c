"""The rig of a base mesh: made, found and taken away.

The armature is a child of the head like the mesh, in the same space; the mesh has an Armature
modifier, so the head object moves everything and the bones move the mesh in it. Bones and
expressions add up: the jaw bone at ``jawOpen``'s angle gives what that expression gives, and both
together twice as much. An eye bone turns the eyeball and takes the lids along; it looks at the
target as far as the rig's ``look_at`` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import radians

import bpy
import numpy as np
from mathutils import Vector

from ...core.avatar.joints import EYE_LEFT, EYE_RIGHT, HEAD, JAW, LOOK_AT, NECK, Bone, Joints
from ..editing import targets
from ..groom import cards_objects, hairs
from ..splats.data import heads
from . import control_shapes

RIG_KEY = "facelift_rig"
"""Custom property of the armature object."""
MODIFIER = "Rig"
LOOK = "look_at"
FOLLOW = "target_follows_head"
"""Custom properties of the armature object, 0..1, that can be animated."""
SWITCHES = {
    LOOK: ("How far the eyes turn to the target, and the lids with them", 1.0),
    FOLLOW: ("How far the target goes along when the head moves", 0.0),
}
TURN_ORDER = "ZXY"
"""Of neck and head: yaw about Y after pitch about X after roll about Z, as ARKit has them."""
LIMITS = {
    JAW: (Vector((-4, -12, -12)), Vector((32, 12, 12))),
    EYE_LEFT: (Vector((-28, 0, -35)), Vector((28, 0, 35))),
    EYE_RIGHT: (Vector((-28, 0, -35)), Vector((28, 0, 35))),
}
"""Degrees about the bones' own axes that anatomy permits."""


def is_rig(target: bpy.types.Object | None) -> bool:
    """Whether an object is a rig of ours."""
    return target is not None and target.type == "ARMATURE" and RIG_KEY in target


def rig_of(mesh: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the rig that moves a mesh, if there is one."""
    modifier = _modifier(mesh)
    return modifier.object if modifier is not None else None


def mesh_of(rig: bpy.types.Object) -> bpy.types.Object | None:
    """Return the mesh that a rig moves, if it still exists."""
    return next((target for target in bpy.data.objects if target.type == "MESH" and rig_of(target) == rig), None)


def moved_by(active: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the mesh that a rig moves or hair is on, or the splats that an empty crops; any other object itself."""
    if hairs.is_hair(active):
        return hairs.mesh_of(active)
    if cards_objects.is_cards(active) and active.parent is not None:
        return active.parent
    return mesh_of(active) if is_rig(active) else targets.splats_of(active) or active


def add(
    context: bpy.types.Context, mesh: bpy.types.Object, joints: Joints, weights: Mapping[str, np.ndarray]
) -> bpy.types.Object:
    """Give a mesh a rig; one that it has is replaced, and leaves it its keyframes.

    Args:
        context: In Object Mode; the rig becomes the active object.
        mesh: A base mesh object.
        joints: In the mesh's local space.
        weights: [V] for each bone that carries vertices.
    """
    before = rig_of(mesh)
    played = _played_by(before) if before is not None else None
    remove(mesh)
    rig = bpy.data.objects.new(f"{mesh.name} rig", bpy.data.armatures.new(f"{mesh.name} rig"))
    rig[RIG_KEY] = True
    # Edit Mode needs an object of the view layer, and the mesh's own collection may be left out of it.
    context.scene.collection.objects.link(rig)
    _build_bones(context, rig, joints)
    for collection in mesh.users_collection:
        if rig.name not in collection.objects:
            collection.objects.link(rig)
    if context.scene.collection not in mesh.users_collection:
        context.scene.collection.objects.unlink(rig)
    rig.parent = mesh.parent
    rig.matrix_parent_inverse = mesh.matrix_parent_inverse.copy()
    rig.matrix_basis = mesh.matrix_basis.copy()
    for axis in range(3):
        rig.lock_location[axis] = rig.lock_rotation[axis] = rig.lock_scale[axis] = True
    rig.show_in_front = True
    for name, (description, value) in SWITCHES.items():
        rig[name] = value
        rig.id_properties_ui(name).update(min=0.0, max=1.0, default=value, description=description)
    _set_up_pose(rig, joints)
    _carry(mesh, rig, weights)
    if played is not None:
        rig.animation_data.action, rig.animation_data.action_slot = played
    return rig


def remove(mesh: bpy.types.Object) -> None:
    """Take a mesh's rig away, with its modifier and vertex groups; nothing happens without one."""
    rig, modifier = rig_of(mesh), _modifier(mesh)
    if modifier is None:
        return
    for bone in rig.data.bones:
        group = mesh.vertex_groups.get(bone.name)
        if group is not None:
            mesh.vertex_groups.remove(group)
    mesh.modifiers.remove(modifier)
    armature = rig.data
    bpy.data.objects.remove(rig)
    if armature.users == 0:
        bpy.data.armatures.remove(armature)


def _played_by(rig: bpy.types.Object) -> tuple[bpy.types.Action, bpy.types.ActionSlot] | None:
    data = rig.animation_data
    return (data.action, data.action_slot) if data is not None and data.action is not None else None


def _modifier(mesh: bpy.types.Object | None) -> bpy.types.ArmatureModifier | None:
    if mesh is None:
        return None
    return next((item for item in mesh.modifiers if item.type == "ARMATURE" and is_rig(item.object)), None)


def _build_bones(context: bpy.types.Context, rig: bpy.types.Object, joints: Joints) -> None:
    heads.select_only(context.view_layer, rig)
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in joints.bones:
        built = rig.data.edit_bones.new(bone.name)
        built.head, built.tail = Vector(bone.head), Vector(bone.tail)
        built.align_roll(Vector(bone.z_axis))
        built.use_deform = bone.name != LOOK_AT
        if bone.parent:
            built.parent = rig.data.edit_bones[bone.parent]
            built.use_connect = False
    bpy.ops.object.mode_set(mode="OBJECT")


def _set_up_pose(rig: bpy.types.Object, joints: Joints) -> None:
    for bone in joints.bones:
        pose = rig.pose.bones[bone.name]
        pose.rotation_mode = TURN_ORDER if bone.name in (NECK, HEAD) else "XYZ"
        pose.lock_scale = (True, True, True)
        pose.lock_location = (bone.name != LOOK_AT,) * 3
        if bone.name == LOOK_AT:
            pose.lock_rotation = (True, True, True)
        _show(pose, bone, joints.metre)
    for name in (EYE_LEFT, EYE_RIGHT):
        look = rig.pose.bones[name].constraints.new("DAMPED_TRACK")
        look.name, look.target, look.subtarget, look.track_axis = "Look At", rig, LOOK_AT, "TRACK_Y"
        _drive(rig, look, LOOK)
    follow = rig.pose.bones[LOOK_AT].constraints.new("ARMATURE")
    follow.name = "Follow Head"
    target = follow.targets.new()
    target.target, target.subtarget = rig, HEAD
    _drive(rig, follow, FOLLOW)
    for name, (low, high) in LIMITS.items():
        limit = rig.pose.bones[name].constraints.new("LIMIT_ROTATION")
        limit.name, limit.owner_space, limit.use_transform_limit = "Anatomy", "LOCAL", name == JAW
        for axis, least, most in zip("xyz", low, high, strict=True):
            setattr(limit, f"use_limit_{axis}", True)
            setattr(limit, f"min_{axis}", radians(least))
            setattr(limit, f"max_{axis}", radians(most))


def _drive(rig: bpy.types.Object, constraint: bpy.types.Constraint, switch: str) -> None:
    """Let a custom property of the rig be a constraint's influence. No script: it runs in files not trusted."""
    driver = constraint.driver_add("influence").driver
    driver.type = "AVERAGE"
    variable = driver.variables.new()
    variable.targets[0].id = rig
    variable.targets[0].data_path = f'["{switch}"]'


def _show(pose: bpy.types.PoseBone, bone: Bone, metre: float) -> None:
    control = control_shapes.CONTROLS[bone.name]
    pose.custom_shape = control_shapes.shape(control.shape)
    pose.use_custom_shape_bone_size = False
    pose.custom_shape_scale_xyz = (control.radius * metre,) * 3
    pose.custom_shape_translation = (0.0, control.place * float(np.linalg.norm(bone.tail - bone.head)), 0.0)
    pose.color.palette = "CUSTOM"
    pose.color.custom.normal = control.color
    pose.color.custom.select = pose.color.custom.active = [min(1.0, 0.3 + part) for part in control.color]


def _carry(mesh: bpy.types.Object, rig: bpy.types.Object, weights: Mapping[str, np.ndarray]) -> None:
    """Write the weights as vertex groups and add the modifier before all others."""
    for name, values in weights.items():
        group = mesh.vertex_groups.new(name=name)
        # Vertices of equal weight go in one call: a stiff part is one.
        for weight in np.unique(values[values > 0]):
            group.add(np.flatnonzero(values == weight).tolist(), float(weight), "REPLACE")
    modifier = mesh.modifiers.new(MODIFIER, "ARMATURE")
    modifier.object = rig
    modifier.use_vertex_groups, modifier.use_bone_envelopes = True, False
    mesh.modifiers.move(len(mesh.modifiers) - 1, 0)
