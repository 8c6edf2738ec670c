"""Hair cards go along in FBX and VRM, in the mesh's space, with its expressions and bones."""

import numpy as np
import pygltflib
import pytest

from core.avatar.arkit import ARKIT_NAMES
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.fbx import mesh_moves, mesh_places, read_fbx
from tests.helpers.gltf import accessor, world_matrices
from tests.helpers.groom import plain_groom
from tests.helpers.scene import export_avatar, scene_state

pytestmark = needs_blender


@pytest.fixture
def mesh(blender):
    """A base mesh with a texture, a rig and hair cards."""
    import bpy

    head, mesh = add_head_with_mesh(blender)
    head.location, head.rotation_euler.z = (1, 2, 3), 0.5
    texturing, pictures = blender.module("facelift_addon.avatar.texturing"), blender.module("core.system.pictures")
    skin = np.full((64, 64, 3), (200, 150, 130), np.uint8)
    texturing.give(mesh, head, texturing.Baked(pictures.png_bytes(skin), 64))
    groom = plain_groom(blender.module("facelift_addon.avatar.base_objects").read(mesh), guides=60)
    hairs = blender.module("facelift_addon.groom.hairs")
    for growth, tuft in groom.tufts.items():
        hairs.give(mesh, growth, tuft.guides, str(growth), "UVMap")
    bpy.ops.facelift.add_rig()
    bpy.context.view_layer.objects.active = mesh
    assert bpy.ops.facelift.hair_cards(triangles=2000, atlas_size="1024") == {"FINISHED"}
    bpy.context.view_layer.objects.active = mesh
    bpy.context.view_layer.update()
    return mesh


def cards_of(mesh):
    return next(child for child in mesh.children if "facelift_cards" in child)


def shape(target, name):
    points = np.array([point.co for point in target.data.shape_keys.key_blocks[name].data])
    matrix = np.array(target.matrix_world)
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def test_cards_go_along_in_fbx_and_vrm(blender, mesh, tmp_path):
    cards, before = cards_of(mesh), scene_state()
    export_avatar(tmp_path / "avatar.fbx")
    assert scene_state() == before
    meshes = read_fbx(tmp_path / "avatar.fbx")["meshes"]
    assert set(meshes) == {mesh.name, cards.name}
    found = meshes[cards.name]
    to_file = 100.0 * np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    neutral = shape(cards, "Basis") @ to_file.T
    np.testing.assert_allclose(mesh_places(found), neutral, atol=2e-3)
    assert tuple(sorted(found["shapes"])) == ARKIT_NAMES
    moved = shape(cards, "browInnerUp") @ to_file.T - neutral
    np.testing.assert_allclose(mesh_moves(found, "browInnerUp"), moved, atol=2e-3)
    assert "head" in found["bones"]
    # The atlas lies beside the skin's maps.
    assert len(list((tmp_path / "avatar.fbm").iterdir())) == 5

    export_avatar(tmp_path / "avatar.vrm", vrm_author="A. Tester", end="COLLAR")
    assert scene_state() == before
    document = pygltflib.GLTF2().load_binary(str(tmp_path / "avatar.vrm"))
    nodes = {document.nodes[number].name: number for number in world_matrices(document)}
    node = document.nodes[nodes[cards.name]]
    assert node.skin is not None
    binds = document.extensions["VRMC_vrm"]["expressions"]["custom"]["browInnerUp"]["morphTargetBinds"]
    assert {bind["node"] for bind in binds} == {nodes[mesh.name], nodes[cards.name]}
    # Hair sits on the head: where the mesh is, up to its crown.
    places = {
        name: np.concatenate(
            [
                accessor(document, item.attributes.POSITION)
                for item in document.meshes[document.nodes[nodes[name]].mesh].primitives
            ]
        )
        for name in (mesh.name, cards.name)
    }
    above = shape(mesh, "Basis")[:, 2].max() - shape(cards, "Basis")[:, 2].max()
    assert places[mesh.name][:, 1].max() - places[cards.name][:, 1].max() == pytest.approx(above, abs=0.003)
