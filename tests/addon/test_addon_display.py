"""What is seen: Cycles against the reference rasterizer, viewport elements, cameras, render settings."""

import numpy as np
import pytest

from core.cameras import Camera, front_camera, six_view_rig
from core.rasterize import cpu
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

SIZE = 160


def psnr(actual, expected):
    return -10 * np.log10(np.mean((actual - np.clip(expected, 0, 1)) ** 2))


def rendered(blender, target, camera, path):
    """Render through a camera of the world; return pixels 0..1."""
    from tests.tools.demo import pictures

    (file,) = pictures.render_views(target, [camera], path, SIZE)
    return pictures.load_pixels(file) / 255


@pytest.mark.parametrize("sh_degree", [0, 2])
def test_cycles_matches_the_reference_rasterizer(blender, tmp_path, sh_degree):
    gaussians = surface_gaussians(6000, sh_degree)
    target = add_splats(blender, gaussians)
    camera = Camera.orbit(240, 15, size=SIZE)
    assert psnr(rendered(blender, target, camera, tmp_path), cpu.render(gaussians, camera).image) > 40


def test_stretched_and_mirrored_objects_render_as_transformed_gaussians(blender, tmp_path):
    import bpy

    gaussians = surface_gaussians(6000)
    target = add_splats(blender, gaussians)
    target.rotation_euler, target.scale = (0.2, 0.4, -0.3), (0.6, -1.1, 0.9)
    bpy.context.view_layer.update()
    world = np.array(target.matrix_world)
    from tests.tools.demo import pictures

    cameras = blender.module("facelift_addon.splats.scene.cameras")
    view = Camera.orbit(240, 15, size=SIZE)
    camera = cameras.new_camera("view")
    anchor = bpy.data.objects.new("anchor", None)
    bpy.context.scene.collection.objects.link(anchor)
    bpy.context.scene.collection.objects.link(camera)
    cameras.fit(camera, view, anchor, np.eye(4))
    camera.parent = None
    with pictures.studio(target) as scene:
        pictures._render(scene, camera, view, tmp_path / "view.png")
    image = pictures.load_pixels(tmp_path / "view.png") / 255
    assert psnr(image, cpu.render(gaussians.transform(world), view).image) > 40


def test_splats_in_one_plane_are_all_blended(blender, tmp_path):
    """Cycles sees only the first of several surfaces at one depth."""
    camera = Camera.orbit(270, size=SIZE)
    gaussians = surface_gaussians(40)
    means = np.random.default_rng(0).uniform(-0.02, 0.02, (40, 3)) * (1, 0, 1)
    scales = np.full((40, 3), 0.05)
    gaussians = gaussians.replace(means=means, scales=scales, opacities=np.full(40, 0.05))
    target = add_splats(blender, gaussians)
    assert psnr(rendered(blender, target, camera, tmp_path), cpu.render(gaussians, camera).image) > 40


def test_the_viewport_shows_one_coloured_element_a_splat(blender):
    import bpy

    gaussians = surface_gaussians(300)
    target = add_splats(blender, gaussians, quads=True)
    evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get()).evaluated_geometry()
    mesh = evaluated.mesh
    assert len(mesh.polygons) == (gaussians.opacities > 0.3).sum()
    assert mesh.color_attributes.active_color.name == "Col"
    assert [material.name for material in mesh.materials if material] == ["FaceLift Viewport"]
    centers = np.empty(len(mesh.polygons) * 3, np.float32)
    mesh.polygons.foreach_get("center", centers)
    np.testing.assert_allclose(centers.reshape(-1, 3), gaussians.means[gaussians.opacities > 0.3], atol=1e-5)


def test_camera_mode_shows_sorted_quads_in_the_viewport(blender):
    import bpy

    gaussians = surface_gaussians(300)
    target = add_splats(blender, gaussians, quads=True)
    camera = blender.module("facelift_addon.splats.scene.cameras").new_camera("view")
    bpy.context.scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (0, -3, 0), (np.pi / 2, 0, 0)
    bpy.context.scene.camera = camera
    bpy.ops.facelift.viewport_display(mode="CAMERA")
    evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get()).evaluated_geometry()
    mesh = evaluated.mesh
    centers = np.empty(len(mesh.polygons) * 3, np.float32)
    mesh.polygons.foreach_get("center", centers)
    depths = centers.reshape(-1, 3)[:, 1] + 3
    assert len(depths) == len(gaussians)
    assert (np.diff(depths) < 1e-5).all(), "quads are drawn far to near"


def test_node_groups_and_materials_are_shared(blender):
    import bpy

    add_splats(blender, surface_gaussians(10), "One")
    counts = len(bpy.data.node_groups), len(bpy.data.materials), len(bpy.data.meshes)
    add_splats(blender, surface_gaussians(10), "Two")
    assert (len(bpy.data.node_groups), len(bpy.data.materials), len(bpy.data.meshes)) == counts


def test_six_cameras_see_what_the_rig_sees(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(10))
    bpy.ops.facelift.add_six_views()
    bpy.context.view_layer.update()
    made = sorted((child for child in target.children if child.type == "CAMERA"), key=lambda child: child.name)
    assert len(made) == 6
    actual = np.array([np.array(camera.matrix_world) for camera in made])
    expected = np.array([camera.blender_matrix() for camera in six_view_rig()])
    order, wanted = (np.lexsort(np.round(array[:, :2, 3], 3).T) for array in (actual, expected))
    np.testing.assert_allclose(actual[order], expected[wanted], atol=1e-5)
    lens = front_camera().fx / front_camera().width * 36
    assert all(camera.data.lens == pytest.approx(lens, rel=1e-5) for camera in made)


@pytest.mark.parametrize(("mode", "transform"), [("PHOTO", "Raw"), ("SCENE", "Standard")])
def test_render_settings_are_set_and_put_back(blender, mode, transform):
    import bpy

    add_splats(blender, surface_gaussians(10), quads=True)
    scene = bpy.context.scene
    scene.facelift.color_mode = mode
    before = (
        scene.view_settings.view_transform,
        scene.cycles.transparent_max_bounces,
        scene.cycles.min_transparent_bounces,
    )
    bpy.ops.facelift.apply_render_settings()
    assert scene.view_settings.view_transform == transform
    assert scene.cycles.transparent_max_bounces == 512 == scene.cycles.min_transparent_bounces
    assert not bpy.ops.facelift.apply_render_settings.poll()
    bpy.ops.facelift.restore_render_settings()
    after = (
        scene.view_settings.view_transform,
        scene.cycles.transparent_max_bounces,
        scene.cycles.min_transparent_bounces,
    )
    assert after == before
    assert not bpy.ops.facelift.restore_render_settings.poll()


def test_colour_mode_reaches_every_head_of_the_scene(blender):
    import bpy

    display = blender.module("facelift_addon.splats.display.display")
    targets = [add_splats(blender, surface_gaussians(10), name) for name in ("One", "Two")]
    bpy.context.scene.facelift.color_mode = "PHOTO"
    assert all(display.get_option(target, display.PHOTO_COLORS) for target in targets)
    late = add_splats(blender, surface_gaussians(10), "Late")
    assert display.get_option(late, display.PHOTO_COLORS)


def test_panels_and_operators_explain_themselves(blender):
    """Every operator has a tooltip, and says why it can't run."""
    import bpy

    found = [name for name in dir(bpy.ops.facelift) if not name.startswith("_")]
    assert len(found) >= 18
    for name in found:
        description = getattr(bpy.ops.facelift, name).get_rna_type().description
        assert description and not description.endswith("."), name
