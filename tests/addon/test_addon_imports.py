"""Heads in other files: appended, linked, overridden and instanced, without what only helps them."""

import numpy as np
import pytest

from core.head.pose import Pose
from core.head.shape import HeadShape
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

VERTICES = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)


def new_file():
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True)


def bring(how, path, kind, name):
    """Append or link as File > Append and File > Link do."""
    import bpy

    folder = f"{path}/{kind}/"
    assert getattr(bpy.ops.wm, how)(filepath=folder + name, directory=folder, filename=name) == {"FINISHED"}


def in_scene():
    import bpy

    return sorted(target.name for target in bpy.context.scene.objects)


@pytest.fixture
def library(blender, tmp_path):
    """A file with a head that has a fit, an edit and an armature with controls; its path."""
    import bpy

    head = add_splats(blender, surface_gaussians(400, 1), "Ada")
    blender.module("facelift_addon.splats.data.fits").keep(head, HeadShape(VERTICES, np.zeros(52), _pose()))
    blender.module("facelift_addon.editing.originals").keep(head.data)
    rig = bpy.data.objects.new("Ada rig", bpy.data.armatures.new("Ada rig"))
    head.users_collection[0].objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new("head").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.pose.bones["head"].custom_shape = blender.module("facelift_addon.avatar.control_shapes").shape("ring")
    path = tmp_path / "ada.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    new_file()
    return path


def _pose():
    return Pose.from_list([1.0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])


@pytest.mark.parametrize("how", ["append", "link"])
def test_a_head_comes_alone(blender, library, how):
    import bpy

    bring(how, library, "Object", "Ada")
    assert in_scene() == ["Ada"]
    head = bpy.context.scene.objects["Ada"]
    fit = blender.module("facelift_addon.splats.data.fits").of(head)
    np.testing.assert_array_equal(fit.vertices, VERTICES)
    originals = blender.module("facelift_addon.editing.originals")
    assert len(originals.original_of(head.data).points) == 400
    bring(how, library, "Object", "Ada rig")
    assert in_scene() == ["Ada", "Ada rig"]


@pytest.mark.parametrize("how", ["append", "link"])
def test_a_collection_brings_its_own_objects_only(blender, library, how):
    import bpy

    bring(how, library, "Collection", "Ada")
    assert in_scene() == (["Ada", "Ada rig"] if how == "append" else ["Ada"])
    instancer = bpy.context.scene.objects["Ada"]
    assert how == "append" or instancer.instance_collection.name == "Ada"


def test_scripts_that_load_libraries_find_the_scene_as_it_was(blender, library):
    import bpy

    with bpy.data.libraries.load(str(library)) as (_, wanted):
        wanted.objects = ["Ada"]
    assert in_scene() == []
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    assert in_scene() == ["Ada"]


def test_without_the_extension_helpers_that_come_along_are_in_no_render(blender, library):
    """Blender shows in the viewport whatever it brings, also what was hidden."""
    import bpy

    imports = blender.module("facelift_addon.splats.scene.imports")
    imports.unregister()
    try:
        bring("append", library, "Object", "Ada rig")
        bring("append", library, "Object", "Ada")
    finally:
        imports.register()
    helpers = [target for target in bpy.context.scene.objects if target.name.startswith("FaceLift")]
    assert {target.name for target in helpers} <= {"FaceLift Quad", "FaceLift control ring"}
    assert "FaceLift control ring" in in_scene() and all(target.hide_render for target in helpers)


def test_fits_of_older_files_are_read_and_bring_no_object(blender, tmp_path):
    import json

    import bpy

    head = add_splats(blender, surface_gaussians(50), "Old")
    mesh = bpy.data.meshes.new("Old fit")
    mesh.from_pydata(VERTICES.tolist(), [], [])
    mesh["facelift_fit_facts"] = json.dumps(HeadShape(VERTICES, np.zeros(52), _pose()).facts())
    head["facelift_fit"] = mesh
    path = tmp_path / "old.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    new_file()
    bring("append", path, "Object", "Old")
    assert in_scene() == ["Old"]
    fits = blender.module("facelift_addon.splats.data.fits")
    head = bpy.context.scene.objects["Old"]
    np.testing.assert_array_equal(fits.of(head).vertices, VERTICES)
    fits.keep(head, fits.of(head))
    np.testing.assert_array_equal(fits.of(head).vertices, VERTICES)
    assert "Old fit" not in bpy.data.meshes


def needs_of(blender):
    """What a scene lacks to render its heads, as the panel lists it."""
    import bpy

    rendering = blender.module("facelift_addon.splats.scene.rendering")
    return [change.path for change in rendering.proposed_changes(bpy.context.scene, "SCENE")]


@pytest.mark.parametrize(("how", "kind"), [("append", "Object"), ("link", "Object"), ("link", "Collection")])
def test_a_scene_renders_the_first_heads_that_come(blender, library, how, kind):
    import bpy

    bring(how, library, kind, "Ada")
    assert needs_of(blender) == []
    assert bpy.context.scene.view_settings.view_transform == "Standard"
    assert bpy.ops.facelift.restore_render_settings() == {"FINISHED"}
    assert "view_settings.view_transform" in needs_of(blender)


def test_later_heads_leave_the_settings_as_the_user_has_them(blender, library):
    import bpy

    bring("append", library, "Object", "Ada")
    bpy.ops.facelift.restore_render_settings()
    bring("append", library, "Object", "Ada")
    assert bpy.context.scene.view_settings.view_transform == "AgX"


def test_instanced_heads_count_as_often_as_they_stand_there(blender, library):
    import bpy

    bring("link", library, "Collection", "Ada")
    twin = bpy.context.scene.objects["Ada"].copy()
    nested = bpy.data.collections.new("pair")
    for target in (bpy.context.scene.objects["Ada"], twin):
        nested.objects.link(target)
        target.location.x += 1
    pair = bpy.data.objects.new("pair", None)
    pair.instance_type, pair.instance_collection = "COLLECTION", nested
    bpy.context.scene.collection.objects.link(pair)
    found = blender.heads.rendered_in(bpy.context.scene)
    assert [head.name for head in found] == ["Ada"] * 3
    assert bpy.types.FACELIFT_PT_rendering.poll(bpy.context)
