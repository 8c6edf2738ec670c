"""The rig in Blender: bones move the mesh as the weights say, eyes look, undo and removal leave nothing."""

import dataclasses

import numpy as np
import pytest

from core.avatar.joints import find_joints
from core.avatar.skinning import bone_weights, posed
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh, turn_bone

pytestmark = needs_blender


@pytest.fixture
def mesh(blender):
    return add_head_with_mesh(blender)[1]


def shown(mesh):
    """The evaluated vertices of a mesh object in its local space."""
    import bpy

    bpy.context.view_layer.update()
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    places = np.empty(3 * len(evaluated.vertices), np.float32)
    evaluated.vertices.foreach_get("co", places)
    return places.reshape(-1, 3)


def add_rig(blender):
    import bpy

    assert bpy.ops.facelift.add_rig() == {"FINISHED"}
    return bpy.context.active_object


def joints_of(blender, mesh):
    base = blender.module("facelift_addon.avatar.base_objects").read(mesh)
    return find_joints(base)


def test_the_rest_pose_is_the_mesh_itself(blender, mesh):
    before = shown(mesh)
    rig = add_rig(blender)
    assert np.abs(shown(mesh) - before).max() < 1e-6
    assert rig.parent == mesh.parent and mesh.modifiers[0].object == rig
    assert {bone.name for bone in rig.data.bones if bone.use_deform} <= {group.name for group in mesh.vertex_groups}


def test_bones_move_the_mesh_as_the_weights_say(blender, mesh):
    joints = joints_of(blender, mesh)
    rig = add_rig(blender)
    rig["look_at"] = 0.0
    turns = {"head": joints.up * 0.6, "neck": joints.left * 0.2, "jaw": joints.jaw_turn * 0.8, "eye.L": joints.up * 0.2}
    for name, turn in turns.items():
        turn_bone(rig, name, turn)
    rig.update_tag()
    expected = posed(joints, joints.base.neutral, bone_weights(joints), turns)
    assert np.abs(shown(mesh) - expected).max() < 1e-4


def test_bones_turn_about_the_same_axes(blender, mesh):
    """A positive turn about x nods, opens the jaw and lowers the gaze; neck and head turn to the left about y."""
    joints = joints_of(blender, mesh)
    rig = add_rig(blender)
    for name in ("neck", "head", "jaw", "eye.L", "eye.R"):
        axes = np.array(rig.data.bones[name].matrix_local.to_3x3())
        assert axes[:, 0] @ joints.left > 0.99
    for name in ("neck", "head"):
        bone = rig.pose.bones[name]
        bone.rotation_euler = (0.1, 0.3, 0.0)
        face = mesh.data.vertices
        nose = int(np.argmin([vertex.co.y for vertex in face]))
        moved = (shown(mesh)[nose] - np.array(face[nose].co)) @ np.stack([joints.left, joints.up]).T
        assert moved[0] > 0.01 and moved[1] < -0.002
        bone.rotation_euler = (0, 0, 0)


def test_eyes_look_at_the_target_as_far_as_they_should(blender, mesh):
    from mathutils import Vector

    joints = joints_of(blender, mesh)
    rig = add_rig(blender)
    target = rig.pose.bones["look_at"]
    rest = rig.data.bones["look_at"].matrix_local.to_3x3().inverted()
    target.location = rest @ Vector(0.1 * joints.left)
    eye = mesh.vertex_groups["Eye.L"].index
    ball = [vertex.index for vertex in mesh.data.vertices if any(group.group == eye for group in vertex.groups)]
    before = joints.base.neutral[ball] - joints.eyes[0]

    def turned():
        after = shown(mesh)[ball] - joints.eyes[0]
        radii = np.linalg.norm(after, axis=1) / np.linalg.norm(before, axis=1)
        assert np.abs(radii - 1).max() < 1e-3
        front = np.argmax(before @ joints.forward)
        gaze = after[front] / np.linalg.norm(after[front])
        old = before[front] / np.linalg.norm(before[front])
        return np.degrees(np.arcsin(gaze @ joints.left) - np.arcsin(old @ joints.left))

    expected = np.degrees(np.arctan2(0.1 - 0.5 * 0.06, 0.4) + np.arctan2(0.03, 0.4))
    assert turned() == pytest.approx(expected, abs=1.5)
    rig["look_at"] = 0.0
    rig.update_tag()
    assert turned() == pytest.approx(0, abs=0.01)
    rig["look_at"] = 1.0
    # Out of reach: behind the head. The eyes stay in their sockets.
    target.location = rest @ Vector(-1.0 * joints.forward + 0.2 * joints.left)
    rig.update_tag()
    assert abs(turned()) < 40


def test_the_target_goes_along_when_asked(blender, mesh):
    import bpy

    rig = add_rig(blender)
    rig.pose.bones["head"].rotation_euler = (0, 0.5, 0)

    def place():
        rig.update_tag()
        bpy.context.view_layer.update()
        return np.array(rig.pose.bones["look_at"].head)

    rest = np.array(rig.data.bones["look_at"].head_local)
    assert np.abs(place() - rest).max() < 1e-6
    rig["target_follows_head"] = 1.0
    assert np.linalg.norm(place() - rest) > 0.1


def test_moving_the_head_moves_all(blender, mesh):
    import bpy

    rig, head = add_rig(blender), mesh.parent
    before = shown(mesh)
    head.location, head.rotation_euler.z, head.scale = (1, 2, 3), 1.0, (2, 2, 2)
    assert np.abs(shown(mesh) - before).max() < 1e-5
    bpy.context.view_layer.update()
    assert np.allclose(rig.matrix_world, head.matrix_world) and np.allclose(mesh.matrix_world, head.matrix_world)


def test_adding_again_follows_the_mesh_and_removing_leaves_nothing(blender, mesh):
    import bpy

    before = {group.name for group in mesh.vertex_groups}
    first = add_rig(blender).name
    assert bpy.ops.facelift.pose_rig() == {"FINISHED"} and bpy.context.mode == "POSE"
    assert bpy.ops.facelift.pose_rig() == {"FINISHED"} and bpy.context.mode == "OBJECT"
    rig = add_rig(blender)
    assert bpy.ops.facelift.bind_to_mesh.poll() and bpy.ops.facelift.fit_base_mesh.poll(), "the rig is active"
    assert bpy.ops.facelift.show_expression(expression="NEUTRAL") == {"FINISHED"}
    assert rig.name == first and len([item for item in mesh.modifiers if item.type == "ARMATURE"]) == 1
    assert bpy.ops.facelift.remove_rig() == {"FINISHED"}
    assert not mesh.modifiers and {group.name for group in mesh.vertex_groups} == before
    assert first not in bpy.data.objects and not bpy.data.armatures
    assert bpy.context.active_object == mesh
    assert not bpy.ops.facelift.remove_rig.poll()
    assert bpy.ops.facelift.show_only(kind="SPLATS") == {"FINISHED"}
    add_rig(blender)
    assert bpy.ops.facelift.remove_rig() == {"FINISHED"}
    assert bpy.context.active_object == mesh.parent, "what is hidden becomes not active"


def test_a_rig_made_anew_keeps_its_keyframes(blender, mesh):
    import bpy

    rig = add_rig(blender)
    before = rig.data.bones["head"].head_local.z
    for frame, turn in ((1, 0.0), (20, 0.5)):
        rig.pose.bones["head"].rotation_euler[1] = turn
        rig.pose.bones["head"].keyframe_insert("rotation_euler", index=1, frame=frame)
    for block in mesh.data.shape_keys.key_blocks:
        for point in block.data:
            point.co *= 1.5
    rig = add_rig(blender)
    bpy.context.scene.frame_set(20)
    assert rig.pose.bones["head"].rotation_euler[1] == pytest.approx(0.5)
    bpy.context.scene.frame_set(1)
    assert np.abs(shown(mesh) - joints_of(blender, mesh).base.neutral).max() < 1e-5
    assert rig.data.bones["head"].head_local.z == pytest.approx(1.5 * before, rel=0.05)


def test_one_undo_takes_the_rig_away(blender, mesh):
    import bpy

    name = mesh.name
    bpy.ops.ed.undo_push(message="before")
    add_rig(blender)
    bpy.ops.ed.undo_push(message="Add Rig")
    bpy.ops.ed.undo()
    assert not bpy.data.armatures and not bpy.data.objects[name].modifiers


def test_in_a_collection_left_out_of_the_view_layer(blender, mesh):
    import bpy

    other = bpy.data.collections.new("other")
    bpy.context.scene.collection.children.link(other)
    other.objects.link(mesh)
    bpy.context.view_layer.layer_collection.children[mesh.users_collection[0].name].exclude = True
    bpy.context.view_layer.objects.active = mesh
    rig = add_rig(blender)
    assert set(rig.users_collection) == set(mesh.users_collection)


def test_a_changed_mesh_is_told_and_left_as_it_is(blender, mesh):
    import bmesh
    import bpy

    edited = bmesh.new()
    edited.from_mesh(mesh.data)
    bmesh.ops.delete(edited, geom=[edited.verts[:][0]], context="VERTS")
    edited.to_mesh(mesh.data)
    with pytest.raises(RuntimeError, match="no base mesh any more"):
        bpy.ops.facelift.add_rig()
    assert not mesh.modifiers and not bpy.data.armatures


def test_a_mesh_without_its_jaw_expression_is_rigged_all_the_same(blender, mesh):
    """Shape keys that were removed or renamed: what the model has is used."""
    mesh.data.shape_keys.key_blocks["jawOpen"].name = "Mund auf"
    assert add_rig(blender)
    mesh.shape_key_clear()
    joints = joints_of(blender, mesh)
    assert dataclasses.is_dataclass(joints) and np.linalg.norm(joints.jaw_turn) > 0.3


def test_bound_splats_follow_the_rig(blender, mesh):
    import bpy

    head = mesh.parent
    bpy.ops.facelift.show_expression(expression="PHOTO")
    bpy.ops.facelift.bind_to_mesh()
    bpy.context.view_layer.objects.active = mesh
    rig = add_rig(blender)
    baking = blender.module("facelift_addon.splats.data.baking")
    joints = joints_of(blender, mesh)

    def splats():
        bpy.context.view_layer.update()
        return baking.evaluated(bpy.context, head)

    stored, rest = baking.stored(head), splats()
    count = len(rest)
    assert np.abs(rest.means - stored.means[:count]).max() < 1e-5
    turn_bone(rig, "head", joints.up * 0.5)
    turned = splats()
    # Far up the skull all turns as one.
    crown = rest.means @ joints.up > (joints.eyes.mean(0) + 0.05 * joints.up) @ joints.up
    cosine, sine = np.cos(0.5), np.sin(0.5)
    arms = (rest.means - joints.skull)[crown]
    along = (arms @ joints.up)[:, None] * joints.up
    expected = along + cosine * (arms - along) + sine * np.cross(joints.up, arms) + joints.skull
    assert crown.sum() > 1000
    assert np.percentile(np.linalg.norm(turned.means[crown] - expected, axis=1), 95) < 2e-3
    low = rest.means[:, 2] < np.percentile(rest.means[:, 2], 5)
    assert np.abs(turned.means - rest.means)[low].max() < 1e-3
