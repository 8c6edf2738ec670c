"""Hair cards in the scene and in GLB files, which a glTF library reads."""

import numpy as np
import pygltflib
import pytest

from core.avatar.arkit import ARKIT_NAMES
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh, turn_bone
from tests.helpers.gltf import accessor
from tests.helpers.groom import plain_groom
from tests.helpers.scene import export_avatar

pytestmark = needs_blender

TRIANGLES = 2500


@pytest.fixture
def mesh(blender):
    """A base mesh with hair of 200 curves, and brows."""
    head, mesh = add_head_with_mesh(blender)
    head.location, head.rotation_euler.z = (1, 2, 3), 0.5
    groom = plain_groom(blender.module("facelift_addon.avatar.base_objects").read(mesh), guides=200)
    hairs = blender.module("facelift_addon.groom.hairs")
    for growth, tuft in groom.tufts.items():
        hairs.give(mesh, growth, tuft.guides, str(growth), "UVMap")
    return mesh


def make(**options):
    import bpy

    assert bpy.ops.facelift.hair_cards(triangles=TRIANGLES, atlas_size="1024", **options) == {"FINISHED"}
    return next(item for item in bpy.context.scene.objects if "facelift_cards" in item)


def shown(target):
    """An object's vertices as they are shown, in the world."""
    import bpy

    bpy.context.view_layer.update()
    data = target.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    places = np.empty(3 * len(data.vertices))
    data.vertices.foreach_get("co", places)
    matrix = np.array(target.matrix_world)
    return places.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def test_cards_hang_on_the_mesh_and_follow_its_expressions_and_its_rig(blender, mesh):
    import bpy

    cards = make()
    assert cards.parent == mesh and cards["facelift_cards"] > 50
    cards.data.calc_loop_triangles()
    assert TRIANGLES / 2 < len(cards.data.loop_triangles) <= TRIANGLES
    hair = [item for item in mesh.children if item.type == "CURVES"]
    assert len(hair) == 2 and all(item.hide_viewport for item in hair) and cards.visible_get()
    keys = cards.data.shape_keys.key_blocks
    assert tuple(keys.keys()) == ("Basis", *ARKIT_NAMES)
    rest = shown(cards)
    mesh.data.shape_keys.key_blocks["browInnerUp"].value = 0.5
    moved = shown(cards)
    assert keys["browInnerUp"].value == pytest.approx(0.5)
    # The brows rise, the hair stays.
    raised = np.linalg.norm(moved - rest, axis=1)
    assert raised.max() > 1e-3 and np.median(raised) < 1e-5
    mesh.data.shape_keys.key_blocks["browInnerUp"].value = 0
    bpy.context.view_layer.objects.active = mesh
    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    np.testing.assert_allclose(shown(cards), rest, atol=1e-5)
    turn_bone(rig, "head", (0.0, 0.0, 0.5))
    rig.update_tag()
    before, after = (np.array([places[index] for index in sample(cards)]) for places in (rest, shown(cards)))
    assert np.linalg.norm(after - before, axis=1).max() > 0.02
    # Hair on the skull goes as stiffly as the skull.
    np.testing.assert_allclose(distances(after), distances(before), atol=1e-4)
    bpy.ops.facelift.remove_rig()
    assert not cards.modifiers
    np.testing.assert_allclose(shown(cards), rest, atol=1e-5)


def sample(cards):
    """Some vertices of hair high on the head."""
    heights = np.array([vertex.co.z for vertex in cards.data.vertices])
    return np.flatnonzero(heights > np.quantile(heights, 0.8))[::20]


def distances(points):
    return np.linalg.norm(points[:, None] - points, axis=2)


def test_what_is_combed_and_styled_becomes_cards_and_the_user_keeps_the_material(blender, mesh):
    import bpy

    cards = make()
    tall = shown(cards).max(0)[2]
    hair = next(item for item in mesh.children if item.type == "CURVES" and len(item.data.curves) == 200)
    points = np.empty(3 * len(hair.data.points), np.float32)
    hair.data.points.foreach_get("position", points)
    points = points.reshape(-1, 12, 3)
    hair.data.points.foreach_set("position", (points[:, :1] + 0.3 * (points - points[:, :1])).ravel())
    material = cards.data.materials[0]
    material.node_tree.nodes["Alpha Cutoff"].inputs[1].default_value = 0.2
    pictures = {node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE"}
    number = len(bpy.data.images)
    again = make()
    assert again == cards and cards.data.materials[0] == material and len(bpy.data.images) == number
    assert {node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE"} != pictures
    assert shown(cards).max(0)[2] < tall - 0.01
    assert all(image.packed_file is not None for image in bpy.data.images if "hair cards" in image.name)


def test_curves_and_cards_take_turns_and_who_has_no_curves_is_told(blender, mesh):
    import bpy

    assert bpy.ops.facelift.show_hair.poll() is False
    cards = make()
    hair = [item for item in mesh.children if item.type == "CURVES"]
    for kind, seen in (("CURVES", False), ("CARDS", True)):
        bpy.ops.facelift.show_hair(kind=kind)
        assert cards.visible_get() == seen and all(item.visible_get() != seen for item in hair)
    for item in hair:
        bpy.data.objects.remove(item)
    assert bpy.ops.facelift.hair_cards.poll() is False


def test_glb_holds_mesh_cards_expressions_and_rig(blender, mesh, tmp_path):
    import bpy

    cards = make()
    bpy.context.view_layer.objects.active = mesh
    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    export_avatar(tmp_path / "avatar.glb")
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    node = next(item for item in document.nodes if item.name == cards.name)
    found = document.meshes[node.mesh]
    assert len(document.meshes) == 2 and tuple(found.extras["targetNames"]) == ARKIT_NAMES
    (primitive,) = found.primitives
    assert len(primitive.targets) == 52
    assert len(accessor(document, primitive.indices)) // 3 <= TRIANGLES
    # A skin of its own or the mesh's: the same bones.
    joints = [document.nodes[joint].name for joint in document.skins[node.skin].joints]
    assert set(joints) == {bone.name for bone in rig.data.bones if bone.use_deform}
    weights = accessor(document, primitive.attributes.WEIGHTS_0)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-4)
    carried = accessor(document, primitive.attributes.JOINTS_0)[np.arange(len(weights)), weights.argmax(1)]
    assert {joints[joint] for joint in np.unique(carried)} >= {"head"}
    material = document.materials[primitive.material]
    assert material.alphaMode == "MASK" and material.alphaCutoff == pytest.approx(0.35) and material.doubleSided
    for texture in (material.pbrMetallicRoughness.baseColorTexture, material.normalTexture):
        view = document.bufferViews[document.images[document.textures[texture.index].source].bufferView]
        data = document.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
        assert data.startswith(b"\x89PNG")
    export_avatar(tmp_path / "bald.glb", use_cards=False)
    assert len(pygltflib.GLTF2().load(str(tmp_path / "bald.glb")).meshes) == 1


def test_keyframes_of_the_face_move_the_cards_in_a_glb_too(blender, mesh, tmp_path):
    import bpy

    cards = make()
    block = mesh.data.shape_keys.key_blocks["browInnerUp"]
    for frame, value in ((1, 0.0), (13, 1.0)):
        block.value = value
        block.keyframe_insert("value", frame=frame)
    bpy.context.view_layer.objects.active = mesh
    export_avatar(tmp_path / "avatar.glb")
    assert cards.data.shape_keys.animation_data.action is None
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    (animation,) = document.animations
    played = {
        document.nodes[channel.target.node].name: accessor(document, animation.samplers[channel.sampler].output)
        for channel in animation.channels
    }
    assert set(played) == {mesh.name, cards.name}
    weights = played[cards.name].reshape(-1, 52)[:, ARKIT_NAMES.index("browInnerUp")]
    assert weights.min() < 0.01 and weights.max() > 0.99


def test_from_the_interface_it_is_made_in_the_background_can_be_cancelled_and_is_one_undo_step(blender, mesh):
    import bpy

    errands = blender.module("facelift_addon.making.errands")
    title = blender.module("facelift_addon.groom.cards").TITLE
    number = len(bpy.data.objects)
    bpy.ops.facelift.hair_cards(triangles=TRIANGLES, atlas_size="1024", in_background=True)
    assert errands.has(title)
    errands.cancel(title)
    blender.tick_until(lambda: not errands.tick())
    assert len(bpy.data.objects) == number
    bpy.ops.ed.undo_push(message="before")
    make()
    bpy.ops.ed.undo_push(message="cards")
    bpy.ops.ed.undo()
    assert len(bpy.data.objects) == number
    hair = [item for item in bpy.data.objects if item.type == "CURVES"]
    assert len(hair) == 2 and not any(item.hide_viewport for item in hair)


def test_cards_go_along_with_a_mesh_that_is_fitted_again(blender, mesh):
    cards, objects = make(), blender.module("facelift_addon.avatar.base_objects")
    names = ("Basis", "browInnerUp", "jawOpen")

    def places():
        blocks = cards.data.shape_keys.key_blocks
        return np.array([[point.co for point in blocks[name].data] for name in names])

    rest, base = places(), objects.read(mesh)
    turn = np.eye(4)
    turn[:3, :3] = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]
    turn[:3, 3] = 0.1, 0.2, 0.3
    blender.module("facelift_addon.groom.cards_objects").follow(mesh, base, base.transformed(turn))
    np.testing.assert_allclose(places(), rest @ turn[:3, :3].T + turn[:3, 3], atol=1e-5)
