"""Levels of detail in FBX and GLB, read by other people's readers."""

import numpy as np
import pygltflib
import pytest

from core.avatar.arkit import ARKIT_NAMES
from core.head.model import load_head_model
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


def test_levels_keep_expressions_weights_and_uvs(blender, mesh, tmp_path):
    from scipy.spatial import KDTree

    before = scene_state()
    export_avatar(tmp_path / "avatar.fbx", lods=3)
    assert scene_state() == before
    meshes = read_fbx(tmp_path / "avatar.fbx")["meshes"]
    assert sorted(meshes) == [f"{mesh.name}_LOD{number}" for number in range(4)]
    full = meshes[f"{mesh.name}_LOD0"]
    whole = len(load_head_model().triangles)
    full_places = mesh_places(full)
    tree = KDTree(full_places)
    full_weights = np.zeros((len(full_places), len(full["bones"])))
    for column, name in enumerate(sorted(full["bones"])):
        full_weights[full["bones"][name][0], column] = full["bones"][name][1]
    full_corners = {
        (vertex, *np.round(uv, 5))
        for vertex, uv in zip(full["corners"], np.array(full["uvs"])[full["uv_corners"]].tolist(), strict=True)
    }
    for number, share in ((1, 0.5), (2, 0.25), (3, 0.1)):
        level = meshes[f"{mesh.name}_LOD{number}"]
        assert level["faces"] == pytest.approx(share * whole, rel=0.02)
        away, rows = tree.query(mesh_places(level))
        assert away.max() < 1e-3
        assert tuple(sorted(level["shapes"])) == ARKIT_NAMES
        for name in ("jawOpen", "eyeBlinkLeft", "mouthPucker"):
            moves, wanted = mesh_moves(level, name), mesh_moves(full, name)[rows]
            # Where lips touch, two vertices may lie in one place.
            assert np.percentile(np.linalg.norm(moves - wanted, axis=1), 98) < 2e-3
        weights = np.zeros((len(rows), full_weights.shape[1]))
        for column, name in enumerate(sorted(full["bones"])):
            if name in level["bones"]:
                weights[level["bones"][name][0], column] = level["bones"][name][1]
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-4)
        assert np.percentile(np.abs(weights - full_weights[rows]).max(1), 98) < 1e-3
        uvs = np.array(level["uvs"])[level["uv_corners"]]
        own = [(rows[vertex], *np.round(uv, 5)) for vertex, uv in zip(level["corners"], uvs.tolist(), strict=True)]
        assert np.mean([corner in full_corners for corner in own]) > 0.98


def test_levels_in_glb_have_morph_targets_and_skin(blender, mesh, tmp_path):
    before = scene_state()
    export_avatar(tmp_path / "avatar.glb", lods=2)
    assert scene_state() == before
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    nodes = {node.name: node for node in document.nodes if node.mesh is not None}
    assert sorted(nodes) == [f"{mesh.name}_LOD{number}" for number in range(3)]
    faces = []
    for name in sorted(nodes):
        found = document.meshes[nodes[name].mesh]
        assert tuple(found.extras["targetNames"]) == ARKIT_NAMES and nodes[name].skin is not None
        faces.append(sum(accessor(document, item.indices).size // 3 for item in found.primitives))
    assert faces[0] == len(load_head_model().triangles)
    np.testing.assert_allclose(faces[1:], [faces[0] / 2, faces[0] / 4], rtol=0.02)


def test_levels_of_a_mesh_of_the_users_own(blender, tmp_path):
    import bpy

    bpy.ops.mesh.primitive_uv_sphere_add(segments=24, ring_count=12)
    sphere = bpy.context.active_object
    for name in ("Basis", *ARKIT_NAMES):
        sphere.shape_key_add(name=name)
    before = scene_state()
    export_avatar(tmp_path / "own.fbx", lods=3, end="NECK")
    assert scene_state() == before
    meshes = read_fbx(tmp_path / "own.fbx")["meshes"]
    full = 2 * 24 * 11
    sizes = [meshes[f"{sphere.name}_LOD{number}"]["faces"] for number in (1, 2, 3)]
    np.testing.assert_allclose(sizes, [full / 2, full / 4, full / 10], rtol=0.2)
