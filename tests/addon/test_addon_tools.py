"""Brush, lasso and sphere through the installed extension: by coordinates, as scripts call them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

COUNT = 4000


def in_3d_view():
    """Return the 3D View of Blender's own start-up file, as a context override, and its region."""
    import bpy

    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region), area.spaces.active.region_3d, region


@pytest.fixture
def head(blender):
    """An opaque ellipsoid of splats, moved, turned and large, as Blender's start-up view looks at the origin.

    Without a window views can't be turned: only drawing works their matrices out.
    """
    import bpy

    gaussians = surface_gaussians(COUNT)
    target = add_splats(blender, gaussians.replace(opacities=np.full(COUNT, 0.9)))
    target.location, target.rotation_euler, target.scale = (0.4, -0.2, 0.1), (0, 0, 0.3), (3, 3, 3)
    bpy.context.view_layer.update()
    return target


def selection_of(blender, target):
    return blender.module("facelift_addon.editing.targets").selected(target.data)


def world_means(blender, target):
    means = blender.module("facelift_addon.splats.data.baking").stored(target).means
    matrix = np.array(target.matrix_world)
    return means @ matrix[:3, :3].T + matrix[:3, 3]


def on_screen(points):
    """Return where Blender's own function puts points of the world, in pixels of the region."""
    from bpy_extras.view3d_utils import location_3d_to_region_2d

    _, view, region = in_3d_view()
    return np.array([location_3d_to_region_2d(region, view, point) for point in points])


def front(blender, target):
    """Return the cosine of each splat's normal with the direction to the viewer."""
    import mathutils

    normals = (
        blender.module("facelift_addon.splats.data.baking").stored(target).means / np.array([0.5, 0.55, 0.65]) ** 2
    )
    normals = normals @ np.array(target.matrix_world.to_3x3())[:, :].T
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    _, view, _ = in_3d_view()
    eye = np.array(view.view_matrix.inverted() @ mathutils.Vector((0, 0, 0)))
    towards = eye - world_means(blender, target)
    return (normals * towards).sum(axis=1) / np.linalg.norm(towards, axis=1)


def path(*places):
    return [{"name": "", "loc": tuple(map(float, place)), "time": 0.0} for place in places]


def call(operator, **settings):
    import bpy

    override, _, _ = in_3d_view()
    with override:
        result = getattr(bpy.ops.facelift, operator)(**settings)
    return result


def test_a_brush_selects_what_blender_shows_near_its_path(blender, head):
    import bpy

    places = on_screen(world_means(blender, head))
    middle = on_screen([head.location])[0]
    end = middle + np.array([60, 30])
    assert call("select_brush", path=path(middle, end), radius=25, use_visible=False) == {"FINISHED"}
    assert bpy.context.mode == "EDIT_POINTCLOUD"
    along = (end - middle) / np.linalg.norm(end - middle)
    shares = np.clip((places - middle) @ along, 0, np.linalg.norm(end - middle))
    distances = np.linalg.norm(places - middle - shares[:, None] * along, axis=1)
    certain = np.abs(distances - 25) > 0.01
    np.testing.assert_array_equal(selection_of(blender, head)[certain], (distances <= 25)[certain])
    assert selection_of(blender, head).any()


def test_only_what_is_visible_unless_told_otherwise(blender, head):
    facing = front(blender, head)
    middle = on_screen([head.location])[0]
    call("select_brush", path=path(middle), radius=60)
    visible = selection_of(blender, head)
    assert visible.sum() > 20 and not visible[facing < -0.3].any()
    call("select_brush", path=path(middle), radius=60, use_visible=False)
    through = selection_of(blender, head)
    assert through[facing < -0.3].any() and (through | ~visible).all()


def test_a_lasso_selects_what_is_inside(blender, head):
    measure = pytest.importorskip("skimage.measure")
    places = on_screen(world_means(blender, head))
    middle = on_screen([head.location])[0]
    corners = middle + np.array([[-90, -20], [10, -70], [80, 60], [0, 10], [-40, 90]])
    call("select_lasso", path=path(*corners), use_visible=False)
    wanted = measure.points_in_poly(places, corners)
    assert 0.02 < wanted.mean() < 0.9
    assert (selection_of(blender, head) == wanted).mean() > 0.999


def test_a_sphere_selects_in_space(blender, head):
    points = world_means(blender, head)
    center = points[np.argmin(points[:, 1])]
    call("select_sphere", center=center, radius=0.5)
    np.testing.assert_array_equal(selection_of(blender, head), np.linalg.norm(points - center, axis=1) <= 0.5)
    assert selection_of(blender, head).any()


def test_actions_add_and_take_away(blender, head):
    middle = on_screen([head.location])[0]
    aside = np.array([50, 0])
    left, right = middle - aside, middle + aside
    call("select_brush", path=path(left), radius=30)
    first = selection_of(blender, head)
    call("select_brush", path=path(right), radius=30, action="EXTEND")
    both = selection_of(blender, head)
    assert (both | ~first).all() and both.sum() > first.sum()
    call("select_brush", path=path(left), radius=30, action="SUBTRACT")
    rest = selection_of(blender, head)
    np.testing.assert_array_equal(rest, both & ~first)
    call("select_lasso", path=path((0, 0), (2000, 0), (2000, 2000), (0, 2000)), action="INTERSECT", use_visible=False)
    np.testing.assert_array_equal(selection_of(blender, head), rest)
    call("select_brush", path=path((1.0, 1.0)), radius=3)
    assert not selection_of(blender, head).any()


def test_object_mode_forgets_an_older_selection(blender, head):
    import bpy

    middle = on_screen([head.location])[0]
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.object.mode_set(mode="OBJECT")
    call("select_brush", path=path(middle), radius=20, action="EXTEND")
    assert 0 < selection_of(blender, head).sum() < COUNT / 2


def test_several_heads_hide_nothing_of_each_other_but_are_all_selected(blender, head):
    import bpy

    other = head.copy()
    other.data = head.data.copy()
    bpy.context.collection.objects.link(other)
    other.select_set(True)
    bpy.context.view_layer.update()
    call("select_brush", path=path(on_screen([head.location])[0]), radius=40)
    assert selection_of(blender, head).sum() == selection_of(blender, other).sum() > 0


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
def test_without_a_3d_view_the_camera_decides(blender, head, kind):
    """As in a script in background mode."""
    import bpy
    from bpy_extras.object_utils import world_to_camera_view

    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    scene.camera.location, scene.camera.rotation_euler = (0.2, -9, 0.3), (1.5, 0.05, 0.02)
    scene.camera.data.type, scene.camera.data.ortho_scale, scene.camera.data.shift_x = kind, 5, 0.05
    scene.render.resolution_x, scene.render.resolution_y = 800, 600
    bpy.context.view_layer.update()
    shares = np.array([world_to_camera_view(scene, scene.camera, _vector(p)) for p in world_means(blender, head)])
    places = shares[:, :2] * (800, 600)
    middle = places.mean(axis=0)
    assert bpy.ops.facelift.select_brush(path=path(middle), radius=50, use_visible=False) == {"FINISHED"}
    distances = np.linalg.norm(places - middle, axis=1)
    certain = np.abs(distances - 50) > 0.01
    np.testing.assert_array_equal(selection_of(blender, head)[certain], (distances <= 50)[certain])


def _vector(point):
    from mathutils import Vector

    return Vector(point.tolist())


def test_missing_coordinates_and_views_are_told(blender, head):
    import bpy

    with pytest.raises(RuntimeError, match="no camera to look through"):
        bpy.ops.facelift.select_lasso(path=path((0, 0), (1, 0), (0, 1)))
    for operator in ("select_brush", "select_lasso"):
        with pytest.raises(RuntimeError, match="no path to select along"):
            call(operator)
    assert bpy.context.mode == "OBJECT"


def test_one_undo_step_brings_the_selection_and_the_mode_back(blender, head):
    import bpy

    name, scene = head.name, bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    scene.camera.location = (0, 0, 20)
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="before")
    middle = (scene.render.resolution_x / 2, scene.render.resolution_y / 2)
    bpy.ops.facelift.select_brush("EXEC_DEFAULT", True, path=path(middle), radius=80)
    assert bpy.context.mode == "EDIT_POINTCLOUD" and selection_of(blender, head).any()
    bpy.ops.ed.undo()
    assert bpy.context.mode == "OBJECT" and name in bpy.data.objects


def test_the_tools_are_in_the_toolbar_of_both_modes(blender, head):
    import bpy
    from bl_ui.space_toolsystem_toolbar import VIEW3D_PT_tools_active as toolbar

    bar = blender.module("facelift_addon.editing.tools_bar")
    for mode in bar.MODES:
        found = [tool.idname for tool in toolbar._tools_flatten(toolbar.tools_from_context(bpy.context, mode)) if tool]
        wanted = [bar.tool_id(name) for name in ("brush", "lasso", "sphere")]
        assert [name for name in found if name in wanted] == wanted, mode


def test_a_tool_stays_what_it_is_and_its_radius_follows_the_keys(blender, head):
    import bpy

    override, _, _ = in_3d_view()
    with override:
        bpy.ops.facelift.use_tool(tool="brush")
        assert bpy.context.mode == "EDIT_POINTCLOUD"
        tool = bpy.context.workspace.tools.from_space_view3d_mode(bpy.context.mode)
        assert tool.idname == "facelift.brush_tool"
        settings = tool.operator_properties("facelift.select_brush")
        settings.radius = 2
        bpy.ops.facelift.tool_radius(operator="facelift.select_brush", factor=1.15)
        assert settings.radius == 3
        bpy.ops.facelift.tool_radius(operator="facelift.select_brush", factor=1 / 1.15)
        assert settings.radius == 2
