"""The split view of photo and head: one click there, one click back, and the line where the number says."""

from __future__ import annotations

import numpy as np
import pytest

from core.cameras import Camera, front_camera
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender


@pytest.fixture
def head(blender):
    """Splats with a photo camera, whose photo is red at the left and blue at the right."""
    import bpy

    cameras = blender.module("facelift_addon.splats.scene.cameras")
    target = add_splats(blender, surface_gaussians(300))
    photo = bpy.data.images.new("photo", 64, 64)
    pixels = np.zeros((64, 64, 4), np.float32)
    pixels[:, :32, 0] = pixels[:, 32:, 2] = pixels[..., 3] = 1
    photo.pixels.foreach_set(pixels.ravel())
    camera = cameras.new_camera("photo camera")
    front = front_camera(512)
    cameras.fit(camera, Camera(512, 512, front.fx, front.fy, 240, 270, front.c2w), target, np.eye(4))
    cameras.set_background(camera, photo)
    camera[blender.heads.PHOTO_CAMERA_KEY] = True
    bpy.context.collection.objects.link(camera)
    bpy.context.view_layer.update()
    return target


def in_3d_view():
    import bpy

    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region), area.spaces.active


def test_one_click_there_and_one_back(blender, head):
    import bpy

    scene = bpy.context.scene
    own = bpy.data.objects.new("own", bpy.data.cameras.new("own"))
    scene.collection.objects.link(own)
    scene.camera, scene.render.resolution_x, scene.render.resolution_y = own, 1920, 1080
    override, space = in_3d_view()
    before = space.region_3d.view_perspective
    with override:
        assert bpy.ops.facelift.compare_photo() == {"FINISHED"}
        assert scene.facelift_split.shown and scene.camera == blender.heads.photo_camera_of(head)
        assert space.region_3d.view_perspective == "CAMERA"
        assert scene.render.resolution_x == scene.render.resolution_y
        bpy.context.view_layer.objects.active = None
        assert bpy.ops.facelift.compare_photo.poll(), "the way back is always open"
        assert bpy.ops.facelift.compare_photo() == {"FINISHED"}
    assert not scene.facelift_split.shown and scene.camera == own
    assert (scene.render.resolution_x, scene.render.resolution_y) == (1920, 1080)
    assert space.region_3d.view_perspective == before


def test_without_a_photo_it_says_so(blender):
    import bpy

    add_splats(blender, surface_gaussians(50))
    with pytest.raises(RuntimeError, match="head with a photo"):
        bpy.ops.facelift.compare_photo()


@pytest.mark.parametrize("resolution", [(1024, 1024), (1920, 1080), (600, 900)])
def test_the_photo_lies_where_the_camera_took_it(blender, head, resolution):
    """A point of the world that the photo shows at a place is shown there, at every render size."""
    import bpy
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    split = blender.module("facelift_addon.viewport.split")
    scene, camera = bpy.context.scene, blender.heads.photo_camera_of(head)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = resolution
    bpy.context.view_layer.update()
    projection = camera.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=resolution[0], y=resolution[1])
    matrix = np.array(projection @ camera.matrix_world.normalized().inverted())
    frame = split.frame_in(camera, (64, 64), matrix, resolution)
    front = front_camera(512)
    lens = Camera(512, 512, front.fx, front.fy, 240, 270, front.c2w)
    for point in ((0, 0, 0), (0.3, -0.2, 0.4), (-0.4, 0.1, -0.2)):
        (column, row), _ = (values[0] for values in lens.project(np.array([point], float)))
        share = world_to_camera_view(scene, camera, Vector(point))
        shown = np.array(share[:2]) * resolution
        expected = (frame.left + column / 512 * frame.width, frame.bottom + (1 - row / 512) * frame.height)
        np.testing.assert_allclose(shown, expected, atol=0.05)


def test_the_line_is_where_the_number_says(blender):
    frame = blender.module("facelift_addon.viewport.split").Frame(100, 50, 400, 300)
    assert frame.line(0.25) == 200
    assert frame.position(200) == 0.25
    assert frame.position(0) == 0 and frame.position(999) == 1
    corners, places = frame.part(0.25)
    assert corners == [(100, 50), (200, 50), (100, 350), (200, 350)]
    assert places == [(0, 0), (0.25, 0), (0, 1), (0.25, 1)]


def test_only_photo_cameras_have_a_photo(blender, head):
    import bpy

    split = blender.module("facelift_addon.viewport.split")
    camera = blender.heads.photo_camera_of(head)
    assert split.photo_of(camera).name == "photo"
    del camera[blender.heads.PHOTO_CAMERA_KEY]
    assert split.photo_of(camera) is None and split.photo_of(None) is None
    assert not bpy.context.scene.facelift_split.shown
