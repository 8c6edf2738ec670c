"""The avatar as VRM 1.0, read by a glTF library and held against the specification's text."""

import numpy as np
import pygltflib
import pytest

from core.avatar.arkit import ARKIT_NAMES
from core.avatar.joints import find_joints
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.gltf import accessor, world_matrices
from tests.helpers.scene import export_avatar, scene_state

pytestmark = needs_blender

REQUIRED = {
    "hips": "",
    "spine": "hips",
    "head": "spine",
    **{side + name: "spine" for side in ("left", "right") for name in ("UpperArm",)},
    **{side + "LowerArm": side + "UpperArm" for side in ("left", "right")},
    **{side + "Hand": side + "LowerArm" for side in ("left", "right")},
    **{side + "UpperLeg": "hips" for side in ("left", "right")},
    **{side + "LowerLeg": side + "UpperLeg" for side in ("left", "right")},
    **{side + "Foot": side + "LowerLeg" for side in ("left", "right")},
}
"""Humanoid bones that the specification requires, and required ones that are above them."""
PRESETS = {"happy", "angry", "sad", "relaxed", "surprised", "aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft"} | {
    "blinkRight",
    "lookUp",
    "lookDown",
    "lookLeft",
    "lookRight",
    "neutral",
}


@pytest.fixture
def mesh(blender):
    import bpy

    head, mesh = add_head_with_mesh(blender)
    head.location, head.rotation_euler = (1, 2, 3), (0.2, 0.1, 0.5)
    bpy.context.view_layer.update()
    return mesh


def parents_of(document):
    return {child: number for number, node in enumerate(document.nodes) for child in node.children or ()}


def test_vrm_is_a_standing_person_at_rest(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    rig.pose.bones["head"].rotation_euler = (0, 0.4, 0)
    bpy.context.view_layer.objects.active = mesh
    bpy.ops.facelift.set_expression(preset="Smile")
    before = scene_state()
    export_avatar(tmp_path / "avatar.vrm", vrm_author="A. Tester", vrm_permission="everyone")
    assert scene_state() == before
    assert [path.name for path in tmp_path.iterdir()] == ["avatar.vrm"]
    document = pygltflib.GLTF2().load_binary(str(tmp_path / "avatar.vrm"))
    vrm = document.extensions["VRMC_vrm"]
    assert "VRMC_vrm" in document.extensionsUsed and vrm["specVersion"] == "1.0"
    meta = vrm["meta"]
    assert meta["name"] == "astronaut" and meta["authors"] == ["A. Tester"]
    assert meta["licenseUrl"] == "https://vrm.dev/licenses/1.0/" and meta["avatarPermission"] == "everyone"
    assert meta["commercialUsage"] == "personalNonProfit" and meta["modification"] == "prohibited"
    assert not any(value for name, value in meta.items() if name.startswith("allow"))

    bones = {name: entry["node"] for name, entry in vrm["humanoid"]["humanBones"].items()}
    assert len(set(bones.values())) == len(bones)
    parents, worlds = parents_of(document), world_matrices(document)
    for name, above in REQUIRED.items():
        node, chain = bones[name], []
        while node in parents:
            node = parents[node]
            chain.append(node)
        assert not above or bones[above] in chain
    for matrix in worlds.values():
        np.testing.assert_allclose(np.linalg.norm(matrix[:3, :3], axis=0), 1, atol=1e-4)
        assert np.linalg.det(matrix[:3, :3]) > 0

    # Upright, symmetric, looking along +z, the floor at 0, the arms out.
    places = {name: worlds[node][:3, 3] for name, node in bones.items()}
    assert 0 < places["leftFoot"][1] < 0.1 < places["hips"][1] < places["neck"][1] < places["head"][1]
    assert places["leftHand"][0] > 0.5 and places["leftHand"][1] == pytest.approx(places["leftUpperArm"][1])
    eyes = (places["leftEye"] + places["rightEye"]) / 2
    assert abs(eyes[0]) < 0.005 and places["leftEye"][0] > places["rightEye"][0]
    assert places["leftEye"][1] == pytest.approx(places["rightEye"][1], abs=0.005)
    assert eyes[2] > places["head"][2] and 1.3 < eyes[1] < 1.8
    head = worlds[bones["head"]]
    offset = np.array(vrm["lookAt"]["offsetFromHeadBone"])
    np.testing.assert_allclose(head[:3, :3] @ offset + head[:3, 3], eyes, atol=1e-4)
    assert vrm["lookAt"]["type"] == "bone"

    (skinned,) = [node for node in document.nodes if node.mesh is not None]
    assert not any(document.meshes[skinned.mesh].weights or ())
    assert skinned.skin is not None and not document.animations
    # The bones' rest is the mesh's: what a program skins at rest is the mesh itself.
    skin = document.skins[skinned.skin]
    inverses = accessor(document, skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    for joint, inverse in zip(skin.joints, inverses, strict=True):
        np.testing.assert_allclose(worlds[joint] @ inverse, np.eye(4), atol=1e-4)
    joints = find_joints(blender.module("facelift_addon.avatar.base_objects").read(mesh))
    size = np.linalg.norm(joints.eyes[0] - joints.eyes[1])
    assert np.linalg.norm(places["leftEye"] - places["rightEye"]) == pytest.approx(size, rel=1e-3)


def test_vrm_has_expressions_and_arkits_for_face_tracking(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    export_avatar(tmp_path / "avatar.vrm", vrm_author="A. Tester")
    document = pygltflib.GLTF2().load_binary(str(tmp_path / "avatar.vrm"))
    expressions = document.extensions["VRMC_vrm"]["expressions"]
    assert set(expressions["preset"]) == PRESETS and set(expressions["custom"]) == set(ARKIT_NAMES)
    names = document.meshes[0].extras["targetNames"]

    def moved(expression):
        return {names[bind["index"]]: bind["weight"] for bind in expression.get("morphTargetBinds", ())}

    for name, expression in expressions["custom"].items():
        assert moved(expression) == {name: 1.0}
    assert moved(expressions["preset"]["blinkLeft"]) == {"eyeBlinkLeft": 1.0}
    assert moved(expressions["preset"]["lookLeft"]) == {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}
    assert not moved(expressions["preset"]["neutral"])
    for expression in (*expressions["preset"].values(), *expressions["custom"].values()):
        for bind in expression.get("morphTargetBinds", ()):
            assert document.nodes[bind["node"]].mesh == 0 and 0 < bind["weight"] <= 1


def test_what_vrm_needs_is_told(blender, mesh, tmp_path):
    import bpy

    with pytest.raises(RuntimeError, match="Add Rig"):
        export_avatar(tmp_path / "avatar.vrm", vrm_author="A. Tester")
    bpy.ops.facelift.add_rig()
    with pytest.raises(RuntimeError, match="Author"):
        export_avatar(tmp_path / "avatar.vrm")
    assert not list(tmp_path.iterdir())


def test_a_non_commercial_heads_avatar_is_not_commercial(blender, mesh, tmp_path):
    import bpy

    made, capture = blender.module("core.engines.recipe"), blender.module("core.engines.capture").Capture
    licence = blender.module("core.engines.facelift.description").DESCRIPTION.licence
    blender.recipes.keep(
        mesh.parent, made.Recipe("facelift", "", {}, capture.of(made.UsedPhoto("photo.png", "00")), licence), None
    )
    bpy.ops.facelift.add_rig()
    export_avatar(tmp_path / "avatar.vrm", vrm_author="A. Tester", vrm_commercial="corporation")
    meta = pygltflib.GLTF2().load_binary(str(tmp_path / "avatar.vrm")).extensions["VRMC_vrm"]["meta"]
    assert meta["commercialUsage"] == "personalNonProfit" and "Adobe" in meta["thirdPartyLicenses"]
