"""Splat files in and out of Blender, with edits and transforms baked exactly."""

import math

import numpy as np
import pytest

from core import formats
from core.formats.axes import Axes, to_ours
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.ply import element, raw_columns, written

pytestmark = needs_blender

TOLERANCE = 2e-5
"""float32 positions and transforms of Blender against core's float64."""


def same_splats(actual, expected, tolerance=TOLERANCE):
    """Compare what can be seen: means, covariances, opacities, colours, labels."""
    assert len(actual) == len(expected)
    np.testing.assert_allclose(actual.means, expected.means, atol=tolerance)
    scale = np.abs(expected.covariances()).max()
    np.testing.assert_allclose(actual.covariances(), expected.covariances(), atol=scale * 1e-4)
    np.testing.assert_allclose(actual.opacities, expected.opacities, atol=1e-5)
    np.testing.assert_allclose(actual.sh, expected.sh, atol=1e-4)
    np.testing.assert_array_equal(actual.parts, expected.parts)


def export(path, **options):
    import bpy

    bpy.ops.facelift.export_splats(filepath=str(path), check_existing=False, **options)
    return formats.load(path)


@pytest.mark.parametrize("sh_degree", [0, 3])
def test_a_file_comes_back_as_it_was(blender, tmp_path, sh_degree):
    import bpy

    gaussians = surface_gaussians(300, sh_degree)
    formats.save(gaussians, tmp_path / "in.ply")
    bpy.ops.facelift.import_splats(filepath=str(tmp_path / "in.ply"), frame="Z_UP")
    back = export(tmp_path / "out.ply")
    same_splats(back, gaussians)
    for name, column in gaussians.extras.items():
        np.testing.assert_allclose(back.extras[name], column, rtol=1e-6)


@pytest.mark.parametrize(
    ("location", "rotation", "scale"),
    [
        ((1, -2, 0.5), (0, 0, 0), (1, 1, 1)),
        ((0, 0, 0), (0.3, -0.7, 1.9), (1, 1, 1)),
        ((0.1, 0.2, 0.3), (0.4, 0.1, -0.6), (2, 2, 2)),
        ((0.1, 0.2, 0.3), (0.4, 0.1, -0.6), (0.5, 1.5, 3)),
        ((0, 0, 0), (0, 0.2, 0), (-1, 1, 1)),
    ],
    ids=["moved", "turned", "scaled", "stretched", "mirrored"],
)
def test_the_objects_transform_is_baked_exactly(blender, tmp_path, location, rotation, scale):
    import bpy

    gaussians = surface_gaussians(200, 2)
    target = add_splats(blender, gaussians)
    target.location, target.rotation_euler, target.scale = location, rotation, scale
    bpy.context.view_layer.update()
    expected = gaussians.transform(np.array(target.matrix_world))
    same_splats(export(tmp_path / "out.ply"), expected)


def test_parents_count_into_the_transform(blender, tmp_path):
    import bpy

    gaussians = surface_gaussians(50)
    target = add_splats(blender, gaussians)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.rotation_euler = (0, 0, math.pi / 2)
    target.parent = parent
    bpy.context.view_layer.update()
    quarter = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    same_splats(export(tmp_path / "out.ply"), gaussians.transform(quarter))


def test_points_deleted_in_edit_mode_are_gone(blender, tmp_path):
    import bpy

    gaussians = surface_gaussians(400)
    target = add_splats(blender, gaussians)
    keep = gaussians.means[:, 2] <= 0.2
    bpy.ops.object.mode_set(mode="EDIT")
    selection = target.data.attributes.get(".selection") or target.data.attributes.new(".selection", "BOOLEAN", "POINT")
    selection.data.foreach_set("value", ~keep)
    bpy.ops.pointcloud.delete()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(target.data.points) == keep.sum()
    same_splats(export(tmp_path / "out.ply"), gaussians.select(keep))


def test_other_modifiers_count_and_the_display_does_not(blender, tmp_path):
    import bpy

    gaussians = surface_gaussians(400)
    target = add_splats(blender, gaussians)
    tree = bpy.data.node_groups.new("Keep the lower half", "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    nodes = [
        tree.nodes.new(kind)
        for kind in (
            "NodeGroupInput",
            "GeometryNodeInputPosition",
            "ShaderNodeSeparateXYZ",
            "FunctionNodeCompare",
            "GeometryNodeDeleteGeometry",
            "NodeGroupOutput",
        )
    ]
    group_input, position, separate, compare, delete, output = nodes
    compare.inputs[1].default_value = 0.0
    for source, sink in (
        (position.outputs[0], separate.inputs[0]),
        (separate.outputs[2], compare.inputs[0]),
        (group_input.outputs[0], delete.inputs[0]),
        (compare.outputs[0], delete.inputs["Selection"]),
        (delete.outputs[0], output.inputs[0]),
    ):
        tree.links.new(source, sink)
    modifier = target.modifiers.new("Cut", "NODES")
    modifier.node_group = tree
    target.modifiers.move(1, 0)

    display = blender.module("facelift_addon.splats.display.display")
    same_splats(export(tmp_path / "cut.ply"), gaussians.select(gaussians.means[:, 2] <= 0))
    assert display.find_display(target).show_viewport
    same_splats(export(tmp_path / "whole.ply", use_modifiers=False), gaussians)


def test_several_objects_become_one_file(blender, tmp_path):
    first, second = surface_gaussians(60, 0, seed=1), surface_gaussians(40, 1, seed=2)
    one = add_splats(blender, first, "One")
    add_splats(blender, second, "Two")
    one.select_set(True)
    back = export(tmp_path / "both.ply")
    assert len(back) == 100 and back.sh_degree == 1


def test_axes_of_other_tools(blender, tmp_path):
    import bpy

    gaussians = surface_gaussians(100, 1)
    (tmp_path / "down.ply").write_bytes(written(element(raw_columns(gaussians))))
    bpy.ops.facelift.import_splats(filepath=str(tmp_path / "down.ply"), frame="Y_DOWN")
    target = bpy.context.active_object
    stored = blender.module("facelift_addon.splats.data.geometry").to_gaussians(target.data)
    # A point below the camera in the file's axes (y down) is below the horizon in Blender (-z).
    np.testing.assert_allclose(stored.means[:, 2], -gaussians.means[:, 1], atol=TOLERANCE)
    np.testing.assert_allclose(stored.means[:, 1], gaussians.means[:, 2], atol=TOLERANCE)
    for name in ("Y_DOWN", "Z_UP", "Y_UP"):
        same_splats(export(tmp_path / "again.ply", frame=name), to_ours(gaussians.replace(parts=None), Axes.Y_DOWN))
        assert f"comment Axes: {Axes[name].value}".encode() in (tmp_path / "again.ply").read_bytes()


def test_a_heads_file_is_scaled_to_metres_and_goes_back(blender, tmp_path):
    import bpy

    gaussians = surface_gaussians(500)
    formats.save(gaussians, tmp_path / "head.ply")
    bpy.ops.facelift.import_splats(filepath=str(tmp_path / "head.ply"), frame="AUTO")
    head = bpy.context.active_object
    placement = blender.module("facelift_addon.splats.scene.placement")
    stored = blender.module("facelift_addon.splats.data.geometry").to_gaussians(head.data)
    height = np.ptp(stored.means[:, 2]) / np.ptp(gaussians.means[:, 2]) * placement.HEAD_HEIGHT_UNITS
    assert height == pytest.approx(placement.DEFAULT_HEAD_HEIGHT, rel=1e-4)
    head.location = (5, 5, 5)
    same_splats(export(tmp_path / "again.ply", frame="HEAD"), gaussians)


def test_detection_takes_no_scan_for_a_head(blender):
    placement = blender.module("facelift_addon.splats.scene.placement")
    head = surface_gaussians(500).means
    assert placement.looks_like_head(head)
    assert not placement.looks_like_head(head * 5)
    assert not placement.looks_like_head(head * 0.1)
    assert not placement.looks_like_head(head[:0])


def test_a_damaged_file_is_told_and_changes_nothing(blender, tmp_path):
    import bpy

    (tmp_path / "bad.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9\nend_header\n")
    with pytest.raises(RuntimeError):
        bpy.ops.facelift.import_splats(filepath=str(tmp_path / "bad.ply"))
    assert len(bpy.data.objects) == 0 and len(bpy.data.pointclouds) == 0


def test_importing_is_one_undo_step(blender, tmp_path):
    import bpy

    formats.save(surface_gaussians(50), tmp_path / "in.ply")
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.facelift.import_splats("EXEC_DEFAULT", True, filepath=str(tmp_path / "in.ply"))
    assert "in" in bpy.data.objects
    bpy.ops.ed.undo()
    assert "in" not in bpy.data.objects


def test_menus_and_drops_offer_splats_and_photos(blender):
    import bpy

    # Blender draws every registered function of a menu; ours are among them.
    for menu, name in (
        (bpy.types.TOPBAR_MT_file_import, "draw_import"),
        (bpy.types.TOPBAR_MT_file_export, "draw_export"),
        (bpy.types.VIEW3D_MT_add, "draw_add"),
    ):
        assert name in [function.__name__ for function in menu._dyn_ui_initialize()]
    handlers = {handler.bl_idname: handler for handler in bpy.types.FileHandler.__subclasses__()}
    dropped = handlers["FACELIFT_FH_splats"].bl_file_extensions.split(";")
    # Blender compares what follows a name's last dot.
    assert {"." + suffix.rpartition(".")[2] for suffix in formats.suffixes()} == set(dropped)
    assert "Gaussian splats" in handlers["FACELIFT_FH_splats"].bl_label
    assert ".jpg" in handlers["FACELIFT_FH_photo"].bl_file_extensions
    # Where several handlers fit, Blender's chooser shows the names of their operators.
    assert "Head" in bpy.ops.facelift.drop_photo.get_rna_type().name
