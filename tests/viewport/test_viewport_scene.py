"""Which objects the viewport's drawing shows, what it reads of them, and when it reads again."""

import numpy as np
import pytest

from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender


@pytest.fixture
def drawn(blender):
    """A head while the drawing is at work."""
    import bpy

    target = add_splats(blender, surface_gaussians(400, 1), quads=True)
    bpy.context.scene.facelift_viewport.drawing = True
    bpy.context.view_layer.update()
    return target


def graph():
    import bpy

    return bpy.context.evaluated_depsgraph_get()


def read(blender, target):
    """Return the splats that the drawing finds, or None."""
    return get(blender.module("facelift_addon.viewport.clouds").Clouds(), target)


def get(clouds, target):
    """Let clouds get what an object shows."""
    return clouds.get(target, target.evaluated_get(graph()).data)


def test_in_the_background_nothing_is_drawn_and_surface_elements_are_shown(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(100), quads=True)
    blender.module("facelift_addon.viewport.switch").update_scenes()
    assert bpy.context.scene.facelift_viewport.drawing is False
    assert read(blender, target) is None
    assert len(target.evaluated_get(graph()).evaluated_geometry().mesh.polygons) > 0


def test_the_stand_in_keeps_splats_and_size_and_shows_next_to_nothing(blender, drawn):
    gaussians = surface_gaussians(400, 1)
    cloud = read(blender, drawn)
    np.testing.assert_allclose(cloud.means, gaussians.means, atol=1e-6)
    np.testing.assert_array_equal(cloud.texels[:, 7], gaussians.opacities)
    np.testing.assert_allclose(cloud.harmonics, gaussians.sh[:, 1:], atol=1e-6)
    points = drawn.evaluated_get(graph()).data
    radii = np.empty(len(points.points), np.float32)
    points.attributes["radius"].data.foreach_get("value", radii)
    assert radii.max() < 1e-3 and 0 < np.count_nonzero(radii) <= len(radii) / 8
    np.testing.assert_allclose(drawn.evaluated_get(graph()).dimensions, np.ptp(gaussians.means, axis=0), atol=2e-3)


def test_renders_do_not_see_the_drawing(blender, drawn, tmp_path):
    """The render's graph evaluates quads, whatever the viewport shows."""
    from core.cameras import Camera
    from core.rasterize import cpu
    from core.rasterize.metrics import psnr

    camera = Camera.orbit(240, 15, size=96)
    from tests.tools.demo import pictures

    (path,) = pictures.render_views(drawn, [camera], tmp_path, 96)
    image = pictures.load_pixels(path) / 255
    assert psnr(image.astype(float), np.clip(cpu.render(surface_gaussians(400, 1), camera).image, 0, 1)) > 40


def test_heads_shown_as_the_camera_sees_them_are_left_to_the_modifier(blender, drawn):
    display = blender.module("facelift_addon.splats.display.display")
    display.set_option(drawn, display.CAMERA_IN_VIEWPORT, True)
    assert read(blender, drawn) is None


def test_without_the_extension_files_show_surface_elements(blender, drawn):
    import bpy

    settings = blender.module("facelift_addon.viewport.settings")
    settings.unregister_properties()
    try:
        drawn.update_tag()
        tree = blender.module("facelift_addon.splats.display.display").find_display(drawn).node_group
        tree.update_tag()
        bpy.context.view_layer.update()
        assert len(drawn.evaluated_get(graph()).evaluated_geometry().mesh.polygons) > 0
    finally:
        settings.register_properties()


def test_edit_mode_tells_what_is_selected(blender, drawn):
    import bpy

    if not hasattr(bpy.ops.pointcloud, "select_all"):
        pytest.skip("this Blender has no Edit Mode for point clouds")
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        selection = drawn.data.attributes.get(".selection") or drawn.data.attributes.new(
            ".selection", "BOOLEAN", "POINT"
        )
        wanted = np.arange(400) % 5 == 0
        selection.data.foreach_set("value", wanted)
        drawn.data.update_tag()
        bpy.context.view_layer.update()
        np.testing.assert_array_equal(read(blender, drawn).texels[:, 11], wanted)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    assert not read(blender, drawn).texels[:, 11].any()


def test_edit_mode_has_no_dots_of_blender_over_the_splats(blender, drawn, monkeypatch):
    """Its dots are at the evaluated points: all together at the origin, while the drawing knows the real places."""
    import bpy

    if not hasattr(bpy.ops.pointcloud, "select_all"):
        pytest.skip("this Blender has no Edit Mode for point clouds")
    switch = blender.module("facelift_addon.viewport.switch")
    monkeypatch.setattr(switch, "works", lambda: True)

    def dots():
        switch.update_scenes()
        bpy.context.view_layer.update()
        points = drawn.evaluated_get(graph()).data
        places = np.empty((len(points.points), 3), np.float32)
        points.attributes["position"].data.foreach_get("vector", places.ravel())
        return places

    assert np.ptp(dots()) > 0
    bpy.ops.object.mode_set(mode="EDIT")
    assert not dots().any()
    np.testing.assert_allclose(read(blender, drawn).means, surface_gaussians(400, 1).means, atol=1e-6)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert np.ptp(dots()) > 0


def test_objects_are_read_again_only_when_their_geometry_changed(blender, drawn):
    import bpy

    drawing = blender.module("facelift_addon.viewport.drawing").drawing
    drawing.clear()
    first = get(drawing.clouds, drawn)
    drawn.location.x = 1.0
    bpy.context.view_layer.update()
    assert get(drawing.clouds, drawn) is first
    drawn.data.attributes["position"].data[0].vector = (5, 5, 5)
    drawn.data.update_tag()
    bpy.context.view_layer.update()
    second = get(drawing.clouds, drawn)
    assert second is not first
    np.testing.assert_array_equal(second.means[0], (5, 5, 5))


def test_deleted_objects_leave_no_memory_behind(blender, drawn):
    import bpy

    drawing = blender.module("facelift_addon.viewport.drawing").drawing
    drawing.clear()
    get(drawing.clouds, drawn)
    assert len(drawing.clouds.current()) == 1
    bpy.data.objects.remove(drawn)
    bpy.context.view_layer.update()
    assert drawing.clouds.current() == []


def test_a_scene_learns_that_drawing_failed(blender, drawn):
    import bpy

    switch = blender.module("facelift_addon.viewport.switch")
    switch.update_scenes()
    assert bpy.context.scene.facelift_viewport.drawing is False
    bpy.context.view_layer.update()
    assert read(blender, drawn) is None


def test_registering_again_leaves_no_handlers_behind(blender):
    import bpy

    viewport = blender.module("facelift_addon.viewport")
    handlers = blender.module("facelift_addon.viewport.handlers").HANDLERS
    viewport.unregister()
    assert not any(handler in listed for listed, handler in handlers)
    assert not hasattr(bpy.types.Scene, "facelift_viewport")
    viewport.register()
    assert all(listed.count(handler) == 1 for listed, handler in handlers)


def test_new_heads_are_drawn_from_what_was_made_ahead(blender):
    """Reading finds just what was expected, so that nothing is made in the view's own time."""
    import bpy

    bpy.context.scene.facelift_viewport.drawing = True
    clouds = blender.module("facelift_addon.viewport.clouds")
    columns = blender.module("facelift_addon.splats.data.columns")
    geometry = blender.module("facelift_addon.splats.data.geometry")
    gaussians = surface_gaussians(400, 1)
    ahead = clouds.ahead_of(columns.from_gaussians(gaussians, geometry.has_float4()))
    target = add_splats(blender, gaussians, quads=True)
    known = clouds.Clouds()
    known.expect(target, ahead)
    assert get(known, target) is ahead.cloud
    target.data.attributes["position"].data[0].vector = (5, 5, 5)
    target.data.update_tag()
    bpy.context.view_layer.update()
    known.forget(target)
    assert get(known, target) is not ahead.cloud


def test_while_the_drawing_is_suspended_blender_draws_surface_elements(blender, drawn):
    """As for pictures of the view, in which Blender leaves out what extensions draw."""
    import bpy

    switch = blender.module("facelift_addon.viewport.switch")
    with switch.suspended(bpy.context.scene):
        bpy.context.view_layer.update()
        assert len(drawn.evaluated_get(graph()).evaluated_geometry().mesh.polygons) > 0
    bpy.context.view_layer.update()
    assert read(blender, drawn) is not None


@pytest.fixture
def shown(blender):
    """What a 3D View shows: owner's name, where and how many splats of each; and how many different splats."""
    import bpy

    module = blender.module("facelift_addon.viewport.shown")
    clouds = blender.module("facelift_addon.viewport.clouds").Clouds()

    def shown():
        bpy.context.scene.facelift_viewport.drawing = True
        bpy.context.scene.update_tag()
        bpy.context.view_layer.update()
        areas = (area for screen in bpy.data.screens for area in screen.areas if area.type == "VIEW_3D")
        found = module.in_view(bpy.context, next(areas).spaces.active, clouds, module.Instances())
        places = [(item.owner.name, tuple(np.round(item.matrix[:3, 3], 4).tolist()), len(item.cloud)) for item in found]
        return sorted(places), len({id(item.cloud) for item in found})

    return shown


def new_instancer(collection, location):
    import bpy

    target = bpy.data.objects.new("Instancer", None)
    target.instance_type, target.instance_collection, target.location = "COLLECTION", collection, location
    bpy.context.scene.collection.objects.link(target)
    return target


def test_instanced_collections_are_drawn_with_the_same_splats(blender, drawn, shown):
    import bpy

    collection = bpy.data.collections["Splats"]
    new_instancer(collection, (5, 0, 0))
    here, there = ("Splats", (0.0, 0.0, 0.0), 400), ("Instancer", (5.0, 0.0, 0.0), 400)
    assert shown() == ([there, here], 1)
    outer = bpy.data.collections.new("Outer")
    outer.objects.link(bpy.data.objects["Instancer"])
    bpy.context.scene.collection.objects.unlink(bpy.data.objects["Instancer"])
    second = new_instancer(outer, (0, 7, 0))
    second.scale = (2, 2, 2)
    assert shown() == ([(second.name, (10.0, 7.0, 0.0), 400), here], 1)
    bpy.context.view_layer.layer_collection.children["Splats"].exclude = True
    assert shown() == ([(second.name, (10.0, 7.0, 0.0), 400)], 1)
    second.hide_set(True)
    assert shown() == ([], 0)


@pytest.mark.parametrize("as_instance", [False, True])
def test_instances_of_geometry_nodes_are_drawn(blender, drawn, shown, as_instance):
    import bpy

    tree = bpy.data.node_groups.new("Crowd", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    names = "MeshLine", "ObjectInfo", "InstanceOnPoints"
    line, info, instances = (tree.nodes.new(f"GeometryNode{name}") for name in names)
    output = tree.nodes.new("NodeGroupOutput")
    line.inputs["Count"].default_value, line.inputs["Offset"].default_value = 3, (0, 1, 0)
    info.inputs["Object"].default_value, info.inputs["As Instance"].default_value = drawn, as_instance
    tree.links.new(line.outputs[0], instances.inputs["Points"])
    tree.links.new(info.outputs["Geometry"], instances.inputs["Instance"])
    tree.links.new(instances.outputs[0], output.inputs[0])
    crowd = bpy.data.objects.new("Crowd", bpy.data.meshes.new("Crowd"))
    crowd.location = (3, 0, 0)
    bpy.context.scene.collection.objects.link(crowd)
    crowd.modifiers.new("Crowd", "NODES").node_group = tree
    found, _ = shown()
    assert found == [*(("Crowd", (3.0, float(y), 0.0), 400) for y in range(3)), ("Splats", (0.0, 0.0, 0.0), 400)]
    # Moving makes other data of geometry nodes, of which nothing is kept.
    crowd.location.x = 4
    assert shown()[0][0] == ("Crowd", (4.0, 0.0, 0.0), 400)


def test_duplicates_that_share_data_are_drawn_where_they_are(blender, drawn, shown):
    import bpy

    drawn.select_set(True)
    bpy.ops.object.duplicate(linked=True)
    bpy.context.active_object.location = (1, 0, 0)
    assert shown()[0] == [("Splats", (0.0, 0.0, 0.0), 400), ("Splats.001", (1.0, 0.0, 0.0), 400)]


def test_heads_of_other_files_are_drawn(blender, drawn, shown, tmp_path):
    """As objects, as instanced collections, and overridden."""
    import bpy

    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.link(filepath=f"{path}/Object/Splats", directory=f"{path}/Object/", filename="Splats")
    assert shown()[0] == [("Splats", (0.0, 0.0, 0.0), 400)]

    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.link(filepath=f"{path}/Collection/Splats", directory=f"{path}/Collection/", filename="Splats")
    instancer = bpy.context.scene.objects["Splats"]
    instancer.location = (0, 0, 2)
    assert instancer.type == "EMPTY" and shown()[0] == [("Splats", (0.0, 0.0, 2.0), 400)]
    with bpy.context.temp_override(object=instancer, selected_objects=[instancer]):
        bpy.context.view_layer.objects.active = instancer
        assert bpy.ops.object.make_override_library() == {"FINISHED"}
    (head,) = [target for target in bpy.context.scene.objects if target.type == "POINTCLOUD"]
    assert head.override_library is not None
    head.location = (0, 0, 3)
    assert [place for place in shown()[0] if place[1] == (0.0, 0.0, 3.0)], shown()
