"""The wrap mesh through the installed extension: object, colours, undo, what is left alone, what is refused."""

import numpy as np
import pytest

from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.mesh_checks import self_intersecting_share

pytestmark = needs_blender

COUNT = 4000


@pytest.fixture
def head(blender):
    """Red splats, as from a file."""
    gaussians = surface_gaussians(COUNT)
    red = np.broadcast_to([[[1.5, -1.5, -1.5]]], (COUNT, 1, 3))
    return add_splats(blender, gaussians.replace(sh=red, opacities=np.full(COUNT, 0.95)))


def wrap(head, **settings):
    import bpy

    bpy.context.view_layer.objects.active = head
    assert bpy.ops.facelift.wrap_mesh(**{"faces": 1000, "detail": "LOW", "use_texture": False, **settings}) == {
        "FINISHED"
    }
    return bpy.context.active_object


@pytest.fixture
def rough(blender, monkeypatch):
    """Fewer voxels and views, where the shape doesn't matter: five times as quick."""
    monkeypatch.setitem(blender.module("core.avatar.wrap.wrap").RESOLUTIONS, "LOW", 50)
    fusion = blender.module("core.avatar.wrap.fusion")
    monkeypatch.setattr(fusion, "ANGLES", fusion.ANGLES[:2])


def wraps_in_scene():
    import bpy

    return [target for target in bpy.data.objects if "facelift_wrap_of" in target]


def vertices_of(target):
    places = np.empty(3 * len(target.data.vertices), np.float32)
    target.data.vertices.foreach_get("co", places)
    return places.reshape(-1, 3)


def test_the_wrap_is_solid_textured_and_in_place_of_the_splats(blender, head):
    import bmesh
    import bpy

    head.location, head.rotation_euler.z = (1, 2, 3), 0.7
    mesh = wrap(head, use_texture=True, texture_size="1024")
    bpy.context.view_layer.update()
    np.testing.assert_allclose(np.array(mesh.matrix_world), np.array(head.matrix_world), atol=1e-6)
    assert mesh.users_collection[:] == head.users_collection[:]
    assert head.hide_viewport and head.hide_render and len(head.data.points) == COUNT
    solid = bmesh.new()
    solid.from_mesh(mesh.data)
    assert all(part.is_manifold for part in (*solid.edges, *solid.verts))
    assert solid.calc_volume(signed=True) > 0.5 and len(solid.faces) == 1000
    solid.free()
    triangles = np.array([polygon.vertices[:] for polygon in mesh.data.polygons])
    assert self_intersecting_share(vertices_of(mesh), triangles) <= 1e-3
    colors = np.array([item.color[:] for item in mesh.data.color_attributes.active_color.data])
    assert (colors[:, 0] > 0.6).all() and (colors[:, 1:3] < 0.05).all() and (colors[:, 3] == 1).all()
    (image,) = (node.image for node in mesh.data.materials[0].node_tree.nodes if node.type == "TEX_IMAGE")
    assert image.packed_file and image.size[:] == (1024, 1024)
    uvs = np.array([item.vector[:] for item in mesh.data.uv_layers.active.uv])
    columns, rows = (uvs * 1024).astype(int).T
    texels = np.array(image.pixels[:]).reshape(1024, 1024, 4)[rows, columns]
    assert (texels[:, 0] > 0.8).all() and (texels[:, 1:3] < 0.3).all()


def test_undo_brings_the_splats_back(blender, head, rough):
    import bpy

    name = head.name
    bpy.ops.ed.undo_push(message="head")
    wrapped = wrap(head).name
    bpy.ops.ed.undo_push(message="wrap")
    bpy.ops.ed.undo()
    assert wrapped not in bpy.data.objects
    assert not bpy.data.objects[name].hide_viewport and not bpy.data.objects[name].hide_render


def test_again_takes_the_place_of_what_nobody_changed(blender, head, rough):
    import bpy

    first = wrap(head)
    materials = len(bpy.data.materials)
    second = wrap(first, faces=600)
    assert len(second.data.polygons) == 600 and len(bpy.data.materials) == materials
    assert wraps_in_scene() == [second]
    second.data.vertices[0].co.x += 0.1
    third = wrap(head)
    assert second.name in bpy.data.objects and third != second


def test_what_modifiers_leave_is_wrapped_hidden_or_not(blender, head, rough):
    import bpy

    highest = vertices_of(wrap(head))[:, 2].max()
    assert head.hide_viewport
    head.hide_viewport = False
    bpy.context.view_layer.objects.active = head
    bpy.ops.facelift.add_crop(shape="BOX")
    box = next(child for child in head.children if child.type == "EMPTY")
    box.location.z -= 0.4
    bpy.context.view_layer.update()
    head.hide_viewport = True
    assert vertices_of(wrap(head))[:, 2].max() < highest - 0.2
    assert head.hide_viewport
    box.location.z -= 40
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    with pytest.raises(RuntimeError, match="no splats"):
        bpy.ops.facelift.wrap_mesh()


def test_in_a_window_it_comes_from_a_thread_and_can_be_cancelled(blender, head, rough):
    import bpy

    errands, wrapping = (blender.module(f"facelift_addon.{name}") for name in ("making.errands", "avatar.wrapping"))
    head[blender.heads.ID_KEY] = "splats"
    for faces in (1000, 700):
        work = wrapping.work_on(bpy.context, head, faces, "LOW", 0)
        errands.start(wrapping.TITLE, work, wrapping.add, belongs_to_file=True)
        if faces == 700:
            errands.cancel()
        blender.tick_until(lambda: not errands.tick())
        assert [len(target.data.polygons) for target in wraps_in_scene()] == [1000]
