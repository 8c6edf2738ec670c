"""Crop and matte of the chosen photo: moved and mended by hand, kept by the head, used again."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.addon import needs_blender, save_photo
from tests.helpers.photo import astronaut as astronaut_pixels

pytestmark = needs_blender


@pytest.fixture
def photo(blender, astronaut):
    """The chosen astronaut, prepared."""
    import bpy

    bpy.ops.facelift.choose_photo(filepath=str(astronaut))
    blender.settle()
    return blender.session.photo


def aligned_of(blender) -> np.ndarray:
    """The prepared picture [512, 512, 4] of the shown photo."""
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(blender.session.photo.result.aligned_png)))


def lasso(corners, mode):
    import bpy

    path = [{"name": "", "loc": corner, "time": 0.0} for corner in corners]
    return bpy.ops.facelift.lasso_matte("EXEC_DEFAULT", path=path, mode=mode)


LEFT_HALF = [(0.0, 0.0), (0.44, 0.0), (0.44, 1.0), (0.0, 1.0)]
"""Everything left of the astronaut's nose, in the image's coordinates."""


def test_the_crop_is_moved_kept_and_reset(blender, photo):
    import bpy

    automatic = photo.result.crop
    before = aligned_of(blender)
    assert bpy.ops.facelift.set_crop(x=automatic.x, y=automatic.y, size=automatic.size * 2) == {"FINISHED"}
    blender.settle()
    found = blender.session.photo.result
    assert found.crop.size == pytest.approx(automatic.size * 2)
    # Twice the part: the picture of before is its middle, at half the size.
    smaller = before[::2, ::2, :3].astype(int)
    assert np.abs(aligned_of(blender)[128:384, 128:384, :3].astype(int) - smaller)[80:240, 60:200].mean() < 12
    assert bpy.ops.facelift.reset_crop() == {"FINISHED"}
    blender.settle()
    assert blender.session.photo.order.edits.crop is None
    np.testing.assert_array_equal(aligned_of(blender), before)
    assert not bpy.ops.facelift.reset_crop.poll()


def test_the_panels_numbers_move_the_crop_once_they_rest(blender, photo):
    import bpy

    scene = bpy.context.scene.facelift
    automatic = photo.result.crop
    assert tuple(scene.crop_center) == pytest.approx((automatic.x, automatic.y))
    for step in range(5):
        scene.crop_center = (automatic.x + 0.01 * step, automatic.y)
    scene.crop_size = automatic.size * 1.1
    assert blender.session.photo is photo, "nothing is prepared while the handles move"
    blender.settle()
    assert blender.session.photo.result.crop.x == pytest.approx(automatic.x + 0.04, abs=1e-4)
    assert blender.session.photo.result.crop.size == pytest.approx(automatic.size * 1.1, abs=1e-4)


def test_a_crop_without_a_face_is_told_and_can_be_reset(blender, photo):
    import bpy

    bpy.ops.facelift.set_crop(x=0.9, y=0.1, size=0.15)
    blender.settle()
    assert blender.session.photo.error.code == "no-face"
    assert bpy.ops.facelift.reset_crop() == {"FINISHED"}
    blender.settle()
    assert blender.session.photo.error is None


def test_a_lasso_removes_and_keeps(blender, photo):
    before = aligned_of(blender)
    assert before[300, 200, 3] == 255
    assert lasso(LEFT_HALF, "REMOVE") == {"FINISHED"}
    blender.settle()
    removed = aligned_of(blender)
    assert removed[300, 150:220, 3].max() == 0
    np.testing.assert_array_equal(removed[:, 300:, 3], before[:, 300:, 3])
    assert lasso(LEFT_HALF, "KEEP") == {"FINISHED"}
    blender.settle()
    assert aligned_of(blender)[80:500, 20:230, 3].min() == 255, "background inside the outline is kept, too"
    import bpy

    assert bpy.ops.facelift.reset_matte() == {"FINISHED"}
    blender.settle()
    np.testing.assert_array_equal(aligned_of(blender), before)


def test_painting_on_the_photo_is_taken_over(blender, photo):
    """Blender's brushes change the image's pixels; so does this."""
    import bpy

    before = aligned_of(blender)
    assert bpy.ops.facelift.edit_photo(mode="REMOVE") == {"FINISHED"}
    image = blender.module("facelift_addon.photo.editing").image()
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(height, width, 4)
    pixels[:, : int(0.44 * width), 3] = 0
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    assert image.is_dirty
    assert bpy.ops.facelift.take_matte() == {"FINISHED"}
    blender.settle()
    mended = aligned_of(blender)
    assert mended[300, 150:220, 3].max() == 0
    np.testing.assert_array_equal(mended[:, 300:, 3], before[:, 300:, 3])
    assert not blender.module("facelift_addon.photo.editing").image().is_dirty, "the image shows what was taken"


def alpha_of(image) -> np.ndarray:
    """Alpha of an image's pixels."""
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return pixels[3::4]


def test_undo_leaves_the_photo_that_is_being_edited(blender, photo):
    """The first stroke's undo goes back to the step before it, and a later one behind the photo's image."""
    import bpy

    editing = blender.module("facelift_addon.photo.editing")
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.facelift.edit_photo(mode="REMOVE")
    before = alpha_of(editing.image())
    bpy.ops.ed.undo_push(message="a stroke")
    bpy.ops.ed.undo()
    np.testing.assert_array_equal(alpha_of(editing.image()), before)
    bpy.ops.ed.undo()
    assert editing.image() is None
    blender.session.tick()
    np.testing.assert_array_equal(alpha_of(editing.image()), before)
    bpy.ops.ed.redo()
    blender.session.tick()
    assert editing.image() is not None, "showing it again was no step of its own"


def test_undo_goes_behind_a_mended_matte_and_on(blender, photo):
    import bpy

    editing = blender.module("facelift_addon.photo.editing")
    bpy.context.scene.facelift.quality = "high"
    bpy.ops.ed.undo_push(message="high")
    bpy.context.scene.facelift.quality = "low"
    bpy.ops.ed.undo_push(message="low")
    bpy.ops.facelift.edit_photo(mode="REMOVE")
    lasso(LEFT_HALF, "REMOVE")
    blender.settle()
    mended = alpha_of(editing.image())
    for _ in range(3):
        bpy.ops.ed.undo()
        blender.session.tick()
        np.testing.assert_array_equal(alpha_of(editing.image()), mended)
    assert bpy.context.scene.facelift.quality == "high"


def test_generate_takes_painting_and_the_head_keeps_it(blender, photo, tmp_path):
    import bpy

    bpy.context.scene.facelift.quality = "low"
    crop = photo.result.crop
    bpy.ops.facelift.set_crop(x=crop.x + 0.02, y=crop.y, size=crop.size * 1.2)
    lasso([(0.0, 0.0), (1.0, 0.0), (1.0, 0.35), (0.0, 0.35)], "REMOVE")
    bpy.ops.facelift.generate()
    blender.settle()
    head = bpy.context.view_layer.objects.active
    edits = blender.recipes.edits_of(head)
    assert edits.crop.size == pytest.approx(crop.size * 1.2, rel=1e-5)
    assert edits.matte.startswith(b"\x89PNG")
    made = blender.module("facelift_addon.splats.data.geometry").to_gaussians(head.data)

    assert bpy.ops.facelift.regenerate(mode="REPLACE") == {"FINISHED"}
    blender.settle()
    assert bpy.context.view_layer.objects.active == head
    again = blender.module("facelift_addon.splats.data.geometry").to_gaussians(head.data)
    np.testing.assert_array_equal(again.means, made.means)
    assert blender.recipes.edits_of(head) == edits

    path = tmp_path / "mended.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert blender.recipes.edits_of(bpy.data.objects["astronaut"]) == edits


def test_heads_of_older_files_have_no_edits(blender, quick_worker, photo):
    import bpy

    bpy.ops.facelift.generate()
    blender.settle()
    head = bpy.context.view_layer.objects.active
    assert "facelift_photo_matte" not in head
    edits = blender.recipes.edits_of(head)
    assert edits.crop is None and edits.matte == b""


def test_what_will_suffer_is_known_before_generate(blender, tmp_path):
    import bpy

    cut = save_photo(tmp_path / "cut.png", astronaut_pixels()[60:])
    bpy.ops.facelift.choose_photo(filepath=str(cut))
    blender.settle()
    findings = blender.session.photo.result.findings
    assert [finding.code for finding in findings] == ["skull-cut"]
    assert findings[0].suffers


def test_photos_are_chosen_by_what_they_show():
    import bpy

    properties = bpy.ops.facelift.choose_photo.get_rna_type().properties
    assert properties["display_type"].default == "THUMBNAIL"
    assert properties["filter_image"].default
    assert properties["hide_props_region"].default, "beside the pictures is no empty column"
