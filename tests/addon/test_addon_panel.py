"""The tab as a newcomer meets it: greyed buttons say why, crop boxes can be grabbed, nothing is a dead end."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

NO_REASON = "context is incorrect"
"""What Blender says of an operator that can't run and does not tell why."""


def operators():
    """Return all operators of the extension by their names."""
    import bpy

    return {name: getattr(bpy.ops.facelift, name) for name in dir(bpy.ops.facelift)}


def nothing(_extension):
    pass


def a_cube(_extension):
    import bpy

    bpy.ops.mesh.primitive_cube_add()


def a_cube_in_edit_mode(extension):
    import bpy

    a_cube(extension)
    bpy.ops.object.mode_set(mode="EDIT")


def a_sculpted_cube(extension):
    import bpy

    a_cube(extension)
    bpy.ops.object.mode_set(mode="SCULPT")


def a_rig_in_pose_mode(_extension):
    import bpy

    bpy.ops.object.armature_add()
    bpy.ops.object.mode_set(mode="POSE")


def splats(extension):
    add_splats(extension, surface_gaussians(200))


def splats_in_edit_mode(extension):
    import bpy

    splats(extension)
    bpy.ops.object.mode_set(mode="EDIT")


def a_crop_box(extension):
    import bpy

    splats(extension)
    bpy.ops.facelift.add_crop(shape="BOX")


def splats_of_another_active_object(extension):
    import bpy

    splats(extension)
    bpy.context.view_layer.objects.active = None


SITUATIONS = (
    nothing,
    a_cube,
    a_cube_in_edit_mode,
    a_sculpted_cube,
    a_rig_in_pose_mode,
    splats,
    splats_in_edit_mode,
    a_crop_box,
    splats_of_another_active_object,
)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_greyed_button_says_why(blender, situation):
    import bpy

    situation(blender)
    bpy.context.view_layer.update()
    greyed = {name: operator for name, operator in operators().items() if not operator.poll()}
    assert greyed
    for name, operator in greyed.items():
        with pytest.raises(RuntimeError) as caught:
            operator()
        assert NO_REASON not in str(caught.value), name
        reason = str(caught.value).partition("poll()")[2].strip()
        assert len(reason) > 10 and reason[0].isupper() and not reason.endswith("."), (name, reason)


def test_no_operator_has_a_poll_of_its_own(blender):
    """Written in one way, so that none can forget the reason."""
    import bpy

    explained = blender.module("facelift_addon.interface.explaining").Explained
    found = 0
    for name in operators():
        cls = getattr(bpy.types, f"FACELIFT_OT_{name}")
        if issubclass(cls, explained):
            found += 1
            assert cls.poll.__func__ is explained.poll.__func__, name
        else:
            assert not any("poll" in vars(base) for base in cls.__mro__ if base.__module__.startswith("bl_ext")), name
    assert found > 50


@pytest.mark.parametrize("shape", ["BOX", "PLANE"])
def test_a_new_crop_is_what_g_and_s_move_next(blender, shape):
    import bpy

    head = add_splats(blender, surface_gaussians(500))
    bpy.ops.facelift.add_crop(shape=shape)
    crop = bpy.context.active_object
    assert crop.parent == head and crop.type == "EMPTY"
    assert bpy.context.selected_objects == [crop]
    before = crop.location.copy()
    bpy.ops.transform.translate(value=(0.1, 0, 0))
    np.testing.assert_allclose(crop.location - before, (0.1, 0, 0), atol=1e-6)


def test_splats_stay_in_the_tab_while_their_crop_is_active(blender):
    """The panel with the sliders and the tools must not go away because the box was selected."""
    import bpy

    head = add_splats(blender, surface_gaussians(500))
    bpy.ops.facelift.add_crop(shape="BOX")
    box = bpy.context.active_object
    for name in (
        "FACELIFT_PT_head",
        "FACELIFT_PT_edit",
        "FACELIFT_PT_adjustments",
        "FACELIFT_PT_adjustments_parts",
        "FACELIFT_PT_avatar",
    ):
        assert getattr(bpy.types, name).poll(bpy.context), name
    bpy.ops.facelift.add_crop(shape="PLANE")
    plane = bpy.context.active_object
    assert plane not in (head, box)
    bpy.ops.facelift.add_crop(shape="BOX")
    assert bpy.context.active_object == box
    assert len(head.children) == 2
    bpy.ops.facelift.select_opacity(low=0.5, high=1.0)
    assert bpy.context.active_object == head and bpy.context.mode == "EDIT_POINTCLOUD"
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.facelift.add_crop(shape="BOX")
    bpy.ops.facelift.apply_adjustments()
    assert bpy.context.active_object == head and head.select_get()
    assert not head.children


def test_a_crop_in_a_hidden_collection_is_told(blender):
    import bpy

    head = add_splats(blender, surface_gaussians(500))
    bpy.ops.facelift.add_crop(shape="BOX")
    box = bpy.context.active_object
    elsewhere = bpy.data.collections.new("elsewhere")
    for collection in box.users_collection:
        collection.objects.unlink(box)
    elsewhere.objects.link(box)
    bpy.context.view_layer.objects.active = head
    with pytest.raises(RuntimeError, match="not in this view layer"):
        bpy.ops.facelift.add_crop(shape="BOX")


def test_every_quality_of_the_draft_engine_can_be_chosen(blender):
    import bpy

    from core.engines.draft.settings import BUDGETS

    choices = bpy.context.scene.facelift.bl_rna.properties["quality"].enum_items
    assert [item.identifier for item in choices] == list(BUDGETS)
    assert all(item.description for item in choices)
