"""Gaussians to point clouds and back, and what Blender makes of the attributes."""

import numpy as np
import pytest

from core.splats import attributes as names
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender


@pytest.mark.parametrize("sh_degree", [0, 1, 2, 3])
def test_point_clouds_give_back_the_gaussians_bit_for_bit(blender, sh_degree):
    gaussians = surface_gaussians(500, sh_degree)
    geometry = blender.module("facelift_addon.splats.data.geometry")

    back = geometry.to_gaussians(geometry.from_gaussians("cloud", gaussians))

    for field in ("means", "scales", "opacities", "sh", "parts"):
        np.testing.assert_array_equal(getattr(back, field), getattr(gaussians, field), err_msg=field)
    np.testing.assert_allclose(back.rotations, gaussians.rotations, atol=1e-6)
    assert set(back.extras) == set(gaussians.extras)
    for name, column in gaussians.extras.items():
        np.testing.assert_array_equal(back.extras[name], column)


def test_attributes_are_those_of_the_design(blender):
    import bpy

    geometry = blender.module("facelift_addon.splats.data.geometry")
    cloud = geometry.from_gaussians("cloud", surface_gaussians(10, 1))
    types = {attribute.name: attribute.data_type for attribute in cloud.attributes}
    base = "FLOAT4" if bpy.app.version >= (5, 2) else "FLOAT_COLOR"
    expected = {
        names.POSITION: "FLOAT_VECTOR",
        names.SCALE: "FLOAT_VECTOR",
        names.ROTATION: "QUATERNION",
        names.RADIANCE_BASE: base,
        names.COLOR: "FLOAT_COLOR",
        names.PART: "INT8",
        names.RADIUS: "FLOAT",
        "confidence": "FLOAT",
        "frame": "INT",
    } | {names.radiance_sh(index): "FLOAT_VECTOR" for index in range(3)}
    assert types == expected
    assert all(attribute.domain == "POINT" for attribute in cloud.attributes)


def test_wide_and_clashing_extra_columns_are_kept_apart(blender):
    gaussians = surface_gaussians(20)
    wide = np.arange(100, dtype=np.float32).reshape(20, 5)
    gaussians = gaussians.replace(extras={"wide": wide, names.RADIUS: np.ones(20, np.float32)})
    geometry = blender.module("facelift_addon.splats.data.geometry")

    back = geometry.to_gaussians(geometry.from_gaussians("cloud", gaussians))

    np.testing.assert_array_equal(np.stack([back.extras[f"wide_{index}"] for index in range(5)], axis=1), wide)
    np.testing.assert_array_equal(back.means, gaussians.means)


def test_an_empty_cloud_is_allowed(blender):
    geometry = blender.module("facelift_addon.splats.data.geometry")
    cloud = geometry.from_gaussians("empty", surface_gaussians(5).select(np.arange(0)))
    assert len(cloud.points) == 0
    assert len(geometry.to_gaussians(cloud)) == 0


def test_making_a_cloud_touches_nothing_else(blender):
    import bpy

    before = {
        name: len(getattr(bpy.data, name)) for name in ("objects", "scenes", "node_groups", "meshes", "pointclouds")
    }
    blender.module("facelift_addon.splats.data.geometry").from_gaussians("cloud", surface_gaussians(10))
    after = {name: len(getattr(bpy.data, name)) for name in before}
    assert after == before | {"pointclouds": before["pointclouds"] + 1}


def test_a_plain_point_cloud_is_refused_in_words(blender):
    import bpy

    geometry = blender.module("facelift_addon.splats.data.geometry")
    errors = blender.module("core.errors")
    with pytest.raises(errors.FaceLiftError, match="no splats"):
        geometry.to_gaussians(bpy.data.pointclouds.new("plain"))


def test_points_without_splat_values_stay_valid(blender):
    """Blender's own tools can leave zeros in an attribute."""
    geometry = blender.module("facelift_addon.splats.data.geometry")
    cloud = geometry.from_gaussians("cloud", surface_gaussians(4))
    for name in (names.SCALE, names.ROTATION):
        attribute = cloud.attributes[name]
        field = "vector" if name == names.SCALE else "value"
        attribute.data.foreach_set(field, np.zeros(4 * (3 if name == names.SCALE else 4), np.float32))
    back = geometry.to_gaussians(cloud)
    assert (back.scales > 0).all()
    np.testing.assert_allclose(np.linalg.norm(back.rotations, axis=1), 1, atol=1e-6)


def test_solid_mode_finds_display_colours_in_scene_linear(blender):
    gaussians = surface_gaussians(50)
    target = add_splats(blender, gaussians)
    stored = np.empty(200, np.float32)
    target.data.attributes[names.COLOR].data.foreach_get("color", stored)
    encoded = np.clip(gaussians.colors, 0, None)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(stored.reshape(-1, 4)[:, :3], linear, atol=1e-5)


def test_a_cloud_made_piece_by_piece_is_the_same_and_survives_undo(blender):
    import bpy

    geometry = blender.module("facelift_addon.splats.data.geometry")
    rows = blender.module("facelift_addon.splats.data.columns").from_gaussians(
        surface_gaussians(300), geometry.has_float4()
    )
    assembly = blender.module("facelift_addon.splats.data.assembly").Assembly("pieces", rows)
    before = len(bpy.data.pointclouds)

    assembly.proceed()
    (unfinished,) = bpy.data.pointclouds
    bpy.data.pointclouds.remove(unfinished)  # As undo does with what it does not know.
    cloud = assembly.take()

    whole = geometry.read(geometry.from_columns("whole", rows))
    for name, column in geometry.read(cloud).items():
        np.testing.assert_array_equal(column.values, whole[name].values, err_msg=name)
    assert assembly.take() != cloud, "each call makes one"
    bpy.data.batch_remove(list(bpy.data.pointclouds))
    assembly.proceed()
    assembly.drop()
    assert len(bpy.data.pointclouds) == before
