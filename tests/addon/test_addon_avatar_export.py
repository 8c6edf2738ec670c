"""The avatar as GLB and OBJ, read by others: a glTF library, and a plain reading of the text."""

import numpy as np
import pygltflib
import pytest

from core.avatar.arkit import ARKIT_NAMES
from core.head.model import load_head_model
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.gltf import accessor
from tests.helpers.recording import table
from tests.helpers.scene import export_avatar, scene_state

pytestmark = needs_blender


@pytest.fixture
def mesh(blender):
    import bpy

    head, mesh = add_head_with_mesh(blender)
    head.location, head.rotation_euler.z = (1, 2, 3), 0.5
    bpy.context.view_layer.update()
    return mesh


def mesh_node(document):
    return next(node for node in document.nodes if node.mesh is not None)


def moved_shape(mesh, name):
    """Vertices of a shape key in the world."""
    places = np.array([point.co for point in mesh.data.shape_keys.key_blocks[name].data])
    matrix = np.array(mesh.matrix_world)
    return places @ matrix[:3, :3].T + matrix[:3, 3]


def to_world(points):
    """From glTF's axes, Y up, to Blender's."""
    return points[:, [0, 2, 1]] * [1, -1, 1]


def apart(points, others):
    """The largest distance of each set's points to the other set: writers split and order vertices."""
    from scipy.spatial import KDTree

    return max(KDTree(others).query(points)[0].max(), KDTree(points).query(others)[0].max())


def turned(node, points):
    from scipy.spatial.transform import Rotation

    rotation = Rotation.from_quat(node.rotation or [0, 0, 0, 1])
    return rotation.apply(points * (node.scale or [1, 1, 1])) + (node.translation or [0, 0, 0])


def test_glb_holds_the_mesh_and_all_expressions(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.set_expression(preset="Smile")
    mesh.hide_viewport = True
    bpy.context.view_layer.objects.active = mesh.parent
    before = scene_state()
    export_avatar(tmp_path / "avatar.glb")
    assert scene_state() == before
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    (found,) = document.meshes
    assert tuple(found.extras["targetNames"]) == ARKIT_NAMES
    smile = ARKIT_NAMES.index("mouthSmileLeft")
    assert found.weights[smile] == pytest.approx(mesh.data.shape_keys.key_blocks["mouthSmileLeft"].value)
    assert not document.skins and len(document.nodes) == 1
    assert len(found.primitives) == 5 and len(document.materials) == 5
    faces = sum(len(accessor(document, item.indices)) // 3 for item in found.primitives)
    assert faces == len(load_head_model().triangles)
    corners = [(accessor(document, item.attributes.POSITION), item) for item in found.primitives]
    assert all(item.attributes.TEXCOORD_0 is not None and len(item.targets) == 52 for _, item in corners)
    node = mesh_node(document)
    for name in ("Basis", "jawOpen", "eyeBlinkRight"):
        points = []
        for base, item in corners:
            moves = 0 if name == "Basis" else accessor(document, item.targets[ARKIT_NAMES.index(name)]["POSITION"])
            points.append(base + moves)
        assert apart(to_world(turned(node, np.concatenate(points))), moved_shape(mesh, name)) < 1e-4


def test_glb_with_rig_and_animation(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    path = tmp_path / "take.csv"
    path.write_bytes(table({"time": [0, 1, 2], "jawOpen": [0, 1, 0], "browInnerUp": [1, 0, 1], "headYaw": [0, 0.5, 0]}))
    bpy.ops.facelift.import_recording(filepath=str(path), start=1)
    before = scene_state()
    export_avatar(tmp_path / "avatar.glb")
    assert scene_state() == before
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    (skin,) = document.skins
    names = [document.nodes[joint].name for joint in skin.joints]
    assert sorted(names) == sorted(bone.name for bone in rig.data.bones if bone.use_deform)
    for item in document.meshes[0].primitives:
        weights, joints = accessor(document, item.attributes.WEIGHTS_0), accessor(document, item.attributes.JOINTS_0)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        assert joints.max() < len(names)
    paths = {}
    for animation in document.animations:
        for channel in animation.channels:
            sampler = animation.samplers[channel.sampler]
            key = document.nodes[channel.target.node].name, channel.target.path
            paths[key] = accessor(document, sampler.input), accessor(document, sampler.output)
    times, weights = paths[mesh.name, "weights"]
    weights = weights.reshape(len(times), 52)
    middle = np.abs(times[:, 0] - 1 - times[0, 0]).argmin()
    assert weights[middle, ARKIT_NAMES.index("jawOpen")] == pytest.approx(1, abs=0.05)
    assert weights[0, ARKIT_NAMES.index("browInnerUp")] == pytest.approx(1, abs=0.05)
    assert np.ptp(paths["head", "rotation"][1], axis=0).max() > 0.1
    export_avatar(tmp_path / "still.glb", use_rig=False, use_animation=False, use_materials=False)
    document = pygltflib.GLTF2().load(str(tmp_path / "still.glb"))
    assert not document.skins and not document.animations and not document.materials


def test_glb_carries_the_texture(blender, mesh, tmp_path):
    import bpy

    image = bpy.data.images.new("skin", 16, 16)
    image.pixels = np.tile([0.8, 0.5, 0.4, 1.0], 256)
    image.pack()
    nodes = mesh.data.materials[0].node_tree.nodes
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    mesh.data.materials[0].node_tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    export_avatar(tmp_path / "avatar.glb")
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    skin = document.meshes[0].primitives[0]
    chosen = document.materials[skin.material].pbrMetallicRoughness.baseColorTexture
    view = document.bufferViews[document.images[document.textures[chosen.index].source].bufferView]
    data = document.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    assert data.startswith(b"\x89PNG")
    export_avatar(tmp_path / "avatar.obj")
    materials = (tmp_path / "avatar.mtl").read_text().split("newmtl ")[1:]
    textured = [text for text in materials if "map_Kd skin.png" in text]
    assert len(materials) == 5 and len(textured) == 1 and textured[0].startswith("astronaut_base_mesh_skin\n")
    assert "\nKd 1.0 1.0 1.0\n" in textured[0]
    from PIL import Image

    with Image.open(tmp_path / "skin.png") as saved:
        assert saved.size == (16, 16) and abs(saved.getpixel((3, 3))[0] - 204) <= 1
    assert image.packed_file is not None and not image.filepath


def read_obj(path):
    """Read vertices, texture coordinates and faces of an OBJ as the format's description has them."""
    lines = [line.split() for line in path.read_text().splitlines()]
    vertices = np.array([line[1:4] for line in lines if line and line[0] == "v"], float)
    uvs = np.array([line[1:3] for line in lines if line and line[0] == "vt"], float)
    faces = [[int(corner.split("/")[0]) - 1 for corner in line[1:]] for line in lines if line and line[0] == "f"]
    return vertices, uvs, faces


def test_obj_is_the_mesh_as_it_is_shown(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    rig.pose.bones["head"].rotation_euler = (0, 0.4, 0)
    bpy.context.view_layer.objects.active = mesh
    bpy.ops.facelift.set_expression(preset="Surprise")
    bpy.context.view_layer.update()
    before = scene_state()
    export_avatar(tmp_path / "avatar.obj")
    assert scene_state() == before
    vertices, uvs, faces = read_obj(tmp_path / "avatar.obj")
    model = load_head_model()
    assert len(vertices) == len(model.mean) and len(faces) == len(model.faces) and len(uvs) >= len(vertices)
    assert {len(face) for face in faces} <= {3, 4}
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    matrix = np.array(mesh.matrix_world)
    shown = np.array([vertex.co for vertex in evaluated.vertices]) @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(to_world(vertices), shown, atol=1e-5)
    assert np.linalg.norm(shown - moved_shape(mesh, "Basis"), axis=1).max() > 0.02


def test_name_and_format_agree(blender, mesh, tmp_path):
    export_avatar(tmp_path / "one", format="OBJ")
    export_avatar(tmp_path / "two.GLB")
    export_avatar(tmp_path / "three.v2", format="OBJ", use_materials=False)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"one.obj", "one.mtl", "two.GLB", "three.v2.obj"} == names


def test_it_works_where_the_gltf_addon_is_off(blender, mesh, tmp_path):
    import addon_utils

    addon_utils.disable("io_scene_gltf2", default_set=False)
    try:
        export_avatar(tmp_path / "avatar.glb")
        assert addon_utils.check("io_scene_gltf2")[1] is False
    finally:
        addon_utils.enable("io_scene_gltf2", default_set=False)
    assert len(pygltflib.GLTF2().load(str(tmp_path / "avatar.glb")).meshes) == 1


def test_what_can_not_be_written_leaves_nothing(blender, mesh, tmp_path, monkeypatch):
    import bpy

    before = scene_state()
    with pytest.raises(RuntimeError, match="could not be written"):
        export_avatar(tmp_path / "missing" / "avatar.glb")
    (tmp_path / "avatar.glb").write_bytes(b"before")
    writers = blender.module("facelift_addon.avatar.exporting_writers")
    monkeypatch.setitem(writers.WRITERS, "GLB", lambda *_: None)
    with pytest.raises(RuntimeError, match="could not be written"):
        export_avatar(tmp_path / "avatar.glb")
    assert (tmp_path / "avatar.glb").read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1
    assert scene_state() == before
    bpy.data.objects.remove(mesh)
    assert not bpy.ops.facelift.export_avatar.poll()
