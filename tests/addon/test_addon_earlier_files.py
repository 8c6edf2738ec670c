"""Files of earlier versions open as they did: ``tests/data/heads-0.1.blend`` was written by version 0.1 in Blender 4.5.

It has a scene with three heads of one photo, which lies inside: one of the draft engine with a crop and a lens of its
own, and two that carry recipes of the FaceLift engine, the second one with the photo's hash in the other spelling.
A second scene has other choices. The heads were thinned to 1,500 splats.
"""

import hashlib
from pathlib import Path

import pytest

from tests.helpers.addon import needs_blender

pytestmark = needs_blender

FILE = Path(__file__).parents[1] / "data" / "heads-0.1.blend"


@pytest.fixture
def opened(quick_worker):
    """The extension with the old file open."""
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(FILE))
    yield quick_worker
    bpy.ops.wm.read_homefile(use_empty=True)


def digest():
    import bpy

    return hashlib.sha256(bpy.data.images["astronaut.jpg"].packed_file.data).hexdigest()


def test_the_scenes_have_their_choices(opened):
    import bpy

    first, second = (bpy.data.scenes[name].facelift for name in ("Scene", "Second"))
    assert (first.engine, first.quality, first.body, first.seed) == ("draft", "low", "neck", 7)
    assert (first.lens, first.lens_mm, first.lens_degrees) == ("mm", 85.0, 33.0)
    assert first.head_height == pytest.approx(0.3) and first.image.name == "astronaut.jpg"
    assert (second.engine, second.steps, second.preset) == ("facelift", 30, "fast")
    assert (second.quality, second.lens) == ("medium", "telephoto")
    assert (second.body, second.seed) == ("shoulders", 0)


def test_the_heads_have_their_recipes(opened):
    import bpy

    draft, whole, second = (
        opened.recipes.of(bpy.data.objects[name]) for name in ("astronaut", "facelift whole", "facelift second")
    )
    assert {recipe.digests for recipe in (draft, whole, second)} == {(digest(),)}
    assert {recipe.portrait.photo.name for recipe in (draft, whole, second)} == {"astronaut.jpg"}
    assert draft.engine == "draft" and draft.licence == "CC0 / Apache-2.0"
    assert draft.settings == {"body": "neck", "quality": "low", "seed": 7, "straighten": True}
    shot = draft.portrait
    assert (shot.options.lens, shot.options.lens_mm, shot.options.face) == ("mm", 85.0, None)
    assert shot.photo.lens.degrees == pytest.approx(11.24, abs=0.01) and shot.photo.lens.source == "chosen"
    assert shot.edits.crop.size == pytest.approx(0.5207 * 1.05, abs=0.001)
    assert opened.recipes.edits_of(bpy.data.objects["astronaut"]) == shot.edits
    assert whole.engine == "facelift" and "Adobe Research License" in whole.licence
    assert whole.settings["steps"] == 30 and whole.settings["preset"] == "fast" and whole.seed == 11
    assert whole.portrait.options.aligned and whole.portrait.options.face is None
    assert not second.portrait.options.aligned and second.portrait.options.face == 1 and second.seed == 12


def test_a_head_is_made_again_as_it_was(opened):
    import bpy

    head = bpy.data.objects["astronaut"]
    bpy.context.view_layer.objects.active = head
    before, placed = opened.recipes.of(head), opened.heads.placement_of(head)
    assert bpy.ops.facelift.refit_lens.poll() and bpy.ops.facelift.regenerate.poll()
    assert bpy.ops.facelift.regenerate(mode="REPLACE") == {"FINISHED"}
    opened.settle()
    assert [task.error for task in opened.session.tasks if task.error] == []
    head = bpy.data.objects["astronaut"]
    after = opened.recipes.of(head)
    assert (after.settings, after.digests) == (before.settings, before.digests)
    assert after.portrait.options == before.portrait.options and after.portrait.edits == before.portrait.edits
    assert "facelift_recipe" in head and not {"facelift_settings", "facelift_photo_crop"} & set(head.keys())
    assert opened.heads.placement_of(head) == pytest.approx(placed)
    assert len(head.data.points) == 500, "the quick worker's"


def test_an_order_for_an_old_head_of_the_other_engine_has_its_settings(opened):
    import bpy

    orders, photos = opened.module("facelift_addon.making.orders"), opened.module("facelift_addon.photo.photos")
    head = bpy.data.objects["facelift second"]
    source = photos.PhotoSource.from_image(opened.recipes.photo_of(head))
    order = orders.order_as_made(bpy.context, head, source)
    assert order.engine == "facelift" and order.settings == opened.recipes.of(head).settings
    assert order.settings["preset"] == "fast" and order.capture.portrait.options.face == 1
    assert hashlib.sha256(order.source.read().result()).hexdigest() == digest()
