"""Splats bound to the base mesh through the installed extension: the modifier against the core."""

import numpy as np
import pytest

from core.avatar import binding, deformation, mouth
from tests.addon_helpers import needs_blender
from tests.avatar_helpers import add_head_with_mesh

pytestmark = needs_blender

FIELDS = ("means", "scales", "rotations", "opacities", "sh", "parts")


@pytest.fixture
def pair(blender):
    """The astronaut and her base mesh, which shows the photo's expression."""
    import bpy

    head, mesh = add_head_with_mesh(blender)
    assert bpy.ops.facelift.show_expression(expression="PHOTO") == {"FINISHED"}
    return head, mesh


@pytest.fixture
def bound(pair):
    """The same, with her splats bound."""
    import bpy

    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    return pair


def columns_of(blender, target):
    """All attributes that the modifiers, save the display, leave."""
    import bpy

    return blender.module("facelift_addon.splats.baking").evaluated_columns(bpy.context, target)


def gaussians_of(blender, target):
    return blender.module("facelift_addon.splats.columns").to_gaussians(columns_of(blender, target))


def stored_of(blender, target):
    return blender.module("facelift_addon.splats.baking").stored(target)


def base_of(blender, head, mesh):
    return blender.module("facelift_addon.avatar.base_objects").read(mesh, head)


def assert_unmoved(blender, target):
    stored = blender.module("facelift_addon.splats.baking").stored_columns(target)
    for name, column in columns_of(blender, target).items():
        assert column.values.tobytes() == stored[name].values.tobytes(), name


def test_rest_is_bit_equal_and_binding_changes_no_splat(blender, pair):
    import bpy

    head, _ = pair
    before = {n: c.values.copy() for n, c in blender.module("facelift_addon.splats.geometry").read(head.data).items()}
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    count = len(before["position"])
    stored = blender.module("facelift_addon.splats.geometry").read(head.data)
    assert len(stored["position"].values) > count + 5000
    for name, values in before.items():
        assert stored[name].values[:count].tobytes() == values.tobytes(), name
    assert_unmoved(blender, head)
    # Moved as a whole, nothing changes in local space.
    head.location = 1.0, 2.0, 3.0
    head.rotation_euler = 0.3, 0.2, 1.0
    bpy.context.view_layer.update()
    assert_unmoved(blender, head)


@pytest.mark.parametrize("keys", [{"jawOpen": 1.0}, {"eyeBlinkLeft": 1.0, "mouthSmileRight": 0.7, "browInnerUp": 0.5}])
def test_the_modifier_is_the_core(blender, bound, keys):
    import bpy

    head, mesh = bound
    base = base_of(blender, head, mesh)
    expression = base.expression.copy()
    for name, value in keys.items():
        mesh.data.shape_keys.key_blocks[name].value = value
        expression[base.model.expression_names.index(name)] = value
    bpy.context.view_layer.update()
    stored = stored_of(blender, head)
    vertices = base.vertices(expression)
    want = deformation.deform(stored, binding.rest_mesh(base), vertices, mouth.opening(base, vertices))
    got = gaussians_of(blender, head)
    size = np.abs(want.means - stored.means).max()
    assert size > 0.01 * base.pose.scale / 5
    np.testing.assert_allclose(got.means, want.means, atol=2e-5 * base.pose.scale / 1)
    np.testing.assert_allclose(got.opacities, want.opacities, atol=1e-4)
    scale = np.linalg.norm(want.covariances(), axis=(1, 2))
    error = np.linalg.norm(got.covariances() - want.covariances(), axis=(1, 2)) / scale
    print("means", np.abs(got.means - want.means).max(), "cov", np.percentile(error, [50, 99, 100]))
    assert error.max() < 1e-2 and np.percentile(error, 99) < 1e-3
