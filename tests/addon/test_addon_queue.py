"""Several photos, and Generate pressed again: one head at a time, in order, and none twice."""

from __future__ import annotations

import shutil
from concurrent.futures import Future

import pytest

from tests.helpers.addon import needs_blender

pytestmark = needs_blender


@pytest.fixture
def photos(landscape, tmp_path):
    """Three photos, whose names tell their order."""
    paths = [tmp_path / f"{name}.png" for name in ("c", "a", "b")]
    for path in paths:
        shutil.copy(landscape, path)
    return paths


@pytest.fixture
def choose(quick_worker):
    """Choose photos as the file browser does."""
    import bpy

    def choose(*paths):
        files = [{"name": path.name} for path in paths]
        bpy.ops.facelift.choose_photo(directory=str(paths[0].parent), files=files)
        quick_worker.settle()

    return choose


def heads(blender):
    import bpy

    return blender.heads.heads_of(bpy.context.scene)


def seeds(blender):
    return sorted(blender.recipes.of(head).seed for head in heads(blender))


def names(tasks):
    return [task.order.source.name for task in tasks]


def press():
    """Press Generate Head; return whether it could be."""
    import bpy

    return bpy.ops.facelift.generate.poll() and bpy.ops.facelift.generate() == {"FINISHED"}


def test_several_photos_are_looked_at_first(quick_worker, choose, photos):
    import bpy

    blender = quick_worker
    choose(*photos)
    session = blender.session
    assert session.tasks == [] and names(session.photos) == ["c.png", "a.png", "b.png"]
    assert all(photo.result for photo in session.photos)
    assert session.photo is session.photos[0]
    bpy.context.window_manager.facelift_photo_shown = 2
    assert session.photo.order.source.name == "b.png"
    bpy.ops.facelift.clear_photo(photo=session.photos[1].id)
    assert names(session.photos) == ["c.png", "b.png"] and session.photo is session.photos[1]
    bpy.ops.facelift.clear_photo()
    assert names(session.photos) == ["c.png"] and session.photo is session.photos[0]
    bpy.ops.facelift.clear_photo()
    assert session.photos == [] and session.photo is None


def test_one_head_is_made_at_a_time_in_the_order_of_the_photos(quick_worker, choose, photos):
    blender = quick_worker
    choose(*photos)
    assert press()
    tasks = blender.session.tasks
    assert names(tasks) == ["c.png", "a.png", "b.png"]
    order, running = [], 0

    def watch():
        nonlocal running
        at_work = [task for task in tasks if task.state == "Starting"]
        running = max(running, len(at_work))
        order.extend(task for task in at_work if task not in order)
        return not blender.session.busy

    blender.tick_until(watch)
    assert running == 1 and order == tasks
    assert [task.state for task in tasks] == ["Done"] * 3
    assert sorted(head.name for head in heads(blender)) == ["a", "b", "c"]


def test_a_photo_from_a_slow_disk_keeps_its_place(quick_worker, choose, photos):
    import bpy

    blender = quick_worker
    choose(*photos)
    press()
    first, second, _ = blender.session.tasks
    first._reading, real = (Future(),), first._reading
    blender.tick_until(second._reading[0].done)
    for _ in range(5):
        blender.session.tick()
    assert second.state == "Reading the photo"
    first._reading = real
    blender.settle()
    assert names(blender.session.tasks) == names(blender.session.photos)
    assert [head.name for head in bpy.data.objects if head.type == "POINTCLOUD"] == ["a", "b", "c"]


def test_each_in_the_row_can_be_cancelled(unhurried_worker, choose, photos):
    import bpy

    blender = unhurried_worker
    choose(*photos)
    press()
    first, waiting, last = blender.session.tasks
    blender.tick_until(lambda: first.progress)
    assert waiting.state == "Waiting"
    bpy.ops.facelift.cancel(task=waiting.id)
    blender.tick_until(lambda: waiting not in blender.session.tasks)
    assert first.state == "Starting" and last.state == "Waiting"
    bpy.ops.facelift.cancel(task=first.id)
    blender.settle()
    assert [head.name for head in heads(blender)] == ["b"]


def test_all_can_be_cancelled_at_once(unhurried_worker, choose, photos):
    import bpy

    blender = unhurried_worker
    choose(*photos)
    press()
    blender.tick_until(lambda: blender.session.tasks[0].progress)
    bpy.ops.facelift.cancel_all()
    blender.settle()
    assert blender.session.tasks == [] and heads(blender) == []
    assert not bpy.ops.facelift.cancel_all.poll()


def test_the_same_head_is_not_made_twice_at_once(quick_worker, choose, photos):
    import bpy

    blender = quick_worker
    choose(photos[0])
    assert press() and not press()
    with pytest.raises(RuntimeError, match="being made already"):
        bpy.ops.facelift.generate()
    bpy.context.scene.facelift.quality = "low"
    assert press(), "other settings are another head"
    blender.settle()
    assert len(heads(blender)) == 2


def test_the_same_photo_among_several_is_taken_once(quick_worker, choose, photos):
    choose(photos[0], photos[1], photos[0])
    assert press()
    assert names(quick_worker.session.tasks) == ["c.png", "a.png"]


def test_generate_again_makes_a_variant(quick_worker, choose, photos):
    import bpy

    blender = quick_worker
    orders = blender.module("facelift_addon.making.orders")
    choose(photos[0])
    assert not orders.makes_variant(bpy.context)
    press()
    blender.settle()
    assert orders.makes_variant(bpy.context)
    assert press() and not press()
    blender.settle()
    assert seeds(blender) == [0, 1]
    bpy.context.scene.facelift.seed = 7
    assert not orders.makes_variant(bpy.context)
    press()
    blender.settle()
    assert seeds(blender) == [0, 1, 7]
    # Gone heads don't count, and another size is another head.
    bpy.context.scene.facelift.seed = 0
    for head in heads(blender):
        bpy.data.objects.remove(head)
    assert not orders.makes_variant(bpy.context)
    press()
    blender.settle()
    bpy.context.scene.facelift.head_height = 0.3
    assert not orders.makes_variant(bpy.context)
    press()
    blender.settle()
    assert seeds(blender) == [0, 0]


def test_a_changed_file_is_another_photo(quick_worker, choose, photos):
    import bpy
    from PIL import Image

    blender = quick_worker
    choose(photos[0])
    press()
    blender.settle()
    Image.new("RGB", (64, 64), "red").save(photos[0])
    choose(photos[0])
    assert not blender.module("facelift_addon.making.orders").makes_variant(bpy.context)
    assert press()
    blender.settle()
    assert seeds(blender) == [0, 0]


def test_regenerate_twice_is_told(quick_worker, choose, photos):
    import bpy

    blender = quick_worker
    choose(photos[0])
    press()
    blender.settle()
    bpy.ops.facelift.regenerate(mode="REPLACE")
    with pytest.raises(RuntimeError, match="being made already"):
        bpy.ops.facelift.regenerate(mode="REPLACE")
    bpy.ops.facelift.regenerate(mode="ADD")
    bpy.ops.facelift.regenerate(mode="ADD")
    blender.settle()
    assert seeds(blender) == [0, 1, 2]
