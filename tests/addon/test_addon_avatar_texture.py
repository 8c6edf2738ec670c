"""The base mesh's texture through the installed extension: packed, shown, baked again, undone."""

import numpy as np
import pytest

from core.splats.attributes import RADIANCE_BASE
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh, splats_of_astronaut
from tests.helpers.draft import astronaut_head

pytestmark = needs_blender
NODE = "FaceLift Texture"


@pytest.fixture
def mesh(blender):
    """The astronaut's base mesh without a texture, as her fit has it: fitting has tests of its own."""
    head, mesh = add_head_with_mesh(blender)
    head[blender.heads.PLACEMENT_KEY] = splats_of_astronaut()[1].ravel().tolist()
    blender.module("facelift_addon.splats.data.fits").keep(head, astronaut_head()[0].shape)
    return mesh


def bake(**settings):
    import bpy

    assert bpy.ops.facelift.bake_texture(size="512", **settings) == {"FINISHED"}


def pixels(image):
    values = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)


def texture_nodes(mesh):
    return [material.node_tree.nodes[NODE] for material in mesh.data.materials if NODE in material.node_tree.nodes]


def images(mesh):
    nodes = texture_nodes(mesh)
    assert len(nodes) == len(mesh.data.materials)
    return [node.image for node in nodes]


def test_one_click_gives_a_packed_texture_in_all_materials_and_in_the_file(blender, mesh, tmp_path):
    import bpy

    assert texture_nodes(mesh) == []
    assert bpy.ops.facelift.fit_base_mesh() == {"FINISHED"}
    assert bpy.context.active_object == mesh
    (image,) = set(images(mesh))
    assert image.name == "astronaut texture" and tuple(image.size) == (2048, 2048)
    assert image.packed_file is not None and image.colorspace_settings.name == "sRGB"
    for node in texture_nodes(mesh):
        (link,) = node.outputs["Color"].links
        assert link.to_node.type == "BSDF_PRINCIPLED" and link.to_socket.name == "Base Color"
    before = pixels(image)[::16, ::16]
    assert before[..., 3].min() == 1 and before[..., :3].std() > 0.1
    name, path = mesh.name, tmp_path / "head.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    (image,) = set(images(bpy.data.objects[name]))
    assert image.packed_file is not None
    np.testing.assert_array_equal(pixels(image)[::16, ::16], before)


def test_baking_again_shows_edits_and_can_be_undone(blender, mesh):
    import bpy

    bake()
    name = mesh.name
    red, green, _ = np.median(pixels(images(mesh)[0])[200:300, 400:480, :3], axis=(0, 1))
    assert red > green + 0.02
    head = blender.heads.find(mesh["facelift_base_of"])
    colors = head.data.attributes[RADIANCE_BASE]
    field = blender.module("facelift_addon.splats.data.geometry").KINDS[colors.data_type].field
    values = np.empty(4 * len(colors.data), np.float32)
    colors.data.foreach_get(field, values)
    colors.data.foreach_set(field, (values.reshape(-1, 4) * (0, 1, 1, 1)).astype(np.float32).ravel())
    bpy.ops.ed.undo_push(message="edited")
    bake(delight=0.5)
    (image,) = set(images(mesh))
    assert image.name == "astronaut texture" and image.packed_file is not None
    assert sum(item.name.startswith("astronaut texture") for item in bpy.data.images) == 1
    red, green, _ = np.median(pixels(image)[200:300, 400:480, :3], axis=(0, 1))
    assert green > red + 0.1
    bpy.ops.ed.undo_push(message="baked")
    bpy.ops.ed.undo()
    (image,) = set(images(bpy.data.objects[name]))
    red, green, _ = np.median(pixels(image)[200:300, 400:480, :3], axis=(0, 1))
    assert red > green + 0.02


def test_materials_that_the_user_made_are_left_alone(blender, mesh):
    import bpy

    own = bpy.data.materials.new("own")
    if own.node_tree is None:
        own.use_nodes = True
    shader = next(node for node in own.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    color = own.node_tree.nodes.new("ShaderNodeRGB")
    own.node_tree.links.new(color.outputs[0], shader.inputs["Base Color"])
    mesh.data.materials[0] = own
    bake()
    assert NODE not in own.node_tree.nodes and shader.inputs["Base Color"].links[0].from_node == color
    assert len(texture_nodes(mesh)) == len(mesh.data.materials) - 1


def test_a_mesh_without_its_splats_says_what_is_missing(blender, mesh):
    import bpy

    bpy.data.objects.remove(blender.heads.find(mesh["facelift_base_of"]))
    assert not bpy.ops.facelift.bake_texture.poll()


def test_splats_that_have_left_the_mesh_are_told(blender, mesh):
    import bpy

    mesh.matrix_parent_inverse.translation.x = 3
    bpy.context.view_layer.update()
    with pytest.raises(RuntimeError, match="No splat lies on the base mesh"):
        bpy.ops.facelift.bake_texture(size="512")
    assert texture_nodes(mesh) == [] and not any(image.name.startswith("astronaut") for image in bpy.data.images)


def test_splats_that_follow_the_mesh_are_baked_at_rest(blender, mesh):
    import bpy

    bake()
    before = pixels(images(mesh)[0])
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    mesh.data.shape_keys.key_blocks["jawOpen"].value = 0.8
    bake()
    head = blender.heads.find(mesh["facelift_base_of"])
    assert all(modifier.show_viewport for modifier in head.modifiers)
    assert np.abs(pixels(images(mesh)[0]) - before).mean() < 0.001


def test_the_bake_goes_on_in_the_background_tells_its_progress_and_can_be_cancelled(blender, mesh):
    import bpy

    errands = blender.module("facelift_addon.making.errands")
    bake(in_background=True)
    assert texture_nodes(mesh) == []
    told = set()

    def baked():
        told.update(errand.progress.stage for errand in errands.under_way())
        return not errands.tick()

    blender.tick_until(baked)
    assert "Looking at the head" in told and images(mesh)[0].packed_file is not None
    before = images(mesh)[0].name_full
    bake(in_background=True, delight=1.0)
    errands.cancel()
    blender.tick_until(lambda: not errands.tick())
    assert images(mesh)[0].name_full == before and len(bpy.data.images) == 1
