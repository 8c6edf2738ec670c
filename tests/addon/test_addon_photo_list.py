"""Several photos of one person: the list, one head from all of them, and what is told of each."""

from __future__ import annotations

import dataclasses
import io
import shutil

import numpy as np
import pytest

from tests.helpers.addon import needs_blender, save_photo
from tests.helpers.drawn import Layout

pytestmark = needs_blender

GREEN = (0, 255, 0)
"""What the quick engine takes for somebody else."""


@pytest.fixture
def several(quick_worker, monkeypatch):
    """Let the draft engine take nine photos, as the quick one in its place does; return how to change that."""
    description = quick_worker.module("core.engines.draft.description")

    def take(count):
        takes = dataclasses.replace(description.DESCRIPTION.takes, shots=count)
        monkeypatch.setattr(description, "DESCRIPTION", dataclasses.replace(description.DESCRIPTION, takes=takes))

    take(9)
    return take


@pytest.fixture
def photo(tmp_path):
    """Write a photo, noise by default; in a dark one the quick engine finds no face."""

    def photo(name, color=None):
        noise = np.random.default_rng(len(name) + ord(name[0])).integers(0, 255, (90, 80, 3), np.uint8)
        return save_photo(tmp_path / name, noise if color is None else np.full_like(noise, color))

    return photo


@pytest.fixture
def choose(quick_worker):
    """Choose photos as the file browser does."""
    import bpy

    def choose(*paths, add=False):
        files = [{"name": path.name} for path in paths]
        bpy.ops.facelift.choose_photo(directory=str(paths[0].parent), files=files, add=add)
        quick_worker.settle()

    return choose


@pytest.fixture
def listed(quick_worker, several, choose, photo):
    """Three photos of one person: the portrait, one whose side is said, and one without a face."""
    choose(photo("front.png"))
    choose(photo("left.png"), photo("back.png", (9, 9, 9)), add=True)
    row_of(quick_worker, "left.png").side = "left"
    quick_worker.settle()
    return quick_worker


def names(blender):
    return [photo.order.source.name for photo in blender.session.photos]


def find(blender, name):
    return next(photo for photo in blender.session.photos if photo.order.source.name == name)


def row_of(blender, name):
    import bpy

    return blender.module("facelift_addon.photo.rows").row_of(bpy.context, find(blender, name))


def standing(blender, name):
    """Return what the list says of a photo: what it shows, its state, and the sentence."""
    import bpy

    told = blender.module("facelift_addon.interface.photo_list").standing_of(bpy.context, find(blender, name))
    return told.shows, told.state, told.message


def drawn():
    """Return the texts and names of what the panel draws."""
    import types

    import bpy

    noted: list = []
    bpy.types.FACELIFT_PT_main.draw(types.SimpleNamespace(layout=Layout(noted)), bpy.context)
    return [text for entry in noted for text in entry[1:]]


def told_in_rows():
    """Return the texts of each row of the list, as the panel draws it."""
    import bpy

    drawn()
    rows = []
    for row in bpy.context.window_manager.facelift_photos:
        noted: list = []
        photos = bpy.types.FACELIFT_UL_photos
        photos.draw_item(photos, bpy.context, Layout(noted), None, row, 0, None, "")
        rows.append([text for entry in noted for text in entry[1:] if text])
    return rows


def head():
    import bpy

    return bpy.context.view_layer.objects.active


def generate(blender):
    import bpy

    assert bpy.ops.facelift.generate() == {"FINISHED"}
    blender.settle()
    assert [task.error for task in blender.session.tasks if task.error] == []
    return head()


def test_one_photo_looks_as_it_always_did(quick_worker, several, choose, photo):
    choose(photo("front.png"))
    assert not quick_worker.session.together
    texts = drawn()
    assert "facelift_photos" not in texts and "heads" not in texts and "lens" in texts


def test_photos_chosen_together_make_a_head_each_until_the_user_says_otherwise(listed, choose, photo):
    import bpy

    choose(photo("a.png"), photo("b.png"))
    settings = bpy.context.scene.facelift
    assert settings.heads == "EACH" and {"heads", "facelift_photos", "Generate 2 Heads"} <= set(drawn())
    settings.heads = "ONE"
    assert listed.session.together and "Generate Head from 2 Photos" in drawn()
    choose(photo("c.png"), add=True)
    assert settings.heads == "ONE" and names(listed) == ["a.png", "b.png", "c.png"]
    settings.heads = "EACH"
    choose(photo("d.png"), add=True)
    assert settings.heads == "EACH" and "Generate 4 Heads" in drawn()


def test_adding_to_a_photo_means_one_person_where_the_engine_takes_several(quick_worker, several, choose, photo):
    import bpy

    several(1)
    choose(photo("a.png"))
    choose(photo("b.png"), add=True)
    assert bpy.context.scene.facelift.heads == "EACH"
    several(9)
    choose(photo("a.png"))
    choose(photo("b.png"), add=True)
    assert bpy.context.scene.facelift.heads == "ONE"


def test_what_is_dropped_joins_a_list_of_one_person_and_else_takes_its_place(listed, photo):
    import bpy

    path = photo("dropped.png")
    dropped = {"directory": str(path.parent), "files": [{"name": path.name}]}
    bpy.ops.facelift.drop_photo(**dropped)
    assert names(listed) == ["front.png", "left.png", "back.png", "dropped.png"]
    bpy.context.scene.facelift.heads = "EACH"
    bpy.ops.facelift.drop_photo(**dropped)
    assert names(listed) == ["dropped.png"]
    listed.settle()


def test_the_list_says_what_each_photo_shows(listed):
    import bpy

    assert standing(listed, "front.png") == ("Portrait", "", "")
    assert standing(listed, "left.png") == ("Left", "", "")
    assert standing(listed, "back.png")[:2] == ("Side?", "help")
    assert told_in_rows() == [["front.png", "Portrait"], ["left.png", "Left"], ["back.png", "Help"]]
    row_of(listed, "left.png").side = "auto"
    listed.settle()
    assert standing(listed, "left.png")[0] == "3/4?"
    bpy.context.scene.facelift.heads = "EACH"
    assert told_in_rows() == [["front.png"], ["left.png"], ["back.png"]]


def test_one_head_is_made_of_all_and_each_photo_s_outcome_stays_on_it(listed, several):
    import bpy

    row_of(listed, "back.png").side = "back"
    listed.settle()
    made = generate(listed)
    capture = listed.recipes.of(made).capture
    assert [(shot.photo.name, shot.role, shot.options.side) for shot in capture.shots] == [
        ("front.png", "portrait", "auto"),
        ("left.png", "further", "left"),
        ("back.png", "further", "back"),
    ]
    assert [task.order.source.name for task in listed.session.tasks] == ["front.png"]
    shots, cameras = listed.module("facelift_addon.splats.data.shots"), listed.heads.photo_cameras_of(made)
    assert [(shot.state, shot.side) for shot in shots.of(made)] == [
        ("placed", "front"),
        ("placed", "left"),
        ("placed", "back"),
    ]
    assert list(cameras) == [0, 1, 2] and bpy.context.scene.camera == cameras[0]
    assert [standing(listed, name)[1] for name in names(listed)] == ["placed"] * 3
    bpy.context.view_layer.update()
    back = listed.module("facelift_addon.editing.shots").shots_of(made)[2]
    assert back.rgba.shape == (512, 512, 4) and np.allclose(back.rgba[..., :3], 9 / 255, atol=1e-3)
    assert back.camera.width == 512
    assert bpy.ops.facelift.look_through_photo(photo=2) == {"FINISHED"} and bpy.context.scene.camera == cameras[2]


def test_what_needs_help_gets_a_camera_to_begin_with_and_what_is_left_out_none(listed, choose, photo):
    import bpy

    choose(photo("green.png", GREEN), add=True)
    row_of(listed, "left.png").side = "auto"
    listed.settle()
    asked = "No face was found. Say which side of the head it shows."
    assert standing(listed, "back.png")[1:] == ("help", asked)
    made = generate(listed)
    assert standing(listed, "left.png")[1:] == ("help", "Its camera was not found.")
    # Once a head was made, what became of the photo counts: a side may have been found without being told.
    assert standing(listed, "back.png")[1:] == ("help", "Its camera was not found.")
    assert standing(listed, "green.png")[1:] == ("left-out", "It shows somebody else.")
    assert list(listed.heads.photo_cameras_of(made)) == [0, 1, 2]
    with pytest.raises(RuntimeError, match="left out"):
        bpy.ops.facelift.look_through_photo(photo=3)


def test_a_camera_that_nothing_is_known_of_stands_where_its_side_is_seen(blender):
    start = blender.module("facelift_addon.splats.scene.photo_cameras").start_camera
    # The face looks to -Y, so the person's own left is at +X.
    for side, direction in (("front", (0, -1, 0)), ("left", (1, 0, 0)), ("right", (-1, 0, 0)), ("back", (0, 1, 0))):
        position = start(side).position
        np.testing.assert_allclose(position / np.linalg.norm(position), direction, atol=1e-9)
        np.testing.assert_allclose(start(side).project(np.zeros((1, 3)))[0], [[256, 256]], atol=1e-6)


def test_the_first_that_shows_the_face_is_the_portrait_and_moving_changes_it(listed):
    import bpy

    listed.session.photo = find(listed, "left.png")
    bpy.ops.facelift.move_photo(direction="UP")
    assert names(listed) == ["left.png", "front.png", "back.png"]
    assert standing(listed, "front.png")[0] == "Portrait", "a profile leads no head"
    row_of(listed, "left.png").side = "auto"
    listed.settle()
    assert standing(listed, "left.png")[0] == "Portrait"
    assert standing(listed, "front.png")[0] == "3/4?"
    for _ in range(5):
        bpy.ops.facelift.move_photo(direction="DOWN")
    assert names(listed) == ["front.png", "back.png", "left.png"]
    made = generate(listed)
    assert [photo.name for photo in listed.recipes.of(made).capture.photos] == names(listed)


def test_the_list_s_selection_is_the_shown_photo(listed):
    import bpy

    manager = bpy.context.window_manager
    assert [row.name for row in manager.facelift_photos] == names(listed)
    manager.facelift_photo_shown = 0
    assert listed.session.photo is find(listed, "front.png")
    bpy.ops.facelift.clear_photo()
    assert [row.name for row in manager.facelift_photos] == ["left.png", "back.png"]
    assert manager.facelift_photo_shown == 0
    bpy.ops.facelift.clear_photo()
    assert len(manager.facelift_photos) == 1 and not listed.session.together


def test_what_is_prepared_anew_by_the_list_is_followed_where_nothing_else_ticks(listed):
    import bpy

    timers = listed.module("facelift_addon.making.timers")
    timers.sleep()
    bpy.context.scene.facelift.heads = "EACH"
    assert listed.session.busy and bpy.app.timers.is_registered(timers._on_timer)
    listed.settle()
    bpy.ops.facelift.clear_photo(photo=find(listed, "left.png").id)
    bpy.context.scene.facelift.heads = "ONE"
    listed.settle()
    timers.sleep()
    bpy.ops.facelift.clear_photo(photo=find(listed, "front.png").id)
    assert listed.session.busy and bpy.app.timers.is_registered(timers._on_timer)
    timers.sleep()


def test_every_photo_has_its_own_lens(listed):
    import bpy

    assert "lens" in drawn()
    row = row_of(listed, "left.png")
    row.lens = "mm"
    row.lens_mm = 85.0
    made = generate(listed)
    shots = listed.recipes.of(made).capture.shots
    assert [shot.options.lens for shot in shots] == ["auto", "mm", "auto"]
    assert shots[1].options.lens_mm == 85 and shots[1].photo.lens.source == "chosen"
    bpy.ops.facelift.clear_photo(photo=find(listed, "back.png").id)
    bpy.ops.facelift.clear_photo(photo=find(listed, "front.png").id)
    assert bpy.context.scene.facelift.lens == "mm", "alone, a photo's lens is the panel's"


def test_the_panel_s_lens_becomes_the_portrait_s_when_photos_are_added(quick_worker, several, choose, photo):
    import bpy

    choose(photo("front.png"))
    bpy.context.scene.facelift.lens = "selfie"
    choose(photo("left.png"), add=True)
    lenses = [each.order.options.lens for each in quick_worker.session.photos]
    assert lenses == ["selfie", "auto"]


def test_the_same_photo_twice_is_told_and_taken_once(listed, choose, tmp_path):
    shutil.copy(tmp_path / "left.png", tmp_path / "again.png")
    choose(tmp_path / "again.png", add=True)
    assert standing(listed, "again.png")[1:] == ("left-out", "It is the same photo as left.png, which is used once.")
    made = generate(listed)
    assert [photo.name for photo in listed.recipes.of(made).capture.photos] == ["front.png", "left.png", "back.png"]


def test_a_damaged_photo_is_told_by_name_and_the_others_stay(listed, choose, tmp_path):
    (tmp_path / "damaged.png").write_bytes((tmp_path / "left.png").read_bytes()[:900])
    choose(tmp_path / "damaged.png", add=True)
    assert any("damaged.png is damaged" in text for text in drawn())
    assert standing(listed, "damaged.png")[1] == "left-out"
    made = generate(listed)
    assert [photo.name for photo in listed.recipes.of(made).capture.photos] == ["front.png", "left.png", "back.png"]


def test_an_engine_that_takes_fewer_photos_says_so_and_takes_the_first(listed, several):
    several(1)
    why = "The Draft engine makes a head from one photo."
    assert [standing(listed, name)[1:] for name in names(listed)] == [("", ""), ("left-out", why), ("left-out", why)]
    assert "Generate Head from the Portrait" in drawn()
    assert [photo.name for photo in listed.recipes.of(generate(listed)).capture.photos] == ["front.png"]
    several(2)
    assert standing(listed, "left.png")[2] == ""
    assert standing(listed, "back.png")[2] == "The Draft engine makes a head from 2 photos at most."


def test_the_generating_engine_takes_the_list_with_every_photo_s_lens(listed):
    import bpy

    together, orders = (listed.module(f"facelift_addon.making.{name}") for name in ("together", "orders"))
    bpy.context.scene.facelift.engine = "facelift"
    row_of(listed, "left.png").lens = "telephoto"
    assert [standing(listed, name)[1] for name in names(listed)] == ["", "", "help"]
    capture = together.capture_of(listed.session.photos, "facelift")
    assert [shot.options.lens for shot in capture.shots] == ["auto", "telephoto", "auto"]
    assert capture.shots[1].options.side == "left"
    # Only with several photos: one alone is always seen as by the rig's camera.
    assert orders.takes_lens("facelift", 2) and not orders.takes_lens("facelift")
    assert orders.takes_lens("draft") and orders.takes_lens("draft", 2)
    alone = together.capture_of(listed.session.photos[:1], "facelift")
    assert [shot.options.lens for shot in alone.shots] == ["auto"]


def test_no_head_without_a_face(quick_worker, several, choose, photo):
    import bpy

    choose(photo("a.png", (9, 9, 9)))
    choose(photo("b.png", (8, 8, 8)), add=True)
    assert quick_worker.session.together
    with pytest.raises(RuntimeError, match="No photo shows the face"):
        bpy.ops.facelift.generate()


def test_the_same_head_again_is_a_variant(listed):
    import bpy

    generate(listed)
    assert listed.module("facelift_addon.making.orders").makes_variant(bpy.context)
    generate(listed)
    seeds = sorted(listed.recipes.of(each).seed for each in listed.heads.heads_of(bpy.context.scene))
    assert seeds == [0, 1]
    row_of(listed, "back.png").side = "back"
    listed.settle()
    assert not listed.module("facelift_addon.making.orders").makes_variant(bpy.context)


def test_a_saved_head_keeps_its_photos_and_tells_which_are_gone(listed, tmp_path):
    import bpy

    row_of(listed, "back.png").side = "back"
    listed.settle()
    generate(listed)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    assert listed.session.photos == [] and len(bpy.context.window_manager.facelift_photos) == 0
    kept = listed.module("facelift_addon.splats.data.shots").of(head())
    assert [shot.side for shot in kept] == ["front", "left", "back"]
    assert list(listed.heads.photo_cameras_of(head())) == [0, 1, 2]
    assert bpy.ops.facelift.choose_head_photos() == {"FINISHED"}
    listed.settle()
    assert listed.session.together and names(listed) == ["front.png", "left.png", "back.png"]
    assert [standing(listed, name)[:2] for name in names(listed)] == [
        ("Portrait", "placed"),
        ("Left", "placed"),
        ("Back", "placed"),
    ]
    assert bpy.ops.facelift.regenerate(mode="REPLACE") == {"FINISHED"}
    listed.settle()
    assert len(listed.recipes.of(head()).capture.shots) == 3
    (tmp_path / "left.png").unlink()
    with pytest.raises(RuntimeError, match=r"Not where they were: left\.png"):
        bpy.ops.facelift.regenerate(mode="REPLACE")
    bpy.ops.facelift.choose_head_photos()
    listed.settle()
    assert names(listed) == ["front.png", "back.png"]


def test_a_head_of_fewer_photos_gives_the_others_cameras_back(listed):
    import bpy

    row_of(listed, "back.png").side = "back"
    listed.settle()
    made = generate(listed)
    arrivals = listed.module("facelift_addon.splats.scene.photo_cameras")
    cameras = listed.heads.photo_cameras_of(made)
    cameras[1].keyframe_insert("location", frame=1)
    own, gone = cameras[1].name, cameras[2].name
    outcomes = listed.module("core.engines.outcomes")
    front = listed.module("core.cameras").front_camera()
    picture = next(image.packed_file.data for image in bpy.data.images if image.packed_file is not None)
    shot = outcomes.ShotOutcome("placed", camera=front, picture=picture)
    arrivals.keep(bpy.context.scene, made.users_collection[0], made, [arrivals.ArrivingShot(shot)], np.eye(4))
    assert list(listed.heads.photo_cameras_of(made)) == [0]
    assert own in bpy.data.objects and gone not in bpy.data.objects


@pytest.mark.once
def test_a_photo_of_a_hundred_megapixels_is_told_and_shown_small(blender, photo, tmp_path):
    import bpy
    from PIL import Image

    from tests.helpers.photo import astronaut

    path = tmp_path / "large.jpg"
    Image.fromarray(astronaut()).resize((12000, 8500), box=(0, 0, 512, 512 * 8500 / 12000)).save(path)
    bpy.ops.facelift.choose_photo(filepath=str(photo("front.png")))
    bpy.ops.facelift.choose_photo(filepath=str(path), add=True)
    blender.settle()
    large = find(blender, "large.jpg")
    assert large.error is None and large.found.has_face
    assert "The photo was scaled down from 102 megapixels to 4096 x 2901." in large.found.notes
    # What Blender's main thread gets is as small as for any photo.
    with Image.open(io.BytesIO(large.found.picture_png)) as picture:
        assert max(picture.size) <= 1536
    with Image.open(io.BytesIO(large.found.aligned_png)) as picture:
        assert picture.size == (512, 512)


def test_a_photo_in_which_nobody_was_found_waits_to_be_placed_by_hand(listed, choose, photo):
    """It takes part in the head: where it is left out, its picture is kept, and the user places it."""
    choose(photo("night.png", (0, 0, 0)), add=True)
    assert find(listed, "night.png").error is None
    shows, state, message = standing(listed, "night.png")
    assert (shows, state) == ("Side?", "help") and "by hand" in message
    row_of(listed, "night.png").side = "back"
    listed.settle()
    shows, state, message = standing(listed, "night.png")
    assert (shows, state) == ("Back", "help") and "by hand" in message
    together = listed.module("facelift_addon.making.together")
    numbers = {place.photo.order.source.name: place.number for place in together.places(listed.session.photos, "draft")}
    assert numbers["night.png"] is not None


def pictured(blender, name):
    """Return the pixels [H, W, 4] of a row's picture as Blender has it, the first row on top; None without."""
    photo_list = blender.module("facelift_addon.interface.photo_list")
    key = photo_list.picture_of(find(blender, name))
    return pixels_of(photo_list.previews, key) if key else None


def pixels_of(previews, key):
    icon = previews._icons[key]
    width, height = icon.image_size
    packed = np.empty(width * height, np.int32)
    icon.image_pixels.foreach_get(packed)
    assert max(icon.icon_size) == 32 and any(icon.icon_pixels), "rows draw the small one"
    return packed.view(np.uint8).reshape(height, width, 4)[::-1]


def test_every_row_has_its_picture_whatever_becomes_of_the_photo(quick_worker, several, choose, photo):
    colors = {"front.png": (200, 30, 90), "left.png": (20, 150, 220), "back.png": (9, 8, 7)}
    for name, color in colors.items():
        photo(name, color)
    choose(*(photo(name, color) for name, color in colors.items()))
    assert find(quick_worker, "back.png").error is not None, "no face was found, and it is no person's further photo"
    for name, color in colors.items():
        pixels = pictured(quick_worker, name)
        assert pixels.shape == (90, 80, 4) and (pixels == (*color, 255)).all()


def test_rows_keep_their_pictures_while_photos_are_looked_at_anew(listed):
    before = pictured(listed, "left.png")
    assert before is not None
    row_of(listed, "left.png").side = "right"
    assert find(listed, "left.png").result is None, "it is being looked at"
    np.testing.assert_array_equal(pictured(listed, "left.png"), before)
    row_of(listed, "left.png").side = "left"
    np.testing.assert_array_equal(pictured(listed, "left.png"), before)
    listed.settle()
    np.testing.assert_array_equal(pictured(listed, "left.png"), before)
    previews = listed.module("facelift_addon.interface.previews").previews
    photos = listed.session.photos
    known = {each.id for photo in photos for each in (photo, photo.earlier) if each is not None}
    assert {key.split("/")[0] for key in previews._icons} <= known, "of nothing else"
    listed.session.clear_photos()
    assert not previews._icons


def test_photos_that_failed_keep_their_pictures_while_they_are_looked_at_anew(quick_worker, several, choose, photo):
    import bpy

    choose(photo("front.png"), photo("back.png", (9, 8, 7)))
    assert find(quick_worker, "back.png").error is not None
    bpy.context.scene.facelift.heads = "ONE"
    assert find(quick_worker, "back.png").error is None and pictured(quick_worker, "back.png") is not None


def test_a_picture_that_is_exchanged_is_another_and_what_is_none_has_no_icon(blender):
    from core.system.pictures import png_bytes

    previews = blender.module("facelift_addon.interface.previews").Previews()
    for value in (10, 200):
        previews.show("one", png_bytes(np.full((40, 600, 3), value, np.uint8)))
        pixels = pixels_of(previews, "one")
        assert pixels.shape == (17, 256, 4) and (pixels == (value, value, value, 255)).all()
    previews.show("none", b"no picture")
    assert "none" not in previews and previews.icon("none") == previews.icon("other") == 0
    previews.close()
