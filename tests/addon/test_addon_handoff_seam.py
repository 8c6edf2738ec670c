"""Exported heads that end in a loop around the neck."""

import numpy as np
import pygltflib
import pytest

from core.avatar.arkit import ARKIT_NAMES
from core.avatar.handoff.seam import MAKEHUMAN_NECK, End, faces_above, ring
from core.head.model import load_head_model, triangulate
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.fbx import mesh_moves, mesh_places, read_fbx
from tests.helpers.gltf import accessor
from tests.helpers.scene import export_avatar, scene_state

pytestmark = needs_blender


@pytest.fixture
def mesh(blender):
    import bpy

    mesh = add_head_with_mesh(blender)[1]
    bpy.ops.facelift.add_rig()
    return mesh


def shape(mesh, name):
    return np.array([point.co for point in mesh.data.shape_keys.key_blocks[name].data])


@pytest.mark.parametrize("end", ["COLLAR", "NECK"])
def test_fbx_ends_in_the_loop_and_keeps_expressions_and_weights(blender, mesh, tmp_path, end):
    model = load_head_model()
    before = scene_state()
    export_avatar(tmp_path / "avatar.fbx", end=end, lods=1 if end == "NECK" else 0)
    assert scene_state() == before
    meshes = read_fbx(tmp_path / "avatar.fbx")["meshes"]
    found = meshes[f"{mesh.name}_LOD0" if end == "NECK" else mesh.name]
    kept = faces_above(model, End(end), None)
    used = np.unique(model.faces[kept])
    assert found["faces"] == kept.sum() and len(found["vertices"]) == len(used)
    to_file = 100.0 * np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    neutral = shape(mesh, "Basis")[used] @ to_file.T
    np.testing.assert_allclose(mesh_places(found), neutral, atol=2e-3)
    assert tuple(sorted(found["shapes"])) == ARKIT_NAMES
    np.testing.assert_allclose(
        mesh_moves(found, "jawOpen"), shape(mesh, "jawOpen")[used] @ to_file.T - neutral, atol=2e-3
    )
    total = np.zeros(len(used))
    for vertices, weights in found["bones"].values():
        np.add.at(total, np.array(vertices, int), weights)
    np.testing.assert_allclose(total, 1, atol=1e-5)
    if end == "NECK":
        half = len(triangulate(model.faces[kept])) / 2
        assert meshes[f"{mesh.name}_LOD1"]["faces"] == pytest.approx(half, rel=0.02)


def test_glb_says_which_vertices_of_a_makehuman_body_are_its_ring(blender, mesh, tmp_path):
    model = load_head_model()
    export_avatar(tmp_path / "avatar.glb", end="NECK", use_rig=False)
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    numbers, places = [], []
    for item in document.meshes[0].primitives:
        numbers.append(accessor(document, item.attributes._MAKEHUMAN)[:, 0])
        places.append(accessor(document, item.attributes.POSITION))
    numbers, places = np.concatenate(numbers), np.concatenate(places)
    assert set(numbers[numbers >= 0].astype(int)) == set(MAKEHUMAN_NECK)
    wanted = shape(mesh, "Basis")[ring(model, End.NECK)][:, [0, 2, 1]] * [1, 1, -1]
    for number, place in zip(MAKEHUMAN_NECK, wanted, strict=True):
        np.testing.assert_allclose(places[numbers == number], np.tile(place, ((numbers == number).sum(), 1)), atol=1e-5)


def test_a_head_that_ends_above_the_collar_says_so(blender, mesh, tmp_path):
    import bpy

    model = load_head_model()
    faces = blender.module("facelift_addon.avatar.model_faces")
    present = model.mean[model.faces][..., 2].min(axis=1) > -0.17
    faces.keep(mesh.data, model, present, "UVMap")
    with pytest.raises(RuntimeError, match="ends above"):
        export_avatar(tmp_path / "avatar.glb", end="COLLAR")
    assert not list(tmp_path.iterdir())
    export_avatar(tmp_path / "avatar.obj", end="NECK")
    faces = [line for line in (tmp_path / "avatar.obj").read_text().splitlines() if line.startswith("f ")]
    assert len(faces) == (faces_above(model, End.NECK, None) & present).sum()
    assert bpy.context.mode == "OBJECT"
