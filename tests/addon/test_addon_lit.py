"""Lit heads: normals and a proxy that follow the splats, and what the scene's lights make of them."""

from functools import partial

import numpy as np
import pytest

from core.splats import attributes as names
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

COUNT = 4000
COARSE = 56
"""Voxels along the longest side of coarse proxies."""


@pytest.fixture
def coarse(blender, monkeypatch):
    """Coarse proxies, for tests of when there is one and not of its form: a full one takes seconds."""
    proxies = blender.module("facelift_addon.splats.display.proxies")
    monkeypatch.setattr(proxies, "relief_of", partial(proxies.relief_of, resolution=COARSE))


@pytest.fixture
def head(blender, coarse):
    """A head in a scene with lit colours. Without a window, that gives it its proxy at once."""
    import bpy

    target = add_splats(blender, surface_gaussians(COUNT))
    bpy.context.scene.facelift.color_mode = "LIT"
    return target


def proxy_of(blender, head):
    return blender.module("facelift_addon.splats.display.proxies").find(head)


def vertices_of(proxy):
    places = np.empty(len(proxy.data.vertices) * 3, np.float32)
    proxy.data.vertices.foreach_get("co", places)
    return places.reshape(-1, 3)


def test_lit_heads_have_normals_and_a_closed_proxy_that_moves_with_them(blender):
    import bmesh
    import bpy

    head = add_splats(blender, surface_gaussians(COUNT), quads=True)
    bpy.context.scene.facelift.color_mode = "LIT"
    proxy = proxy_of(blender, head)
    solid = bmesh.new()
    solid.from_mesh(proxy.data)
    assert not any(edge.is_boundary or edge.is_wire for edge in solid.edges)
    assert solid.calc_volume(signed=True) > 0.5
    solid.free()
    normals = np.empty(COUNT * 3, np.float32)
    head.data.attributes[names.NORMAL].data.foreach_get("vector", normals)
    np.testing.assert_allclose(np.linalg.norm(normals.reshape(-1, 3), axis=1), 1, atol=1e-5)
    assert proxy.hide_viewport
    bpy.ops.facelift.viewport_display(mode="CAMERA")
    assert not proxy.hide_viewport
    head.location.x, head.rotation_euler.z = 3.0, 1.0
    bpy.context.view_layer.update()
    np.testing.assert_allclose(np.array(proxy.matrix_world), np.array(head.matrix_world), atol=1e-6)
    head.hide_render = True
    bpy.context.view_layer.update()
    assert proxy.evaluated_get(bpy.context.evaluated_depsgraph_get()).hide_render


@pytest.fixture
def lit_scene(blender, tmp_path):
    """A grey head on a floor below a lamp at its left; return a function that renders luminance and depth."""
    import bpy

    gaussians = surface_gaussians(COUNT)
    grey = np.zeros((COUNT, 1, 3))
    # Twelve centimetres high and almost opaque, as heads are.
    gaussians = gaussians.replace(sh=grey, opacities=np.full(COUNT, 0.97)).transform(np.diag([0.1, 0.1, 0.1, 1]))
    add_splats(blender, gaussians)
    scene = bpy.context.scene
    scene.facelift.color_mode = "LIT"
    bpy.ops.mesh.primitive_plane_add(size=2, location=(0, 0, -0.065))
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    lamp.data.energy, lamp.data.shadow_soft_size = 3.0, 0.02
    lamp.location = (-0.4, -0.3, 0.15)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0, -0.6, 0.1), (1.4, 0, 0)
    for target in (lamp, camera):
        scene.collection.objects.link(target)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.seed = 16, False, 1
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.view_layers[0].use_pass_z = True
    bpy.ops.facelift.apply_render_settings()
    return lambda **how: render_passes(blender, scene, tmp_path, **how), lamp


def render_passes(blender, scene, folder, animation=False):
    """Render; return brightness [H, W] and depth [H, W] in metres, top row first; an animation's second frame."""
    import bpy

    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5.0+
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.exr_codec, settings.color_depth = "OPEN_EXR_MULTILAYER", "NONE", "32"
    if hasattr(settings, "use_exr_interleave"):  # Blender 5.0+ writes a part a pass otherwise.
        settings.use_exr_interleave = True
    if animation:
        scene.render.filepath = str(folder / "frame")
        bpy.ops.render.render(animation=True)
        channels = read_exr(folder / "frame0002.exr")
    else:
        scene.render.filepath = str(folder / "passes.exr")
        bpy.ops.render.render(write_still=True)
        channels = read_exr(folder / "passes.exr")
    (green,) = (values for name, values in channels.items() if name.endswith("Combined.G"))
    (depth,) = (values for name, values in channels.items() if name.endswith("Depth.Z"))
    return green, depth


def read_exr(path):
    """Return the channels of an uncompressed OpenEXR file of float32 scan lines, each [H, W]."""
    content = path.read_bytes()
    place, header = 8, {}
    while content[place]:
        name, kind = content[place:].split(b"\0", 2)[:2]
        place += len(name) + len(kind) + 2
        size = int.from_bytes(content[place : place + 4], "little")
        header[name.decode()] = content[place + 4 : place + 4 + size]
        place += 4 + size
    assert header["compression"] == b"\0"
    x0, y0, x1, y1 = np.frombuffer(header["dataWindow"], "<i4")
    width, height = x1 - x0 + 1, y1 - y0 + 1
    names_of_channels, listed = [], header["channels"]
    while listed[0]:
        name, listed = listed.split(b"\0", 1)
        names_of_channels.append(name.decode())
        assert int.from_bytes(listed[:4], "little") == 2, "float32"
        listed = listed[16:]
    line = 8 + width * 4 * len(names_of_channels)
    rows = np.frombuffer(content, np.uint8, height * line, place + 1 + 8 * height).reshape(height, line)[:, 8:]
    values = np.ascontiguousarray(rows).view("<f4").reshape(height, len(names_of_channels), width)
    return {name: values[:, index] for index, name in enumerate(names_of_channels)}


def test_the_scenes_lights_shine_on_heads_and_their_shadows_fall(lit_scene):
    render, lamp = lit_scene
    from_left, depth = render()
    head = (slice(24, 36), slice(24, 40))
    left, _, right = np.split(from_left[head], (6, 10), axis=1)
    assert left.mean() > 3 * right.mean() and left.mean() > 0.05
    # Behind the head and right of it lies its shadow.
    place, before = (slice(33, 36), slice(48, 60)), (slice(44, 48), slice(48, 60))
    shadow = from_left[place]
    assert shadow.mean() < 0.3 * from_left[before].mean()
    # The nearest point of the head is 0.055 before its middle, 0.6 before the camera.
    middle = depth[26:36, 28:36]
    assert (middle > 0.53).all() and (middle < 0.62).all(), "depth of the head, not of what is behind"
    lamp.location.x *= -1
    from_right, _ = render()
    np.testing.assert_allclose(from_right[head].mean(), from_left[head].mean(), rtol=0.2)
    assert from_right[place].mean() > 2 * shadow.mean()


def test_animated_adjustments_have_their_light_in_every_frame(blender, coarse, lit_scene):
    """The whole head, some of it, nothing of it: an animation has the proxies of still frames."""
    import bpy

    render, _ = lit_scene
    scene = bpy.context.scene
    (head,) = blender.heads.heads_of(scene)
    bpy.context.view_layer.objects.active = head
    bpy.ops.facelift.add_crop(shape="BOX")
    box = next(child for child in head.children if child.type == "EMPTY")
    height = box.location.z
    for frame, lower in ((1, 0.0), (2, 0.04), (3, 1.0)):
        box.location.z = height - lower
        box.keyframe_insert("location", frame=frame)
    scene.frame_start, scene.frame_end = 1, 3
    scene.frame_set(1)
    seen = []
    watch = lambda *_arguments: seen.append(proxy_height(blender, head))  # noqa: E731
    bpy.app.handlers.render_post.append(watch)
    try:
        _, depth = render(animation=True)
    finally:
        bpy.app.handlers.render_post.remove(watch)
    assert seen[0] == pytest.approx(0.063, abs=0.006)
    assert -0.05 < seen[1] < seen[0] - 0.02
    assert seen[2] is None
    scene.frame_set(2)
    bpy.ops.facelift.update_lighting()
    _, still = render()
    np.testing.assert_allclose(depth, still, rtol=1e-3)


def proxy_height(blender, head):
    """How high a head's proxy reaches as it is rendered; None without one."""
    proxy = proxy_of(blender, head)
    return None if proxy is None else float(vertices_of(proxy)[:, 2].max())


def test_other_colours_leave_nothing_of_it(blender, head):
    import bpy

    assert not head.visible_shadow
    bpy.context.scene.facelift.color_mode = "SCENE"
    assert proxy_of(blender, head) is None
    assert head.visible_shadow and head.visible_diffuse
    assert not [mesh for mesh in bpy.data.meshes if "proxy" in mesh.name]


def test_the_proxy_follows_edits_and_adjustments(blender, head):
    import bpy

    highest = vertices_of(proxy_of(blender, head))[:, 2].max()
    bpy.ops.facelift.add_crop(shape="BOX")
    box = next(child for child in head.children if child.type == "EMPTY")
    box.location.z -= 0.4
    bpy.context.view_layer.update()
    bpy.ops.facelift.update_lighting()
    cropped = vertices_of(proxy_of(blender, head))[:, 2].max()
    assert cropped < highest - 0.2
    assert len(head.data.points) == COUNT
    bpy.ops.facelift.remove_adjustments()
    bpy.ops.facelift.update_lighting()
    assert vertices_of(proxy_of(blender, head))[:, 2].max() == pytest.approx(highest, abs=1e-6)


def test_nothing_is_worked_out_again_without_a_change(blender, head):
    import bpy

    mesh = proxy_of(blender, head).data
    bpy.ops.facelift.update_lighting()
    assert proxy_of(blender, head).data == mesh


def test_in_a_window_lighting_comes_from_a_thread_and_goes_with_the_head(blender, coarse, monkeypatch):
    """The timers' steps, one by one."""
    import bpy

    lighting = blender.module("facelift_addon.splats.scene.lighting")
    errands = blender.module("facelift_addon.making.errands")
    proxies = blender.module("facelift_addon.splats.display.proxies")
    monkeypatch.setattr(lighting, "update", lambda scene: None)
    target = add_splats(blender, surface_gaussians(COUNT))
    bpy.context.scene.facelift.color_mode = "LIT"
    assert proxies.find(target) is None
    lighting._check()
    blender.tick_until(lambda: not errands.tick())
    proxy = proxies.find(target)
    assert proxy is not None
    name = proxy.name
    bpy.data.objects.remove(target)
    assert [orphan.name for orphan in proxies.orphans()] == [name]
    lighting._check()
    assert name not in bpy.data.objects


def test_undo_and_redo_bring_splats_and_proxy_of_their_time(blender, coarse):
    import bpy

    target = add_splats(blender, surface_gaussians(COUNT))
    name = target.name
    bpy.ops.ed.undo_push(message="head")
    bpy.context.scene.facelift.color_mode = "LIT"
    bpy.ops.ed.undo_push(message="lit")
    bpy.ops.ed.undo()
    assert bpy.context.scene.facelift.color_mode == "SCENE"
    assert proxy_of(blender, bpy.data.objects[name]) is None
    bpy.ops.ed.redo()
    assert proxy_of(blender, bpy.data.objects[name]) is not None


def test_new_heads_of_a_lit_scene_wait_for_their_light(blender, head):
    display = blender.module("facelift_addon.splats.display.display")
    late = add_splats(blender, surface_gaussians(COUNT, seed=1), "Late")
    assert display.get_option(late, display.LIT) and not late.visible_shadow


def test_splats_are_exported_without_their_normals(blender, head, tmp_path):
    """Normals are made of the splats, and are stale once these move."""
    geometry = blender.module("facelift_addon.splats.data.geometry")
    assert set(geometry.to_gaussians(head.data).extras) == {"confidence", "frame"}


def test_heads_of_files_older_than_lit_colours_learn_them(blender):
    import bpy

    display = blender.module("facelift_addon.splats.display.display")
    nodes = blender.module("facelift_addon.splats.display.nodes")
    target = add_splats(blender, surface_gaussians(COUNT), quads=True)
    modifier = display.find_display(target)
    older = modifier.node_group.copy()
    older[nodes.VERSION_KEY] = 1
    interface = older.interface
    interface.remove(next(item for item in interface.items_tree if item.name == display.LIT))
    modifier.node_group = older
    display.set_option(target, display.PHOTO_COLORS, True)
    assert not display.get_option(target, display.LIT)
    display.set_option(target, display.LIT, True)
    assert display.find_display(target).node_group != older
    assert display.get_option(target, display.LIT) and display.get_option(target, display.PHOTO_COLORS)
    bpy.context.view_layer.update()
    assert len(target.evaluated_get(bpy.context.evaluated_depsgraph_get()).evaluated_geometry().mesh.polygons) > 0


def test_while_the_viewport_draws_adjusted_splats_are_read_without_switching_modifiers(blender):
    import bpy

    lighting = blender.module("facelift_addon.splats.scene.lighting")
    target = add_splats(blender, surface_gaussians(COUNT), quads=True)
    assert len(lighting._shown(target)) == COUNT
    bpy.ops.facelift.add_crop(shape="BOX")
    next(child for child in target.children if child.type == "EMPTY").location.z -= 0.4
    bpy.context.view_layer.update()
    assert lighting._shown(target) is None, "without drawing there is no telling"
    bpy.context.scene.facelift_viewport.drawing = True
    bpy.context.scene.update_tag()
    bpy.context.view_layer.update()
    shown = lighting._shown(target)
    assert 0 < len(shown) < COUNT
    stored = {tuple(mean) for mean in surface_gaussians(COUNT).means.tolist()}
    assert {tuple(mean) for mean in shown.means.tolist()} <= stored


def test_free_view_is_lit_by_each_kind_of_lamp_and_by_the_world(blender, head):
    """A white matt surface that faces up, by Blender's definitions of watts, from a lamp 1.5 m above it."""
    import bpy

    lights = blender.module("facelift_addon.viewport.lights")
    context, distance = bpy.context, 1.5
    spread = 4 * np.pi * distance**2

    def upwards():
        context.view_layer.update()
        middle = np.array(head.matrix_world) @ [*np.mean(head.bound_box, axis=0), 1.0]
        shading = lights.shading_of(context, [middle[:3]], np.eye(4))
        return None if shading is None else shading[0, 2] + shading[0, 8]

    assert upwards() is None, "without any light colours stay as they are"
    for kind, arriving in (("POINT", 1 / spread), ("SPOT", 1 / spread), ("AREA", 4 / spread), ("SUN", 1.0)):
        lamp = bpy.data.objects.new(kind, bpy.data.lights.new(kind, kind))
        lamp.data.energy, lamp.data.color, lamp.location = 20.0, (1.0, 0.5, 0.0), (0, 0, distance)
        context.scene.collection.objects.link(lamp)
        np.testing.assert_allclose(upwards(), 20 * arriving / np.pi * np.array([1, 0.5, 0]), rtol=0.08, atol=1e-6)
        lamp.rotation_euler.x = np.pi
        if kind in ("SPOT", "AREA"):
            np.testing.assert_allclose(upwards(), 0, atol=1e-6)
        bpy.data.objects.remove(lamp)
    context.scene.world = world = bpy.data.worlds.new("World")
    if world.node_tree is None:  # Before Blender 5.
        world.use_nodes = True
    node = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    node.inputs["Color"].default_value = (0.2, 0.4, 0.6, 1.0)
    node.inputs["Strength"].default_value = 0.5
    np.testing.assert_allclose(upwards(), (0.1, 0.2, 0.3), atol=1e-4)
    context.scene.facelift.color_mode = "SCENE"
    assert upwards() is None
