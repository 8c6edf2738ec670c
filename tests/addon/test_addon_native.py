"""Blender 5.3's own splats: heads that it draws itself, heads of older files, and what its importers bring."""

import ast
from pathlib import Path

import numpy as np
import pytest

from core.cameras import Camera
from core.rasterize import cpu
from core.rasterize.metrics import psnr
from core.splats import attributes as names
from tests.helpers.addon import HAS_BLENDER, add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

SIZE = 96
ADDON = Path(__file__).resolve().parents[2] / "facelift_addon"


def has_native():
    """Whether this Blender has splats of its own."""
    if not HAS_BLENDER:
        return False
    import bpy

    return bpy.app.version >= (5, 3)


needs_native = pytest.mark.skipif(not has_native(), reason="Blender has splats of its own from 5.3 on")


def shown(target):
    """Return the point cloud that the viewport shows of an object, and how many polygons."""
    import bpy

    bpy.context.view_layer.update()
    evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
    geometry = evaluated.evaluated_geometry()
    polygons = 0 if geometry.mesh is None else len(geometry.mesh.polygons)
    return evaluated.data, polygons


def materials_of(target):
    cloud, _ = shown(target)
    return [material.name for material in cloud.materials if material]


def way_of(blender, target):
    return blender.module("facelift_addon.splats.display.display").way_of(target)


def way(blender, name):
    return blender.module("facelift_addon.splats.display.native").Way[name]


def test_new_heads_are_native_where_blender_has_splats_of_its_own(blender):
    target = add_splats(blender, surface_gaussians(50))
    assert way_of(blender, target) is way(blender, "NATIVE" if has_native() else "QUADS")
    assert blender.module("facelift_addon.splats.display.native").is_available() == has_native()


def test_sockets_of_nodes_go_by_name():
    """Blender may put a new socket before others of a node, as 5.3 did."""
    numbered = []
    for path in sorted(ADDON.rglob("*.py")):
        for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(found, ast.Subscript) and isinstance(found.value, ast.Attribute):
                by_number = isinstance(found.slice, ast.Constant) and isinstance(found.slice.value, int)
                if found.value.attr in ("inputs", "outputs") and by_number:
                    numbered.append(f"{path.name}:{found.lineno}")
    assert not numbered


@needs_native
def test_blender_takes_new_heads_for_splats_in_the_viewport_and_nothing_of_ours_is_there(blender):
    import bpy

    gaussians = surface_gaussians(200)
    target = add_splats(blender, gaussians)
    bpy.context.scene.facelift_viewport.drawing = True
    cloud, polygons = shown(target)
    assert polygons == 0 and cloud.type == target.data.type == "GAUSSIAN_SPLAT"
    places = np.empty((200, 3), np.float32)
    cloud.attributes["position"].data.foreach_get("vector", places.ravel())
    np.testing.assert_array_equal(places, gaussians.means)
    clouds = blender.module("facelift_addon.viewport.clouds")
    assert clouds.Clouds().get(target, cloud) is None


@needs_native
def test_adjustments_reach_what_blender_draws_and_what_is_read(blender):
    import bpy

    gaussians = surface_gaussians(900).replace(opacities=np.linspace(0.5, 1, 900))
    target = add_splats(blender, gaussians)
    adjustments = blender.module("facelift_addon.editing.adjustments")
    nodes = blender.module("facelift_addon.editing.adjustments_nodes")
    adjustments.ensure(target)[nodes.MIN_OPACITY] = 0.8
    left = blender.module("facelift_addon.splats.data.baking").evaluated(bpy.context, target)
    cloud, polygons = shown(target)
    assert 0 < len(left) == len(cloud.points) < 400 and polygons == 0 and cloud.type == "GAUSSIAN_SPLAT"
    assert len(blender.module("facelift_addon.splats.scene.lighting")._shown(target)) == len(left)


@needs_native
@pytest.mark.parametrize("mode", ["SCENE", "PHOTO", "LIT"])
def test_each_colour_mode_has_its_material(blender, mode):
    import bpy

    target = add_splats(blender, surface_gaussians(400))
    bpy.context.scene.facelift.color_mode = mode
    materials = materials_of(target)
    assert materials == {"SCENE": [], "PHOTO": ["FaceLift Native Photo"], "LIT": ["FaceLift Native Lit"]}[mode]
    # EEVEE shows nothing of splats whose material is blended.
    assert all(bpy.data.materials[name].surface_render_method == "DITHERED" for name in materials)


@needs_native
def test_renders_are_blurred_by_a_pixel_as_the_rasterizer_does(blender, tmp_path):
    """In both colour modes, far closer to the rasterizer than Blender's splats are as they come."""
    gaussians = surface_gaussians(6000)
    target = add_splats(blender, gaussians)
    camera = Camera.orbit(240, 15, size=SIZE)
    expected = np.clip(cpu.render(gaussians, camera).image, 0, 1).astype(float)
    photo = render(blender, target, camera, tmp_path, "PHOTO")
    assert psnr(photo, expected) > 28
    assert psnr(render(blender, target, camera, tmp_path, "SCENE"), expected) > 26
    exact = render(blender, target, camera, tmp_path, "PHOTO", exact=True, samples=1)
    assert psnr(exact, expected) > 40


@needs_native
def test_the_blur_follows_scale_and_distance_of_the_object(blender, tmp_path):
    """A head ten times as large and as far away gives the same picture."""
    import bpy

    target = add_splats(blender, surface_gaussians(6000))
    near = render(blender, target, Camera.orbit(240, 15, size=SIZE), tmp_path, "PHOTO")
    target.scale = (10, 10, 10)
    bpy.context.view_layer.update()
    # The view moves with the head, and is as much larger.
    far = render(blender, target, Camera.orbit(240, 15, size=SIZE), tmp_path, "PHOTO")
    assert psnr(far, near) > 30


def render(blender, target, view, folder, mode, exact=False, samples=32):
    """Render a head through a camera of the engine's frame; return pixels 0..1."""
    import bpy

    from tests.tools.demo import pictures

    display = blender.module("facelift_addon.splats.display.display")
    rendering = blender.module("facelift_addon.splats.scene.rendering")
    cameras = blender.module("facelift_addon.splats.scene.cameras")
    camera = cameras.new_camera("view")
    with pictures.studio(target, samples) as scene:
        cameras.fit(camera, view, target, np.eye(4))
        display.set_option(target, display.EXACT, exact)
        display.set_option(target, display.PHOTO_COLORS, mode == "PHOTO")
        rendering.apply(scene, mode)
        path = pictures._render(scene, camera, view, folder / f"{mode}.png")
    bpy.data.cameras.remove(camera.data)
    return pictures.load_pixels(path) / 255


@needs_native
def test_exact_renders_are_the_scenes_choice_and_say_what_they_need(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(50))
    scene = bpy.context.scene
    display = blender.module("facelift_addon.splats.display.display")
    rendering = blender.module("facelift_addon.splats.scene.rendering")

    def bounces():
        return any("bounces" in change.path for change in rendering.proposed_changes(scene, "SCENE"))

    assert not display.get_option(target, display.EXACT) and not bounces()
    scene.facelift.exact_renders = True
    assert display.get_option(target, display.EXACT) and bounces()
    assert shown(target)[1] == 0, "the viewport stays as it is"
    late = add_splats(blender, surface_gaussians(50), "Late")
    assert display.get_option(late, display.EXACT)


@needs_native
def test_a_turntable_is_exact_and_gives_the_choice_back(blender):
    import bpy

    add_splats(blender, surface_gaussians(50))
    settings = bpy.context.scene.facelift
    bpy.ops.facelift.set_up_turntable()
    assert settings.exact_renders
    bpy.ops.facelift.remove_turntable()
    assert not settings.exact_renders
    bpy.ops.facelift.set_up_turntable(use_exact=False)
    assert not settings.exact_renders


@needs_native
def test_heads_of_older_files_stay_as_they_are_until_they_are_made_native(blender):
    import bpy

    display = blender.module("facelift_addon.splats.display.display")
    target = add_splats(blender, surface_gaussians(400), quads=True)
    bpy.context.scene.facelift.color_mode = "PHOTO"
    assert way_of(blender, target) is way(blender, "QUADS") and target.data.type == "POINTS"
    assert shown(target)[1] > 0
    bpy.context.scene.facelift_viewport.drawing = True
    bpy.context.scene.update_tag()
    clouds = blender.module("facelift_addon.viewport.clouds")
    assert len(clouds.Clouds().get(target, shown(target)[0])) == 400
    bpy.ops.facelift.make_native()
    assert way_of(blender, target) is way(blender, "NATIVE")
    assert display.get_option(target, display.PHOTO_COLORS)
    assert shown(target)[0].type == "GAUSSIAN_SPLAT"
    assert not bpy.ops.facelift.make_native.poll()


@needs_native
def test_a_head_that_an_older_blender_saved_is_shown_and_can_be_made_native_again(blender, monkeypatch):
    """Older Blenders know neither the type nor the node, and save nodes of no kind instead: here of another."""
    import bpy

    target = add_splats(blender, surface_gaussians(100))
    tree = target.modifiers[0].node_group
    for node in [node for node in tree.nodes if node.bl_idname == "GeometryNodePointsSetType"]:
        tree.nodes.remove(node)
        tree.nodes.new("GeometryNodeViewer")
    monkeypatch.setattr(blender.module("facelift_addon.splats.display.nodes"), "UNDEFINED", "GeometryNodeViewer")
    target.data.type = "POINTS"
    assert way_of(blender, target) is way(blender, "QUADS")
    assert shown(target)[1] > 0
    bpy.ops.facelift.make_native()
    assert way_of(blender, target) is way(blender, "NATIVE") and target.modifiers[0].node_group != tree


@needs_native
@pytest.mark.parametrize("suffix", [".ply", ".spz", ".glb"])
def test_what_blenders_own_importers_bring_is_a_head_of_ours(blender, tmp_path, suffix):
    import bpy

    from core import formats

    gaussians = surface_gaussians(300)
    path = tmp_path / f"splats{suffix}"
    formats.save(gaussians, path)
    importers = {".ply": bpy.ops.wm.ply_import, ".spz": bpy.ops.wm.spz_import, ".glb": bpy.ops.import_scene.gltf}
    importers[suffix](filepath=str(path))
    target = next(found for found in bpy.context.scene.objects if found.type == "POINTCLOUD")
    assert target.data.type == "GAUSSIAN_SPLAT" and not target.modifiers
    assert blender.heads.is_head(target) and target in list(blender.heads.heads_of(bpy.context.scene))
    bpy.context.view_layer.objects.active = target
    assert blender.module("facelift_addon.interface.head_panels").FACELIFT_PT_head.poll(bpy.context)
    bpy.context.scene.facelift.color_mode = "PHOTO"
    assert materials_of(target) == ["FaceLift Native Photo"]
    found = blender.module("facelift_addon.splats.data.baking").evaluated(bpy.context, target)
    assert len(found) == 300
    if suffix != ".spz":  # which has no place for parts
        order = [np.lexsort(np.round(colors, 4).T) for colors in (found.colors, gaussians.colors)]
        np.testing.assert_array_equal(found.parts[order[0]], gaussians.parts[order[1]])
        bpy.ops.facelift.add_adjustments()
        assert target.data.attributes[names.PART].data_type == "INT8"
        assert "_PART" not in target.data.attributes


def test_apply_and_export_menus_offer_our_tools_first(blender):
    """Blender's own move positions only, and leave splats out."""
    import bpy

    # Sequences stand above the sentence about splats that the formats below leave out.
    entries = {
        "VIEW3D_MT_object_apply": ["_draw_in_apply_menu"],
        "TOPBAR_MT_file_export": ["_draw_export", "draw_export"],
    }
    for name, ours in entries.items():
        first = getattr(bpy.types, name)._dyn_ui_initialize()[: len(ours)]
        assert [function.__name__ for function in first] == ours


def test_splats_are_transformed_by_a_node_as_gaussians_are(blender):
    """By one of ours, in people's own Geometry Nodes: Blender's Transform Geometry leaves sizes as they are."""
    import bpy
    from mathutils import Euler, Matrix

    gaussians = surface_gaussians(200)
    target = add_splats(blender, gaussians)
    modifier = target.modifiers.new("Transform", "NODES")
    modifier.node_group = blender.module("facelift_addon.editing.transform_nodes").transform_group()
    target.modifiers.move(1, 0)
    inputs = blender.module("facelift_addon.splats.display.modifier_inputs").ModifierInputs(
        target.modifiers["Transform"]
    )
    baking = blender.module("facelift_addon.splats.data.baking")
    assert tuple(inputs["Scale"]) == (1, 1, 1)
    place, angles, scale = (0.1, -0.2, 0.3), (0.5, -0.4, 1.2), (1.5, 0.5, 0.8)
    inputs["Translation"], inputs["Rotation"], inputs["Scale"] = place, angles, scale
    expected = gaussians.transform(np.array(Matrix.LocRotScale(place, Euler(angles), scale)))
    found = baking.evaluated(bpy.context, target)
    np.testing.assert_allclose(found.means, expected.means, atol=1e-5)
    np.testing.assert_allclose(found.covariances(), expected.covariances(), atol=1e-7)
