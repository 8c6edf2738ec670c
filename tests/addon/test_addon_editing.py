"""The editing tools through the installed extension: objects, Edit Mode, undo, the Adjustments modifier."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from core.cameras import Camera, front_camera
from core.colors import to_linear
from core.editing import adjustments as reference
from core.editing.grading import Grade
from core.rasterize import render
from core.rasterize.metrics import psnr
from core.splats import attributes as names
from core.splats.parts import Part
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.drawn import Layout

pytestmark = needs_blender

FIELDS = ("means", "scales", "rotations", "opacities", "sh", "parts")


def gaussians_of(blender, target):
    return blender.module("facelift_addon.splats.data.baking").stored(target)


def evaluated(blender, target):
    import bpy

    return blender.module("facelift_addon.splats.data.baking").evaluated(bpy.context, target)


def inputs_of(blender, target):
    return blender.module("facelift_addon.editing.adjustments").ensure(target)


def assert_same(a, b, atol=1e-6, fields=FIELDS):
    assert len(a) == len(b)
    for name in fields:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=atol, err_msg=name)


def world_render(blender, target, size=96):
    """What a camera of the scene sees of the object's own splats, transform included."""
    world = gaussians_of(blender, target).transform(np.array(target.matrix_world, np.float64))
    return render(world, front_camera(size)).image


def enter_edit_mode(target, mask):
    import bpy

    bpy.ops.object.mode_set(mode="EDIT")
    attribute = target.data.attributes.get(".selection") or target.data.attributes.new(".selection", "BOOLEAN", "POINT")
    attribute.data.foreach_set("value", np.ascontiguousarray(mask, bool))


def selection_of(blender, target):
    return blender.module("facelift_addon.editing.targets").selected(target.data)


def test_every_tool_has_a_tooltip_and_a_sentence_for_its_absence(blender):
    import bpy

    bpy.context.view_layer.update()
    for cls in blender.module("facelift_addon.editing").CLASSES:
        if issubclass(cls, bpy.types.Operator) and "INTERNAL" not in cls.bl_options:
            operator = getattr(bpy.ops.facelift, cls.bl_idname.split(".")[1])
            assert operator.get_rna_type().description, cls
            assert "UNDO" in cls.bl_options, cls
            with pytest.raises(RuntimeError, match=r"Select|Leave Edit Mode|Enter Edit Mode|Open a|have no|were not"):
                operator()


def test_every_tool_is_in_the_tab_and_in_the_menus(blender):
    """But for selecting by hand, which is in the toolbar, what shows up with the modifier, and the node editor's."""
    import bpy

    target = add_splats(blender, surface_gaussians(50))
    editing = blender.module("facelift_addon.editing")
    elsewhere = {cls.bl_idname for cls in editing.tools_select.CLASSES}
    elsewhere |= {f"facelift.{name}_adjustments" for name in ("apply", "remove")}
    elsewhere |= {"facelift.add_crop", "facelift.add_transform_node"}
    operators = [cls for cls in editing.CLASSES if issubclass(cls, bpy.types.Operator)]
    tools = {cls.bl_idname for cls in operators if "INTERNAL" not in cls.bl_options} - elsewhere
    shown = {}
    for place in (editing.panels, editing.menus):
        noted = []
        for cls in place.CLASSES:
            for mode in ("OBJECT", "EDIT_POINTCLOUD"):
                context = SimpleNamespace(mode=mode, active_object=target, workspace=None, objects_in_mode=[target])
                context.selected_objects = context.objects_in_mode
                if issubclass(cls, bpy.types.Menu) or cls.poll(context):
                    cls.draw(SimpleNamespace(layout=Layout(noted)), context)
        shown[place.__name__.rpartition(".")[2]] = {entry[1] for entry in noted if entry[0].startswith("operator")}
    assert len(tools) > 15
    for place, seen in shown.items():
        assert tools <= seen, f"a tool is missing in {place}.py"


def test_tools_work_on_plain_point_clouds_without_our_extras(blender):
    """Splats of another origin: no part, no display colour, no radius, no identity of ours."""
    import bpy

    geometry = blender.module("facelift_addon.splats.data.geometry")
    gaussians = surface_gaussians(300)
    cloud = geometry.from_gaussians("foreign", gaussians)
    for name in (names.PART, names.COLOR, names.RADIUS):
        cloud.attributes.remove(cloud.attributes[name])
    target = bpy.data.objects.new("foreign", cloud)
    bpy.context.collection.objects.link(target)
    bpy.context.view_layer.objects.active = target
    for operator, settings in (
        (bpy.ops.facelift.symmetrize, {}),
        (bpy.ops.facelift.reduce_density, {"density": 0.5}),
        (bpy.ops.facelift.clean_floaters, {}),
        (bpy.ops.facelift.paint_color, {}),
        (bpy.ops.facelift.apply_transform, {}),
        (bpy.ops.facelift.add_adjustments, {}),
        (bpy.ops.facelift.apply_adjustments, {}),
        (bpy.ops.facelift.assign_part, {"part": "HAIR"}),
        (bpy.ops.facelift.reset_to_original, {}),
    ):
        assert operator(**settings) == {"FINISHED"}, operator
    assert_same(gaussians_of(blender, target), gaussians.replace(parts=np.zeros(300)))


@pytest.fixture
def foreign(blender, tmp_path):
    """Splats of another program's file, through the importer: a ball of radius 5, no parts."""
    import bpy
    from plyfile import PlyData, PlyElement

    random = np.random.default_rng(0)
    names_of_file = ["x", "y", "z", "opacity", *(f"{kind}_{axis}" for kind in ("f_dc", "scale") for axis in range(3))]
    rows = np.zeros(800, [(name, "f4") for name in (*names_of_file, *(f"rot_{axis}" for axis in range(4)))])
    places = random.normal(size=(800, 3))
    for name, values in zip("xyz", (places / np.linalg.norm(places, axis=1, keepdims=True) * 5).T, strict=True):
        rows[name] = values
    for axis in range(3):
        rows[f"f_dc_{axis}"], rows[f"scale_{axis}"] = random.normal(size=800), -2
    rows["opacity"], rows["rot_0"] = 2, 1
    PlyData([PlyElement.describe(rows, "vertex")]).write(tmp_path / "foreign.ply")
    bpy.ops.facelift.import_splats(filepath=str(tmp_path / "foreign.ply"))
    bpy.context.view_layer.update()
    return bpy.context.active_object


def test_every_tool_works_on_the_file_of_another_program_or_says_why_not(blender, foreign):
    import bpy

    tools = bpy.ops.facelift
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    scene.camera.location = (0, 0, 40)
    bpy.context.view_layer.update()
    for operator, settings in (
        (tools.symmetrize, {}),
        (tools.clean_floaters, {}),
        (tools.paint_color, {}),
        (tools.grade_color, {"exposure": 1}),
        (tools.apply_transform, {}),
        (tools.set_origin, {"place": "BOTTOM"}),
        (tools.select_color, {}),
        (tools.select_size, {}),
        (tools.select_opacity, {}),
        (tools.select_visible, {}),
        (tools.grow_selection, {}),
        (tools.shrink_selection, {}),
        (tools.assign_part, {"part": "HAIR"}),
        (bpy.ops.object.mode_set, {"mode": "OBJECT"}),
        (tools.separate_part, {"part": "HAIR"}),
        (tools.join_splats, {}),
        (tools.reduce_density, {}),
        (tools.add_crop, {"shape": "BOX"}),
        (tools.apply_adjustments, {}),
        (tools.set_up_turntable, {}),
        (tools.remove_turntable, {}),
        (tools.reset_to_original, {}),
    ):
        assert operator(**settings) == {"FINISHED"}, operator
        for target in scene.objects:
            if operator == tools.separate_part and target.type == "POINTCLOUD":
                target.select_set(True)
    for operator, settings, words in (
        (tools.scale_from_eyes, {}, "select the splats of both eyes"),
        (tools.clean_floaters, {"use_silhouette": True}, "no photo with a silhouette"),
        (tools.delete_part, {"part": "SKIN", "keep": True}, "Nothing of .* would be left"),
    ):
        with pytest.raises(RuntimeError, match=words):
            operator(**settings)


def test_tools_say_that_nothing_is_selected(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(300))
    before = gaussians_of(blender, target)
    tools = bpy.ops.facelift
    enter_edit_mode(target, np.zeros(300, bool))
    for operator in (
        tools.symmetrize,
        tools.clean_floaters,
        tools.reduce_density,
        tools.delete_part,
        tools.assign_part,
        tools.paint_color,
        tools.grade_color,
        tools.grow_selection,
        tools.shrink_selection,
    ):
        with pytest.raises(RuntimeError, match="No splats are selected"):
            operator()
    assert_same(gaussians_of(blender, target), before, atol=0)


def test_floaters_go_and_the_head_stays(blender):
    import bpy

    gaussians = surface_gaussians(3000)
    means = gaussians.means.copy()
    means[:5] = np.array([3, 0, 0]) + np.arange(15).reshape(5, 3)
    target = add_splats(blender, gaussians.replace(means=means))
    before = gaussians_of(blender, target)
    assert bpy.ops.facelift.clean_floaters() == {"FINISHED"}
    assert_same(gaussians_of(blender, target), before.select(np.arange(5, 3000)))
    np.testing.assert_array_equal(gaussians_of(blender, target).extras["frame"], before.extras["frame"][5:])


def test_attributes_of_every_type_follow_their_points(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(200))
    columns = blender.module("facelift_addon.splats.data.columns")
    attribute_types = bpy.types.Attribute.bl_rna.properties["data_type"].enum_items.keys()
    expected = {}
    for kind in set(columns.KINDS) & set(attribute_types):
        field, width, dtype = vars(columns.KINDS[kind]).values()
        attribute = target.data.attributes.new(f"my {kind}", kind, "POINT")
        # Whole numbers that bytes, flags and unit values hold as well.
        values = (np.arange(200 * width) // width % 2).astype(dtype)
        attribute.data.foreach_set(field, values)
        expected[attribute.name] = (field, width, dtype)
    keeps = gaussians_of(blender, target).parts != Part.HAIR
    bpy.ops.facelift.delete_part(part="HAIR")
    for name, (field, width, dtype) in expected.items():
        values = np.empty(keeps.sum() * width, dtype)
        target.data.attributes[name].data.foreach_get(field, values)
        wanted = np.repeat((np.arange(200) % 2)[keeps], width)
        np.testing.assert_array_equal(values, wanted.astype(dtype), err_msg=name)
    assert len(expected) >= 11


def test_edit_mode_selection_limits_what_is_deleted(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(400))
    before = gaussians_of(blender, target)
    mask = np.arange(400) % 2 == 0
    enter_edit_mode(target, mask)
    assert bpy.ops.facelift.delete_part(part="HAIR") == {"FINISHED"}
    assert target.mode == "EDIT"
    stays = ~(mask & (before.parts == Part.HAIR))
    assert_same(gaussians_of(blender, target), before.select(stays))
    np.testing.assert_array_equal(selection_of(blender, target), mask[stays])
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(target.data.points) == stays.sum()


def test_nothing_left_is_refused_and_changes_nothing(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(50).replace(parts=np.full(50, Part.SKIN)))
    with pytest.raises(RuntimeError, match="Nothing of"):
        bpy.ops.facelift.delete_part(part="SKIN")
    assert len(target.data.points) == 50


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT"])
def test_one_undo_brings_back_what_a_tool_removed(blender, mode):
    import bpy

    target = add_splats(blender, surface_gaussians(400))
    name, before = target.name, gaussians_of(blender, target)
    bpy.ops.object.mode_set(mode=mode)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.facelift.reduce_density("EXEC_DEFAULT", True, density=0.3)
    assert len(bpy.data.objects[name].data.points) < 300
    bpy.ops.ed.undo()
    assert_same(gaussians_of(blender, bpy.data.objects[name]), before)
    assert bpy.data.objects[name].mode == mode


def test_selecting_enters_edit_mode_and_combines(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(500))
    gaussians = gaussians_of(blender, target)
    bpy.ops.facelift.select_part(part="HAIR")
    assert target.mode == "EDIT"
    hair = gaussians.parts == Part.HAIR
    np.testing.assert_array_equal(selection_of(blender, target), hair)
    bpy.ops.facelift.select_part(part="SKIN", action="EXTEND")
    both = hair | (gaussians.parts == Part.SKIN)
    np.testing.assert_array_equal(selection_of(blender, target), both)
    bpy.ops.facelift.select_opacity(high=0.5, action="SUBTRACT")
    left = both & (gaussians.opacities > 0.5)
    np.testing.assert_array_equal(selection_of(blender, target), left)
    bpy.ops.facelift.select_size(low=1.0, action="INTERSECT")
    assert 0 < selection_of(blender, target).sum() < left.sum()
    bpy.ops.facelift.select_color(color=gaussians.colors[7].clip(0, 1).tolist(), tolerance=1.0)
    assert selection_of(blender, target)[7]


def test_blenders_own_deletion_obeys_our_selection(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(500))
    hair = int((gaussians_of(blender, target).parts == Part.HAIR).sum())
    bpy.ops.facelift.select_part(part="HAIR")
    bpy.ops.pointcloud.delete()
    assert len(target.data.points) == 500 - hair
    assert not (gaussians_of(blender, target).parts == Part.HAIR).any()


def test_growing_and_shrinking_move_the_border(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(2000))
    means = gaussians_of(blender, target).means
    enter_edit_mode(target, means[:, 2] > 0)
    bpy.ops.facelift.grow_selection(distance=0.05)
    grown = selection_of(blender, target)
    assert 0 > means[grown, 2].min() >= -0.05
    bpy.ops.facelift.shrink_selection(distance=0.1)
    shrunk = selection_of(blender, target)
    assert shrunk.sum() < (means[:, 2] > 0).sum() < grown.sum()


def test_visible_splats_are_those_on_the_cameras_side(blender):
    import bpy

    gaussians = surface_gaussians(4000)
    target = add_splats(blender, gaussians.replace(opacities=np.full(4000, 0.95), scales=gaussians.scales * 1.5))
    cameras = blender.module("facelift_addon.splats.scene.cameras")
    target.location, target.scale = (3, 1, 2), (0.2,) * 3
    camera = cameras.new_camera("front")
    bpy.context.collection.objects.link(camera)
    cameras.fit(camera, front_camera(), target, np.eye(4))
    bpy.context.scene.camera = camera
    bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 512
    bpy.context.view_layer.update()
    assert bpy.ops.facelift.select_visible(view="CAMERA") == {"FINISHED"}
    mask, depth = selection_of(blender, target), gaussians_of(blender, target).means[:, 1]
    assert mask[depth < -0.25].mean() > 0.95
    assert mask[depth > 0.1].mean() < 0.02


def test_silhouette_of_the_photo_deletes_what_leaves_it(blender):
    import bpy

    gaussians = surface_gaussians(2000)
    target = add_splats(blender, gaussians)
    cameras = blender.module("facelift_addon.splats.scene.cameras")
    camera = cameras.new_camera("photo")
    camera[blender.heads.PHOTO_CAMERA_KEY] = True
    bpy.context.collection.objects.link(camera)
    cameras.fit(camera, front_camera(128), target, np.eye(4))
    bpy.context.view_layer.update()
    settings = {"use_lonely": False, "use_islands": False, "use_silhouette": True, "margin": 1}
    with pytest.raises(RuntimeError, match="no photo"):
        bpy.ops.facelift.clean_floaters(**settings)
    image = bpy.data.images.new("photo", 128, 128, alpha=True)
    pixels = np.zeros((128, 128, 4), np.float32)
    pixels[:64, :, 3] = 1  # Rows begin at the bottom: the person's lower half.
    image.pixels.foreach_set(pixels.ravel())
    cameras.set_background(camera, image)
    bpy.ops.facelift.clean_floaters(**settings)
    left = gaussians_of(blender, target).means
    unit = 2.7 / front_camera(128).fx
    assert left[:, 2].max() <= 2.5 * unit
    assert len(left) >= (gaussians.means[:, 2] < 0).sum()


def test_symmetrized_heads_are_symmetric_and_keep_their_columns(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(800, 2))
    before = gaussians_of(blender, target)
    bpy.ops.facelift.symmetrize(direction="POSITIVE_X")
    after = gaussians_of(blender, target)
    assert len(after) == 2 * (before.means[:, 0] > 0).sum()
    image = render(after, front_camera(96)).image
    assert psnr(image, image[:, ::-1]) > 50
    half = len(after) // 2
    np.testing.assert_array_equal(after.extras["frame"][:half], after.extras["frame"][half:])


def test_parts_are_assigned_painted_and_graded_only_where_selected(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(300, 1))
    before = gaussians_of(blender, target)
    mask = np.arange(300) < 100
    enter_edit_mode(target, mask)
    bpy.ops.facelift.assign_part(part="HAIR")
    np.testing.assert_array_equal(gaussians_of(blender, target).parts[:100], Part.HAIR)
    np.testing.assert_array_equal(gaussians_of(blender, target).parts[100:], before.parts[100:])
    bpy.ops.facelift.paint_color(part="HAIR", color=(1, 0, 0), keep_shading=False)
    bpy.ops.facelift.grade_color(part="ALL", exposure=-1)
    after = gaussians_of(blender, target)
    np.testing.assert_allclose(after.colors[:100, 0], 0.7354, atol=1e-3)
    np.testing.assert_array_equal(after.sh[100:], before.sh[100:])
    shown = np.empty(300 * 4, np.float32)
    target.data.attributes[names.COLOR].data.foreach_get("color", shown)
    np.testing.assert_allclose(shown.reshape(-1, 4)[:100, 0], 0.5, atol=1e-3)


@pytest.mark.parametrize("scale", [(2, 2, 2), (0.3, 1.5, 0.8), (-1, 1, 1)])
def test_applied_transforms_change_nothing_that_is_seen(blender, scale):
    import bpy
    from mathutils import Euler

    target = add_splats(blender, surface_gaussians(600, 2))
    target.location, target.rotation_euler, target.scale = (0.1, 0.2, -0.1), Euler((0.4, -0.3, 0.9)), scale
    camera = blender.module("facelift_addon.splats.scene.cameras").new_camera("child")
    bpy.context.collection.objects.link(camera)
    camera.parent = target
    bpy.context.view_layer.update()
    before, child = world_render(blender, target), np.array(camera.matrix_world)
    bpy.ops.facelift.apply_transform()
    bpy.context.view_layer.update()
    np.testing.assert_allclose(np.array(target.matrix_world), np.eye(4), atol=1e-6)
    np.testing.assert_allclose(np.array(camera.matrix_world), child, atol=1e-5)
    assert psnr(world_render(blender, target), before) > 50


def test_applying_only_the_scale_leaves_location_and_rotation(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(200))
    target.location, target.rotation_euler, target.scale = (1, 2, 3), (0.1, 0.2, 0.3), (2, 3, 4)
    bpy.context.view_layer.update()
    before = world_render(blender, target)
    bpy.ops.facelift.apply_transform(location=False, rotation=False)
    bpy.context.view_layer.update()
    np.testing.assert_allclose(target.location, (1, 2, 3), atol=1e-6)
    np.testing.assert_allclose(target.rotation_euler, (0.1, 0.2, 0.3), atol=1e-6)
    np.testing.assert_allclose(target.scale, (1, 1, 1), atol=1e-6)
    assert psnr(world_render(blender, target), before) > 60


def test_flat_objects_are_refused_in_words(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(20))
    target.scale = (1, 1, 0)
    with pytest.raises(RuntimeError, match="scaled to nothing"):
        bpy.ops.facelift.apply_transform()


@pytest.mark.parametrize("place", ["CENTER", "BOTTOM", "CURSOR"])
def test_origin_moves_and_splats_stay(blender, place):
    import bpy

    target = add_splats(blender, surface_gaussians(500))
    target.location, target.scale = (0.2, 0, 0.1), (0.5, 0.5, 0.5)
    bpy.context.scene.cursor.location = (0.3, -0.1, 0.2)
    bpy.context.view_layer.update()
    before = world_render(blender, target)
    bpy.ops.facelift.set_origin(place=place)
    bpy.context.view_layer.update()
    assert psnr(world_render(blender, target), before) > 60
    if place == "CURSOR":
        np.testing.assert_allclose(target.matrix_world.translation, (0.3, -0.1, 0.2), atol=1e-6)
    else:
        assert target.matrix_world.translation[2] < 0.12 if place == "CENTER" else -0.2


def test_eyes_give_the_scale(blender):
    import bpy

    gaussians = surface_gaussians(400)
    random = np.random.default_rng(0)
    means = gaussians.means.copy()
    means[:100] = random.normal(size=(100, 3)) * 0.02 + np.repeat([[0.16, -0.5, 0.1], [-0.16, -0.5, 0.1]], 50, axis=0)
    parts = np.where(np.arange(400) < 100, Part.EYES, Part.SKIN)
    target = add_splats(blender, gaussians.replace(means=means, parts=parts))
    bpy.ops.facelift.scale_from_eyes(distance=0.064)
    assert target.scale[0] == pytest.approx(0.2, rel=0.03)
    bpy.ops.facelift.assign_part(part="SKIN")
    with pytest.raises(RuntimeError, match="eyes were not found"):
        bpy.ops.facelift.scale_from_eyes()
    enter_edit_mode(target, np.arange(400) < 100)
    assert bpy.ops.facelift.scale_from_eyes(distance=0.032) == {"FINISHED"}
    assert target.scale[0] == pytest.approx(0.1, rel=0.03)


def test_separated_parts_together_are_the_head(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(500))
    before = gaussians_of(blender, target)
    bpy.ops.facelift.separate_part(part="ALL")
    pieces = [one for one in bpy.context.scene.objects if one.type == "POINTCLOUD"]
    assert len(pieces) == 8
    assert len({piece[blender.heads.ID_KEY] for piece in pieces}) == 8
    assert sum(len(piece.data.points) for piece in pieces) == 500
    for piece in pieces:
        assert len(np.unique(gaussians_of(blender, piece).parts)) == 1
    for piece in pieces:
        piece.select_set(True)
    bpy.context.view_layer.objects.active = target
    bpy.ops.facelift.join_splats()
    together = gaussians_of(blender, target)
    order, wanted = (np.lexsort(one.means.T) for one in (together, before))
    assert_same(together.select(order), before.select(wanted))
    assert len([one for one in bpy.context.scene.objects if one.type == "POINTCLOUD"]) == 1


def test_joined_heads_look_as_they_did_apart(blender):
    import bpy

    first = add_splats(blender, surface_gaussians(300, 0), "first")
    second = add_splats(blender, surface_gaussians(300, 2, seed=1), "second")
    first.location, first.scale, first.rotation_euler = (-0.3, 0, 0), (0.5, 0.5, 0.5), (0, 0, 0.4)
    second.location, second.scale, second.rotation_euler = (0.4, 0.1, 0), (0.6, 0.6, 0.6), (0.3, 0, 0)
    bpy.context.view_layer.update()
    worlds = [gaussians_of(blender, one).transform(np.array(one.matrix_world)) for one in (first, second)]
    from core.editing.joining import join

    before = render(join(worlds), front_camera(96)).image
    for one in (first, second):
        one.select_set(True)
    bpy.context.view_layer.objects.active = first
    nodes = blender.module("facelift_addon.editing.adjustments_nodes")
    inputs_of(blender, first)[nodes.DENSITY] = 0.7
    bpy.ops.facelift.join_splats()
    assert psnr(world_render(blender, first), before) > 50
    inputs = inputs_of(blender, first)
    assert inputs[nodes.DENSITY] == pytest.approx(0.7), "the active object's sliders stay"
    inputs[nodes.DENSITY], inputs["Exposure"] = 1.0, 0.5
    stored = gaussians_of(blender, first)
    expected = reference.adjust(stored, reference.Adjustments(grade=Grade(exposure=0.5))).gaussians
    np.testing.assert_allclose(evaluated(blender, first).sh, expected.sh, atol=1e-5)
    assert gaussians_of(blender, first).sh_degree == 2


def test_reset_brings_back_the_original_where_the_head_is_now(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(400, 1))
    before = gaussians_of(blender, target)
    bpy.ops.facelift.paint_color(color=(0, 1, 0))
    bpy.ops.facelift.delete_part(part="HAIR")
    bpy.ops.facelift.reset_to_original()
    assert_same(gaussians_of(blender, target), before, atol=0, fields=("means", "scales", "opacities", "sh", "parts"))
    np.testing.assert_array_equal(gaussians_of(blender, target).extras["frame"], before.extras["frame"])
    target.scale, target.location = (0.5, 0.5, 0.5), (0.2, 0, 0)
    bpy.context.view_layer.update()
    seen = world_render(blender, target)
    bpy.ops.facelift.reduce_density(density=0.2)
    bpy.ops.facelift.apply_transform()
    bpy.ops.facelift.reset_to_original()
    bpy.context.view_layer.update()
    assert psnr(world_render(blender, target), seen) > 60


def test_originals_survive_saving(blender, tmp_path):
    import bpy

    target = add_splats(blender, surface_gaussians(100))
    name, before = target.name, gaussians_of(blender, target)
    bpy.ops.facelift.reduce_density(density=0.2)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
    bpy.ops.facelift.reset_to_original()
    assert_same(gaussians_of(blender, bpy.data.objects[name]), before)


FULL = reference.Adjustments(
    min_opacity=0.4,
    max_size=0.05,
    density=0.5,
    size=1.4,
    grade=Grade(exposure=0.5, saturation=0.6),
    parts={
        Part.HAIR: reference.PartAdjustments(grade=Grade(temperature=0.5, contrast=1.2)),
        Part.CLOTHES: reference.PartAdjustments(visible=False),
        Part.EYES: reference.PartAdjustments(grade=Grade(tint=-0.4)),
    },
)


def set_inputs(blender, target, wanted) -> None:
    """Put core's numbers into the modifier."""
    nodes = blender.module("facelift_addon.editing.adjustments_nodes")
    inputs = inputs_of(blender, target)
    for name, value in (
        (nodes.MIN_OPACITY, wanted.min_opacity),
        (nodes.MIN_SIZE, wanted.min_size),
        (nodes.MAX_SIZE, wanted.max_size),
        (nodes.DENSITY, wanted.density),
        (nodes.CELL, wanted.cell),
        (nodes.SIZE, wanted.size),
    ):
        inputs[name] = value
    for name, value in vars(wanted.grade).items():
        inputs[name.capitalize()] = value
    for part, how in wanted.parts.items():
        inputs[nodes.part_input(part, "Visible")] = how.visible
        for name, value in vars(how.grade).items():
            inputs[nodes.part_input(part, name.capitalize())] = value


@pytest.mark.parametrize("sh_degree", [0, 3])
def test_modifier_and_core_agree_and_apply_bakes_it(blender, sh_degree):
    from dataclasses import replace

    import bpy

    target = add_splats(blender, surface_gaussians(4000, sh_degree))
    source = gaussians_of(blender, target)
    inputs_of(blender, target)
    assert [modifier.name for modifier in target.modifiers] == ["FaceLift Adjustments", "FaceLift Display"]
    assert_same(evaluated(blender, target), source, atol=0)
    wanted = replace(FULL, cell=0.2)
    set_inputs(blender, target, wanted)
    expected = reference.adjust(source, wanted).gaussians
    assert 0 < len(expected) < 2000
    assert_same(evaluated(blender, target), expected, atol=1e-5)
    bpy.ops.facelift.apply_adjustments()
    assert [modifier.name for modifier in target.modifiers] == ["FaceLift Display"]
    assert_same(gaussians_of(blender, target), expected, atol=1e-5)
    base = "FLOAT4" if bpy.app.version >= (5, 2) else "FLOAT_COLOR"
    assert target.data.attributes[names.RADIANCE_BASE].data_type == base
    radius = np.empty(len(expected), np.float32)
    target.data.attributes[names.RADIUS].data.foreach_get("value", radius)
    np.testing.assert_allclose(radius, np.sqrt(np.prod(np.sort(expected.scales, axis=1)[:, 1:], axis=1)), rtol=1e-4)
    bpy.ops.facelift.reset_to_original()
    assert_same(gaussians_of(blender, target), source)


def test_display_shows_what_the_adjustments_leave(blender):
    import bpy

    gaussians = surface_gaussians(900).replace(opacities=np.linspace(0.5, 1, 900))
    target = add_splats(blender, gaussians, quads=True)
    set_inputs(blender, target, reference.Adjustments(min_opacity=0.8, grade=Grade(exposure=1)))
    left = evaluated(blender, target)
    assert 0 < len(left) < 400
    bpy.context.view_layer.update()
    # The geometry owns the mesh, so it is held.
    geometry = target.evaluated_get(bpy.context.evaluated_depsgraph_get()).evaluated_geometry()
    mesh = geometry.mesh
    assert len(mesh.vertices) == 4 * len(left), "one quad a splat"
    drawn = np.empty(len(mesh.vertices) * 4, np.float32)
    mesh.attributes["splat_color"].data.foreach_get("color", drawn)
    linear = to_linear(np.maximum(left.colors, 0))
    np.testing.assert_allclose(drawn.reshape(-1, 4, 4)[:, 0, :3], linear, atol=1e-4)


def test_crop_box_and_neck_plane_follow_their_empties(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(1500))
    target.location, target.scale, target.rotation_euler = (2, 1, 0), (0.2, 0.2, 0.2), (0, 0, 0.5)
    source = gaussians_of(blender, target)
    bpy.ops.facelift.add_crop(shape="BOX")
    bpy.ops.facelift.add_crop(shape="PLANE")
    box, plane = (next(child for child in target.children if name in child.name) for name in ("crop box", "neck plane"))
    bpy.context.view_layer.update()
    cut = evaluated(blender, target)
    assert 0.8 < len(cut) / len(source) < 0.9, "the new plane takes the neck, the new box nothing"
    box.rotation_euler, box.scale = (0.3, 0.1, 0.7), (0.4, 0.5, 0.6)
    plane.location, plane.rotation_euler = (0, 0, -0.1), (0.5, 0, 0)
    bpy.context.view_layer.update()
    into = np.linalg.inv(np.array(target.matrix_world, np.float64))
    wanted = reference.Adjustments(
        box=into @ np.array(box.matrix_world, np.float64), plane=into @ np.array(plane.matrix_world, np.float64)
    )
    expected = reference.adjust(source, wanted).gaussians
    assert 0 < len(expected) < len(source)
    assert_same(evaluated(blender, target), expected)


@pytest.mark.parametrize("tool", ("apply_adjustments", "remove_adjustments"))
def test_crop_empties_go_with_the_adjustments_unless_something_else_uses_them(blender, tool):
    import bpy

    target, other = (add_splats(blender, surface_gaussians(300)) for _ in range(2))
    bpy.context.view_layer.objects.active = target
    bpy.ops.facelift.add_crop(shape="BOX")
    bpy.ops.facelift.add_crop(shape="PLANE")
    plane = next(child for child in target.children if "neck plane" in child.name)
    other.constraints.new("COPY_LOCATION").target = plane
    nodes = blender.module("facelift_addon.editing.adjustments_nodes")
    own = bpy.data.objects.new("own", None)
    bpy.context.scene.collection.objects.link(own)
    inputs_of(blender, other)[nodes.BOX] = own
    bpy.ops.ed.undo_push(message="cropped")
    for each in (target, other):
        bpy.context.view_layer.objects.active = each
        for one in bpy.context.view_layer.objects:
            one.select_set(one == each)
        # As a user's click: an undo step of its own.
        getattr(bpy.ops.facelift, tool)("EXEC_DEFAULT", True)
    assert [child.name for child in target.children] == [plane.name]
    assert "own" in bpy.data.objects, "what the artist made stays"
    assert not any("crop box" in each.name for each in bpy.data.objects)
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    assert sum("crop box" in each.name for each in bpy.data.objects) == 1


def test_adjustments_are_animated_by_keyframes(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(500))
    nodes = blender.module("facelift_addon.editing.adjustments_nodes")
    inputs = inputs_of(blender, target)
    owner, path = inputs.place(nodes.MIN_OPACITY)
    for frame, value in ((1, 0.0), (11, 0.9)):
        inputs[nodes.MIN_OPACITY] = value
        assert owner.keyframe_insert(path, frame=frame)
    counts = []
    for frame in (1, 6, 11):
        bpy.context.scene.frame_set(frame)
        counts.append(len(evaluated(blender, target)))
    assert counts[0] == 500 > counts[1] > counts[2]


def test_lengths_of_the_modifier_follow_an_applied_scale(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(800))
    set_inputs(blender, target, reference.Adjustments(density=0.5, max_size=0.045, cell=0.2))
    target.scale = (0.1, 0.1, 0.1)
    bpy.context.view_layer.update()
    before = evaluated(blender, target)
    bpy.ops.facelift.apply_transform()
    bpy.context.view_layer.update()
    after = evaluated(blender, target)
    assert abs(len(after) - len(before)) <= 0.01 * len(before)
    assert 0 < len(before) < 700


def test_exports_contain_the_adjustments(blender, tmp_path):
    import bpy

    from core import formats

    target = add_splats(blender, surface_gaussians(500))
    set_inputs(blender, target, reference.Adjustments(min_opacity=0.6))
    path = tmp_path / "head.ply"
    bpy.ops.facelift.export_splats(filepath=str(path), frame="Z_UP", check_existing=False)
    saved = formats.load(path)
    assert 0 < len(saved) < 500 and saved.opacities.min() >= 0.6 - 1e-6


def test_no_tool_breaks_what_is_seen(blender):
    """Density, floaters and the neutral stack leave the picture close to what it was."""
    import bpy

    gaussians = surface_gaussians(6000).replace(opacities=np.full(6000, 0.9))
    gaussians = gaussians.replace(scales=gaussians.scales * 1.5)
    target = add_splats(blender, gaussians)
    cameras = [Camera.orbit(azimuth, size=96) for azimuth in (270, 0)]
    before = [render(gaussians, camera) for camera in cameras]
    bpy.ops.facelift.clean_floaters()
    assert len(target.data.points) > 5990
    bpy.ops.facelift.reduce_density(density=0.5)
    assert len(target.data.points) < 4000
    after = gaussians_of(blender, target)
    for camera, old in zip(cameras, before, strict=True):
        new = render(after, camera)
        inside = old.alpha > 0.95
        assert (new.alpha[inside] > 0.8).mean() > 0.99
        assert psnr(new.image, old.image) > 20
