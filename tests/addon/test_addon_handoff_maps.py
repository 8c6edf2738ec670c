"""The skin's own maps in exported files: in GLB and VRM, and as files beside FBX."""

import io

import numpy as np
import pygltflib
import pytest
from PIL import Image

from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.fbx import read_fbx
from tests.helpers.scene import export_avatar, scene_state

pytestmark = needs_blender

SIZE = 256


@pytest.fixture
def mesh(blender):
    """The astronaut's base mesh with a texture of skin, darker to one side."""
    head, mesh = add_head_with_mesh(blender)
    picture = np.full((SIZE, SIZE, 3), (200, 150, 130), np.uint8)
    picture[:, : SIZE // 2] //= 2
    baked = blender.module("facelift_addon.avatar.texturing").Baked
    data = blender.module("core.system.pictures").png_bytes(picture)
    blender.module("facelift_addon.avatar.texturing").give(mesh, head, baked(data, SIZE))
    return mesh


def picture(document, texture):
    view = document.bufferViews[document.images[document.textures[texture.index].source].bufferView]
    data = document.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_glb_has_albedo_roughness_and_normals(blender, mesh, tmp_path):
    before = scene_state()
    export_avatar(tmp_path / "avatar.glb")
    assert scene_state() == before
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    assert len(document.materials) == 5 and len(document.images) == 3
    for material in document.materials:
        assert material.name in [item.name for item in mesh.data.materials]
        surface = material.pbrMetallicRoughness
        assert surface.baseColorTexture is not None and material.normalTexture is not None
        assert surface.metallicRoughnessTexture is not None
        rough = picture(document, surface.metallicRoughnessTexture)
        # Green is the roughness, and skin is no metal.
        assert 60 < np.median(rough[..., 1]) < 220 and (surface.metallicFactor or 0) == 0
        normals = picture(document, material.normalTexture) / 127.5 - 1
        assert normals[..., 2].min() > 0.3
        np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1, atol=0.03)
    export_avatar(tmp_path / "shown.glb", texture="SHOWN")
    shown = pygltflib.GLTF2().load(str(tmp_path / "shown.glb"))
    assert len(shown.images) == 1
    assert (
        np.abs(picture(shown, shown.materials[0].pbrMetallicRoughness.baseColorTexture)[5, -5] - (200, 150, 130)).max()
        <= 1
    )


def test_fbx_has_its_pictures_beside_it(blender, mesh, tmp_path):
    before = scene_state()
    export_avatar(tmp_path / "avatar.fbx", lods=1)
    assert scene_state() == before
    names = {f"astronaut_{kind}.png" for kind in ("albedo", "roughness", "normal")}
    assert {path.name for path in tmp_path.iterdir()} == {"avatar.fbx", "avatar.fbm"}
    assert {path.name for path in (tmp_path / "avatar.fbm").iterdir()} == names
    textures = read_fbx(tmp_path / "avatar.fbx")["textures"]
    assert {name.replace("\\", "/") for name in textures.values()} == {f"avatar.fbm/{name}" for name in names}
    for name in names:
        with Image.open(tmp_path / "avatar.fbm" / name) as saved:
            assert saved.size == (SIZE, SIZE)


def test_materials_of_the_user_stay_theirs(blender, mesh, tmp_path):
    skin = mesh.data.materials[0].node_tree
    skin.nodes.remove(skin.nodes["FaceLift Texture"])
    export_avatar(tmp_path / "avatar.glb")
    document = pygltflib.GLTF2().load(str(tmp_path / "avatar.glb"))
    surfaces = {item.name: item.pbrMetallicRoughness for item in document.materials}
    assert surfaces[mesh.data.materials[0].name].baseColorTexture is None
    assert surfaces[mesh.data.materials[1].name].baseColorTexture is not None
