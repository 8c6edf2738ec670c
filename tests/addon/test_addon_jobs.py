"""What can go wrong while a head is being made: cancel, crash, a missing file, another file opened."""

import os
import signal

import pytest

from core import formats
from tests.helpers.addon import PACKAGE, needs_blender, surface_gaussians
from tests.helpers.patience import PATIENCE

pytestmark = needs_blender


@pytest.fixture
def running(unhurried_worker, landscape):
    """Return a head that the worker is working on."""
    import bpy

    blender = unhurried_worker
    bpy.ops.facelift.choose_photo(filepath=str(landscape))
    blender.settle()
    bpy.ops.facelift.generate()
    task = blender.session.tasks[0]
    blender.tick_until(lambda: task.progress)
    return task


def heads(blender):
    import bpy

    return blender.heads.heads_of(bpy.context.scene)


def test_cancel_leaves_nothing_behind(blender, running):
    import bpy

    bpy.ops.facelift.cancel(task=running.id)
    blender.settle()
    assert running.state == "Cancelled"
    assert blender.session.tasks == [] and heads(blender) == []
    assert not [cloud for cloud in bpy.data.pointclouds if cloud.users]


def test_a_crashed_worker_is_told_and_started_again(blender, running):
    import bpy

    os.kill(blender.connection.client().pid, signal.SIGKILL)
    blender.settle()
    assert running.state == "Failed" and running.error.code == "worker-crashed"
    assert running.error.message and running.error.advice
    bpy.ops.facelift.retry(task=running.id)
    blender.settle()
    assert [task.state for task in blender.session.tasks] == ["Done"]
    assert len(heads(blender)) == 1


def test_opening_another_file_drops_jobs(blender, running):
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True)
    assert blender.session.tasks == [] and blender.session.photo is None
    for _ in range(20):
        blender.session.tick()
    assert heads(blender) == []


def test_undo_while_a_head_is_made_loses_nothing(blender, running):
    import bpy

    bpy.ops.ed.undo_push(message="before")
    bpy.ops.object.camera_add("EXEC_DEFAULT", True)
    bpy.ops.ed.undo()
    blender.settle()
    assert running.state == "Done" and len(heads(blender)) == 1


def test_a_head_arrives_while_the_user_edits_something_else(blender, running):
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.active_object
    bpy.ops.object.mode_set(mode="EDIT")
    blender.settle()
    assert len(heads(blender)) == 1
    assert bpy.context.view_layer.objects.active == cube and bpy.context.mode == "EDIT_MESH"
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_head_arrives_although_the_active_collection_is_excluded(blender, running):
    import bpy

    collection = bpy.data.collections.new("Hidden")
    bpy.context.scene.collection.children.link(collection)
    layer = bpy.context.view_layer.layer_collection.children["Hidden"]
    bpy.context.view_layer.active_layer_collection = layer
    layer.exclude = True
    blender.settle()
    (head,) = heads(blender)
    assert head.visible_get() and head.select_get()


def test_a_head_goes_to_the_scene_it_was_asked_for(blender, running):
    import bpy

    asked = bpy.context.scene
    bpy.context.window.scene = bpy.data.scenes.new("Other")
    blender.settle()
    assert len(blender.heads.heads_of(asked)) == 1
    assert heads(blender) == []


def test_a_missing_file_is_told(blender, tmp_path):
    import bpy

    bpy.ops.facelift.choose_photo(filepath=str(tmp_path / "gone.png"))
    blender.settle()
    assert blender.session.photo.error.code == "photo-gone"


def test_a_wrong_worker_command_is_told(blender, landscape):
    import bpy

    blender.connection.close()
    bpy.context.preferences.addons[PACKAGE].preferences.worker_command = "/nowhere/python -m core.worker"
    bpy.ops.facelift.choose_photo(filepath=str(landscape))
    blender.settle()
    assert blender.session.photo.error.code == "worker-not-started"
    blender.connection.close()


def test_an_engine_that_is_not_there_says_why(blender, landscape):
    import bpy

    bpy.ops.facelift.choose_photo(filepath=str(landscape))
    blender.settle()
    engine = blender.connection.engines()["facelift"]
    if engine["available"]:
        pytest.skip("the facelift engine is installed here")
    assert engine["reason"]
    bpy.context.scene.facelift.engine = "facelift"
    assert not bpy.ops.facelift.generate.poll()


def test_switching_the_extension_off_ends_everything_and_on_again_works(unhurried_worker, running):
    import bpy
    import psutil

    worker = psutil.Process(unhurried_worker.connection.client().pid)
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    assert not hasattr(bpy.types.Scene, "facelift")
    assert not hasattr(bpy.types, "FACELIFT_PT_main")
    psutil.wait_procs([worker], timeout=PATIENCE)
    assert not worker.is_running()
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    assert unhurried_worker.session.tasks == []
    assert bpy.context.scene.facelift.engine == "draft"


FAILURES = pytest.mark.parametrize(
    ("error", "advice"), [(MemoryError(), "Close other programs"), (KeyError("sh"), "report it")]
)


@pytest.fixture
def failing(blender, monkeypatch):
    """Have an error raised once some of a point cloud is made; return how to make it work again."""
    geometry, written = blender.module("facelift_addon.splats.data.geometry"), []
    write = geometry.write

    def failing(error):
        def fails(cloud, columns):
            written.extend(columns)
            if len(written) > 2:
                raise error
            write(cloud, columns)

        monkeypatch.setattr(geometry, "write", fails)
        return lambda: monkeypatch.setattr(geometry, "write", write)

    yield failing
    assert len(written) > 2


@FAILURES
def test_a_head_that_cannot_be_taken_in_leaves_no_trace(quick_worker, landscape, failing, error, advice):
    import bpy

    blender = quick_worker
    bpy.ops.facelift.choose_photo(filepath=str(landscape))
    blender.settle()
    repair = failing(error)
    bpy.ops.facelift.generate()
    (task,) = blender.session.tasks
    blender.tick_until(lambda: task.state == "Failed")
    assert advice in task.error.advice
    assert not bpy.data.pointclouds and not bpy.context.scene.objects
    repair()
    bpy.ops.facelift.retry(task=task.id)
    blender.settle()
    assert [task.state for task in blender.session.tasks] == ["Done"] and len(heads(blender)) == 1


@FAILURES
def test_a_file_that_cannot_be_taken_in_leaves_no_trace(blender, tmp_path, caplog, failing, error, advice):
    import bpy

    errands = blender.module("facelift_addon.making.errands")
    start = blender.module("facelift_addon.operators.importing").import_in_background
    path = tmp_path / "splats.ply"
    formats.save(surface_gaussians(50), path)
    repair = failing(error)
    start(bpy.context.scene, [path], "AUTO")
    blender.tick_until(lambda: not errands.tick())
    assert "splats.ply" in caplog.text and advice in caplog.text
    assert not bpy.data.pointclouds and not bpy.context.scene.objects
    repair()
    start(bpy.context.scene, [path], "AUTO")
    blender.tick_until(lambda: not errands.tick())
    assert len(bpy.context.scene.objects) == 1
