"""The avatar as FBX, read by ufbx: what Unity and Unreal find in it."""

import numpy as np
import pytest

from core.avatar.arkit import ARKIT_NAMES
from core.head.model import load_head_model
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.fbx import mesh_moves, mesh_places, read_fbx
from tests.helpers.recording import table
from tests.helpers.scene import export_avatar, scene_state

pytestmark = needs_blender

TO_FILE = 100.0 * np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
"""From Blender's metres, Z up, to centimetres, Y up."""


@pytest.fixture
def mesh(blender):
    import bpy

    head, mesh = add_head_with_mesh(blender)
    head.location, head.rotation_euler.z, head.scale = (1, 2, 3), 0.5, (1.1,) * 3
    bpy.context.view_layer.update()
    return mesh


def in_the_file(mesh, name):
    """Vertices of a shape key in the world, in the file's axes and units."""
    points = np.array([point.co for point in mesh.data.shape_keys.key_blocks[name].data])
    matrix = np.array(mesh.matrix_world)
    return (points @ matrix[:3, :3].T + matrix[:3, 3]) @ TO_FILE.T


def test_fbx_in_centimetres_with_expressions_and_rig(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    before = scene_state()
    export_avatar(tmp_path / "avatar.fbx")
    assert scene_state() == before
    scene = read_fbx(tmp_path / "avatar.fbx")
    assert scene["unit_meters"] == pytest.approx(0.01)
    assert scene["axes"]["up"] == "POSITIVE_Y" and scene["axes"]["front"] == "POSITIVE_Z"
    for node in scene["nodes"].values():
        np.testing.assert_allclose(node["scale"], 1, atol=1e-4)
    (found,) = scene["meshes"].values()
    model = load_head_model()
    assert found["name"] == mesh.name and len(found["vertices"]) == len(model.mean)
    assert found["faces"] == len(model.faces) and len(found["materials"]) == 5
    uvs = np.array(found["uvs"])[found["uv_corners"]]
    wanted = [mesh.data.uv_layers[0].uv[index].vector for index in range(len(mesh.data.loops))]
    np.testing.assert_allclose(uvs, np.array(wanted), atol=1e-5)

    neutral = in_the_file(mesh, "Basis")
    np.testing.assert_allclose(mesh_places(found), neutral, atol=2e-3)
    assert tuple(sorted(found["shapes"])) == ARKIT_NAMES
    for name in found["shapes"]:
        np.testing.assert_allclose(mesh_moves(found, name), in_the_file(mesh, name) - neutral, atol=2e-3)

    assert set(found["bones"]) == {bone.name for bone in rig.data.bones if bone.use_deform}
    nodes = scene["nodes"]
    assert {nodes[name]["parent"] for name in ("jaw", "eye.L", "eye.R")} == {"head"}
    assert not any("end" in name or "look" in name for name in nodes)
    total = np.zeros(len(neutral))
    for name, (vertices, weights) in found["bones"].items():
        np.add.at(total, np.array(vertices), weights)
        joint = np.array(rig.matrix_world @ rig.data.bones[name].head_local) @ TO_FILE.T
        np.testing.assert_allclose(np.array(nodes[name]["matrix"])[:, 3], joint, atol=2e-3)
    np.testing.assert_allclose(total, 1, atol=1e-5)


def test_fbx_keeps_the_keyframes(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    path = tmp_path / "take.csv"
    path.write_bytes(table({"time": [0, 1, 2], "jawOpen": [0, 1, 0], "headYaw": [0, 0.5, 0]}))
    bpy.ops.facelift.import_recording(filepath=str(path), start=1)
    export_avatar(tmp_path / "avatar.fbx")
    fps = bpy.context.scene.render.fps
    scene = read_fbx(tmp_path / "avatar.fbx", (1 / fps, (1 + fps) / fps))
    start, middle = scene["states"]
    assert [state["weights"]["jawOpen"] for state in (start, middle)] == pytest.approx([0, 1], abs=0.05)
    turns = [np.array(state["nodes"]["head"])[:, :3] for state in (start, middle)]
    angle = np.degrees(np.arccos((np.trace(turns[0].T @ turns[1]) - 1) / 2))
    assert angle == pytest.approx(np.degrees(0.5), abs=3)

    export_avatar(tmp_path / "still.fbx", use_rig=False, use_animation=False)
    still = read_fbx(tmp_path / "still.fbx")
    (found,) = still["meshes"].values()
    assert not found["bones"] and not still["curves"]
    np.testing.assert_allclose(mesh_places(found), in_the_file(mesh, "Basis"), atol=2e-3)
