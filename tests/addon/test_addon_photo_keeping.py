"""The chosen photos in .blend files: saved, opened again, moved away meanwhile."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.photo.edits import painted_matte
from tests.helpers.addon import needs_blender, save_photo
from tests.helpers.drawn import Layout

pytestmark = needs_blender


@pytest.fixture
def choose(quick_worker, tmp_path):
    """Choose photos by their names, made of noise, or dark where the quick engine is to find no face."""
    import bpy

    def choose(*names, add=False):
        for name in names:
            pixels = np.random.default_rng(ord(name[0])).integers(0, 255, (90, 80, 3), np.uint8)
            save_photo(tmp_path / name, np.full_like(pixels, 9) if name == "back.png" else pixels)
        files = [{"name": name} for name in names]
        bpy.ops.facelift.choose_photo(directory=str(tmp_path), files=files, add=add)
        quick_worker.settle()

    return choose


@pytest.fixture
def reopened(quick_worker, tmp_path):
    """Save the file and open it again, as Blender with a window does; return its photos, looked at."""
    import bpy

    keeping = quick_worker.module("facelift_addon.making.keeping")

    def reopened():
        path = str(tmp_path / "with photos.blend")
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.ops.wm.read_homefile(use_empty=True)
        keeping.choose_again()
        assert quick_worker.session.photos == [], "another file has no photos"
        bpy.ops.wm.open_mainfile(filepath=path)
        if bpy.app.timers.is_registered(keeping.choose_again):
            bpy.app.timers.unregister(keeping.choose_again)
            keeping.choose_again()
        quick_worker.settle()
        return quick_worker.session.photos

    return reopened


def names(blender):
    return [photo.order.source.name for photo in blender.session.photos]


@pytest.fixture
def edits(quick_worker):
    """Make edits of a photo as the installed copy has them, by its crop's numbers and its painted matte."""
    module = quick_worker.module("core.photo.edits")
    return lambda crop=None, matte=b"": module.PhotoEdits(None if crop is None else module.Crop(*crop), matte)


def matte() -> bytes:
    """What a stroke over the middle of a photo leaves."""
    before = np.zeros((90, 80), np.uint8)
    after = before.copy()
    after[30:60, 20:60] = 255
    return painted_matte(before, after, b"")


def drawn_panel():
    """Return the names and texts of what the panel draws."""
    import bpy

    noted: list = []
    bpy.types.FACELIFT_PT_main.draw(type("Panel", (), {"layout": Layout(noted)}), bpy.context)
    return [text for entry in noted for text in entry[1:]]


def told_in_rows(blender):
    """Return the texts of each row of the list, as the panel draws it."""
    import bpy

    drawn_panel()
    rows = []
    for row in bpy.context.window_manager.facelift_photos:
        noted: list = []
        bpy.types.FACELIFT_UL_photos.draw_item(
            bpy.types.FACELIFT_UL_photos, bpy.context, Layout(noted), None, row, 0, None, ""
        )
        rows.append([text for entry in noted for text in entry[1:] if text])
    return rows


def test_one_photo_comes_back_with_its_crop_and_matte(quick_worker, choose, reopened, edits):
    choose("front.png")
    (photo,) = quick_worker.session.photos
    changed = edits((0.5, 0.4, 0.7), matte())
    photo.order = photo.order.with_edits(changed).with_options(face=0)
    (photo,) = reopened()
    assert photo.order.edits == changed and photo.order.options.face == 0
    assert photo.found is not None and quick_worker.session.photo is photo and not quick_worker.session.together


def test_a_list_comes_back_as_it_was(quick_worker, choose, reopened, edits):
    import bpy

    choose("front.png")
    bpy.context.scene.facelift.lens = "selfie"
    choose("left.png", "back.png", add=True)
    session = quick_worker.session
    front, left, _ = session.photos
    left.order = left.order.with_edits(edits(matte=matte())).with_options(side="left", lens="mm", lens_mm=85.0)
    front.order = front.order.with_edits(edits((0.5, 0.5, 0.9)))
    by_hand = quick_worker.module("core.photo.hand_placement").HandPlacement
    camera = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, -1.0, 0.0, 0.0)
    left.order = left.order.with_placement(by_hand(edits((0.5, 0.5, 0.9)).crop, 1.2, (0.5, 0.5), camera))
    session.photo = left
    orders = [photo.order.capture for photo in session.photos]
    photos = reopened()
    assert [photo.order.capture for photo in photos] == orders
    assert session.together and bpy.context.scene.facelift.heads == "ONE" and session.photo is photos[1]
    assert [row.name for row in bpy.context.window_manager.facelift_photos] == ["front.png", "left.png", "back.png"]
    assert all(photo.further and photo.found is not None for photo in photos)
    assert [row[-1] for row in told_in_rows(quick_worker)] == ["Portrait", "By Hand", "Help"]
    # Saved once more without them, the file has none; what was painted on them goes with them.
    session.clear_photos()
    assert reopened() == []
    assert not [image for image in bpy.data.images if "matte" in image.name]
    assert not [key for key in bpy.context.scene.keys() if key.startswith("facelift_photo")]


def test_photos_of_different_people_come_back_so(quick_worker, choose, reopened):
    choose("a.png", "b.png")
    photos = reopened()
    assert len(photos) == 2 and not quick_worker.session.together
    assert not any(photo.further for photo in photos)


def test_a_crop_that_still_moves_when_the_file_is_saved_is_kept(quick_worker, choose, reopened, edits):
    editing = quick_worker.module("facelift_addon.photo.editing")
    choose("front.png")
    photo = quick_worker.session.photo
    moved = edits((0.4, 0.4, 0.5))
    editing.move_crop(quick_worker.session, moved.crop)
    (again,) = reopened()
    assert again.order.edits == moved
    assert photo.order.edits.crop is None, "saving changes nothing of what is chosen"


def test_an_image_of_the_file_comes_back(quick_worker, reopened):
    import bpy

    image = bpy.data.images.new("Packed", 80, 90)
    image.pixels.foreach_set(np.random.default_rng(0).random(80 * 90 * 4, np.float32))
    image.pack()
    bpy.context.scene.facelift.image = image
    quick_worker.settle()
    (photo,) = reopened()
    assert photo.order.source.image == "Packed" and photo.order.source.data and photo.found is not None


def test_a_photo_that_is_gone_says_so_in_its_row_and_stays_in_the_list(quick_worker, choose, reopened, tmp_path):
    choose("front.png")
    choose("left.png", "back.png", add=True)
    (tmp_path / "left.png").rename(tmp_path / "elsewhere.png")
    photos = reopened()
    assert names(quick_worker) == ["front.png", "left.png", "back.png"]
    assert photos[1].error.message == f"left.png is not in {tmp_path}."
    assert [row[-1] for row in told_in_rows(quick_worker)] == ["Portrait", "Missing", "Help"]
    # The next time it is there again: nothing that was chosen about it is lost.
    (tmp_path / "elsewhere.png").rename(tmp_path / "left.png")
    photos = reopened()
    assert photos[1].error is None and photos[1].found is not None


def image_paths():
    """Return the paths of the datablocks of the chosen photos, as the file has them."""
    import bpy

    scene = bpy.context.scene
    return [scene[key].filepath for key in sorted(scene.keys()) if key.startswith("facelift_photo_image")]


def open_file(blender, path):
    """Open a file, as Blender with a window does."""
    import bpy

    keeping = blender.module("facelift_addon.making.keeping")
    bpy.ops.wm.open_mainfile(filepath=str(path))
    if bpy.app.timers.is_registered(keeping.choose_again):
        bpy.app.timers.unregister(keeping.choose_again)
        keeping.choose_again()
    blender.settle()


def test_a_folder_that_moves_with_its_photos_keeps_them(quick_worker, choose, tmp_path):
    """Paths of photos are what Blender's preferences want of paths, also for heads, and Blender's tools change them."""
    import bpy

    before, after = tmp_path / "before", tmp_path / "after"
    (before / "photos").mkdir(parents=True)
    for name in ("front.png", "left.png", "right.png"):
        choose(name)
        (tmp_path / name).rename(before / "photos" / name)
    names = [{"name": name} for name in ("front.png", "left.png", "right.png")]
    bpy.ops.facelift.choose_photo(directory=str(before / "photos"), files=names)
    quick_worker.settle()
    bpy.ops.facelift.generate()
    quick_worker.settle()
    bpy.ops.wm.save_as_mainfile(filepath=str(before / "file.blend"))
    bpy.ops.wm.save_mainfile()
    assert image_paths() == [f"//photos/{name}" for name in ("front.png", "left.png", "right.png")]
    assert len([image for image in bpy.data.images if image.name.startswith("front.png")]) == 1, "the head shares it"

    before.rename(after)
    open_file(quick_worker, after / "file.blend")
    paths = [photo.order.source.path for photo in quick_worker.session.photos]
    assert paths == [after / "photos" / name for name in ("front.png", "left.png", "right.png")]
    assert not [photo.error for photo in quick_worker.session.photos if photo.error is not None]
    heads = quick_worker.heads.heads_of(bpy.context.scene)
    assert sorted(quick_worker.recipes.shot_of(head, 0).photo.path for head in heads) == sorted(paths)

    bpy.ops.file.make_paths_absolute()
    assert image_paths()[0] == str(after / "photos" / "front.png")
    bpy.ops.file.make_paths_relative()
    assert image_paths()[0] == "//photos/front.png"
    (tmp_path / "deep" / "er").mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "deep" / "er" / "file.blend"))
    assert image_paths()[0] == "//../../after/photos/front.png"
    open_file(quick_worker, tmp_path / "deep" / "er" / "file.blend")
    assert [photo.order.source.path for photo in quick_worker.session.photos] == paths


def test_paths_are_absolute_where_the_preferences_say_so(quick_worker, choose, tmp_path):
    import bpy

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    choose("front.png")
    choose("left.png", add=True)
    files = bpy.context.preferences.filepaths
    files.use_relative_paths = False
    try:
        bpy.ops.wm.save_mainfile(relative_remap=False)
    finally:
        files.use_relative_paths = True
    assert image_paths() == [str(tmp_path / "front.png"), str(tmp_path / "left.png")]


def test_photos_that_are_packed_are_in_the_file(quick_worker, choose, reopened, tmp_path):
    import bpy

    choose("front.png")
    reopened()
    bpy.ops.file.pack_all()
    (tmp_path / "front.png").unlink()
    (photo,) = reopened()
    assert photo.error is None and photo.order.source.data and photo.order.source.name == "front.png"


@pytest.mark.parametrize("how", ["by Blender", "by the user", "put back"])
def test_photos_that_are_gone_are_found_again(quick_worker, choose, reopened, tmp_path, how):
    import bpy

    choose("front.png")
    choose("left.png", add=True)
    photo = quick_worker.session.photos[1]
    photo.order = photo.order.with_options(side="left")
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "left.png"
    (tmp_path / "left.png").rename(moved)
    photos = reopened()
    quick_worker.session.photo = photos[1]
    assert "facelift.find_photo" in drawn_panel()
    if how == "by Blender":
        bpy.ops.file.find_missing_files(directory=str(tmp_path))
        bpy.ops.facelift.find_photo("INVOKE_DEFAULT")
    elif how == "by the user":
        bpy.ops.facelift.find_photo(filepath=str(moved))
    else:
        moved.rename(tmp_path / "left.png")
        bpy.ops.facelift.find_photo("INVOKE_DEFAULT")
    quick_worker.settle()
    photo = quick_worker.session.photos[1]
    assert photo.error is None and photo.order.options.side == "left"
    assert "facelift.find_photo" not in drawn_panel()
    place = photo.order.source.path
    assert place == (tmp_path / "left.png" if how == "put back" else moved)
    assert reopened()[1].order.source.path == place and reopened()[1].error is None


def test_photos_of_files_of_earlier_versions_are_found(quick_worker, choose, reopened, tmp_path):
    """They have paths in place of images."""
    import bpy

    choose("front.png")
    reopened()
    scene, keeping = bpy.context.scene, quick_worker.module("facelift_addon.making.keeping")
    del scene["facelift_photo_image"]
    scene["facelift_photo_path"] = str(tmp_path / "front.png")
    quick_worker.session.clear_photos()
    keeping.choose_again()
    quick_worker.settle()
    (photo,) = quick_worker.session.photos
    assert photo.order.source.path == tmp_path / "front.png" and photo.error is None
    reopened()
    assert "facelift_photo_path" not in bpy.context.scene and image_paths() == ["//front.png"]


def test_a_list_that_can_t_be_read_is_no_list(quick_worker, choose, reopened):
    import bpy

    choose("front.png")
    keeping = quick_worker.module("facelift_addon.making.keeping")
    for text in ("", "{", "[]", json.dumps({"photos": [{"name": "a", "role": "?"}], "together": 1, "shown": 0})):
        quick_worker.session.clear_photos()
        bpy.context.scene[keeping.LIST_KEY] = text
        keeping.choose_again()
        assert quick_worker.session.photos == []


def test_undo_takes_nothing_off_the_list(quick_worker, choose):
    import bpy

    bpy.ops.ed.undo_push(message="before")
    choose("front.png")
    choose("left.png", add=True)
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="Cube")
    before = [photo.order.capture for photo in quick_worker.session.photos]
    assert "Cube" in bpy.data.objects
    bpy.ops.ed.undo()
    assert "Cube" not in bpy.data.objects
    bpy.ops.ed.redo()
    quick_worker.settle()
    assert [photo.order.capture for photo in quick_worker.session.photos] == before
    assert [row.name for row in bpy.context.window_manager.facelift_photos] == ["front.png", "left.png"]
    assert [row[-1] for row in told_in_rows(quick_worker)] == ["Portrait", "3/4?"]
    bpy.ops.facelift.move_photo(direction="UP")
    assert names(quick_worker) == ["left.png", "front.png"]
