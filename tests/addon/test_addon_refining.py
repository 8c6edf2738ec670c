"""Refine to Photos through the installed extension: heads, imported splats, undo, the original, what is refused."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.cameras import Camera
from core.rasterize import render
from core.rasterize.metrics import psnr
from core.splats.parts import Part
from tests.helpers.addon import PACKAGE, add_splats, needs_blender
from tests.helpers.drawn import Layout
from tests.helpers.refining_worker_entry import SHIFT
from tests.helpers.shell import ball, photo

pytestmark = needs_blender

COUNT, SIZE = 1500, 128
FRONT = Camera.orbit(270, size=SIZE)
REFINING_WORKER = Path(__file__).resolve().parents[1] / "helpers" / "refining_worker_entry.py"


@pytest.fixture
def truth():
    return ball(COUNT)


@pytest.fixture
def head(blender, truth):
    """Splats whose colours are wrong, turned and moved, with an attribute of their own."""
    generator = np.random.default_rng(0)
    sh = truth.sh + generator.normal(scale=0.4, size=truth.sh.shape)
    parts = np.where(np.arange(COUNT) % 2, Part.HAIR, Part.SKIN)
    head = add_splats(blender, truth.replace(sh=sh, parts=parts, extras={"strand": np.arange(COUNT) % 50}))
    head.location, head.rotation_euler.z, head.scale = (1, 2, 3), 0.7, (0.5, 0.5, 0.5)
    return head


def add_camera(head, truth, alpha=True, parent=None):
    """Add a camera that sees the splats as FRONT does, with the truth's picture as its background."""
    import bpy
    from mathutils import Matrix

    bpy.context.view_layer.update()
    view = photo(truth, FRONT)
    rgba = np.dstack([view.image, view.alpha if alpha else np.ones_like(view.alpha)])
    image = bpy.data.images.new("picture", SIZE, SIZE, alpha=alpha)
    image.pixels.foreach_set(np.ascontiguousarray(rgba[::-1], np.float32).ravel())
    image.update()
    data = bpy.data.cameras.new("camera")
    data.sensor_width, data.lens = 36.0, FRONT.fx / SIZE * 36.0
    data.background_images.new().image = image
    camera = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(camera)
    if parent is not None:
        camera.parent = parent
        camera.matrix_basis = Matrix(FRONT.blender_matrix().tolist())
    else:
        # Where the picture is seen from, with the head's place and size.
        location, rotation, _ = (head.matrix_world @ Matrix(FRONT.blender_matrix().tolist())).decompose()
        camera.matrix_world = Matrix.LocRotScale(location, rotation, None)
    bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = SIZE
    bpy.context.view_layer.update()
    return camera


@pytest.fixture
def photographed(blender, head, truth):
    """The same as a head with its photo camera."""
    add_camera(head, truth, parent=head)[blender.heads.PHOTO_CAMERA_KEY] = True
    return head


def refine(head, **settings):
    import bpy

    bpy.context.view_layer.objects.active = head
    return bpy.ops.facelift.refine_to_photos(**settings)


def stored(blender, head):
    return blender.module("facelift_addon.splats.data.baking").stored(head)


def likeness(blender, head, truth):
    """How near the object's splats are to the truth from the photo's side, in dB."""
    grey = (0.5, 0.5, 0.5)
    return psnr(render(stored(blender, head), FRONT, grey).image, render(truth, FRONT, grey).image)


def test_a_head_comes_to_look_like_its_photo_in_one_undo_step(blender, photographed, truth):
    import bpy

    head, name, before = photographed, photographed.name, likeness(blender, photographed, truth)
    bpy.ops.ed.undo_push(message="head")
    assert refine(head, use_split=False) == {"FINISHED"}
    bpy.ops.ed.undo_push(message="refined")
    assert likeness(blender, head, truth) > before + 8
    bpy.ops.ed.undo()
    assert likeness(blender, bpy.data.objects[name], truth) == pytest.approx(before, abs=0.01)


def test_labels_strands_and_the_way_back_are_kept(blender, photographed, truth):
    import bpy

    head = photographed
    before = stored(blender, head)
    attribute = head.data.attributes.new("mine", "INT", "POINT")
    attribute.data.foreach_set("value", np.arange(COUNT, dtype=np.int32))
    refine(head)
    after = stored(blender, head)
    sources = after.extras["mine"]
    assert len(after) >= COUNT
    np.testing.assert_array_equal(after.parts, before.parts[sources])
    np.testing.assert_array_equal(after.extras["strand"], before.extras["strand"][sources])
    assert bpy.ops.facelift.reset_to_original() == {"FINISHED"}
    reset = stored(blender, head)
    assert len(reset) == COUNT
    np.testing.assert_allclose(reset.sh, before.sh, atol=1e-6)


def test_half_strength_goes_half_the_way(blender, photographed, truth):
    before = stored(blender, photographed).sh
    refine(photographed, use_split=False, use_outlines=False, strength=0.5)
    half = stored(blender, photographed).sh
    blender.module("facelift_addon.editing.storage").update(
        photographed, stored(blender, photographed).replace(sh=before)
    )
    refine(photographed, use_split=False, use_outlines=False)
    np.testing.assert_allclose(half - before, (stored(blender, photographed).sh - before) / 2, atol=1e-4)


@pytest.mark.parametrize("alpha", [True, False])
def test_imported_splats_take_the_picture_of_a_chosen_camera(blender, head, truth, alpha):
    before = likeness(blender, head, truth)
    camera = add_camera(head, truth, alpha)
    assert refine(head, photos=camera.name) == {"FINISHED"}
    assert likeness(blender, head, truth) > before + 4


def test_in_the_background_it_can_be_cancelled(blender, photographed, truth):
    import bpy

    errands = blender.module("facelift_addon.making.errands")
    refining = blender.module("facelift_addon.operators.refining")
    before = likeness(blender, photographed, truth)
    # Without a window, Blender runs operators at once: this is what the button does.
    begin = partial(refining.refine_in_background, bpy.context, photographed, refining.OWN_PHOTOS)
    begin(refining.RefineOptions(), 1.0)
    errands.cancel(refining.REFINING)
    blender.tick_until(lambda: not errands.tick())
    assert likeness(blender, photographed, truth) == pytest.approx(before, abs=0.01)
    begin(refining.RefineOptions(), 1.0)
    blender.tick_until(lambda: not errands.tick())
    assert likeness(blender, photographed, truth) > before + 6


def test_it_says_why_it_can_not_run(blender, head, truth):
    import bpy

    with pytest.raises(RuntimeError, match="no photo: give a camera"):
        refine(head)
    camera = add_camera(head, truth)
    bpy.context.scene.render.resolution_x = 2 * SIZE
    with pytest.raises(RuntimeError, match="another shape"):
        refine(head, photos=camera.name)
    bpy.context.scene.render.resolution_x = SIZE
    camera.data.type = "ORTHO"
    with pytest.raises(RuntimeError, match="no perspective"):
        refine(head, photos=camera.name)
    camera.data.type = "PERSP"
    camera.rotation_euler.x += 2
    bpy.context.view_layer.update()
    before = stored(blender, head).sh
    with pytest.raises(RuntimeError, match="does not see"):
        refine(head, photos=camera.name)
    np.testing.assert_array_equal(stored(blender, head).sh, before)


def test_splats_that_were_edited_meanwhile_stay(blender, photographed, monkeypatch):
    import bpy

    refining = blender.module("facelift_addon.operators.refining")
    wanted = refining._add

    def late(made, strength):
        bpy.ops.facelift.reduce_density(density=0.5)
        return wanted(made, strength)

    monkeypatch.setattr(refining, "_add", late)
    with pytest.raises(RuntimeError, match="edited meanwhile"):
        refine(photographed)


# The second step, in a background process


@pytest.fixture
def shaper(blender):
    """Serve the extension by a worker of refining_worker_entry.py."""
    import bpy

    def shaper(how: str) -> None:
        # Whatever tests before this one left running: it looks at the one that shapes need.
        blender.connection.close()
        preferences = bpy.context.preferences.addons[PACKAGE].preferences
        preferences.worker_command = f"{sys.executable} -s {REFINING_WORKER} {how}"

    yield shaper
    blender.close_quick_worker()


def begin(blender, head, **more):
    import bpy

    refining = blender.module("facelift_addon.operators.refining")
    options = refining.RefineOptions(split=False)
    refining.refine_in_background(bpy.context, head, refining.OWN_PHOTOS, options, 1.0, **more)


def test_shapes_follow_in_the_background_with_progress_in_one_undo_step(blender, photographed, shaper):
    import bpy

    errands = blender.module("facelift_addon.making.errands")
    shaper("moves")
    head, name, before = photographed, photographed.name, stored(blender, photographed)
    bpy.ops.ed.undo_push(message="head")
    begin(blender, head)
    fractions, stages = [], set()

    def over() -> bool:
        going_on = errands.tick()
        for errand in errands.under_way():
            fractions.append(errand.progress.fraction)
            stages.add(errand.progress.stage)
        return not going_on

    blender.tick_until(over)
    assert {"Fitting shapes", "Solving colors"} <= stages and fractions == sorted(fractions)
    after = stored(blender, head)
    np.testing.assert_allclose(after.means, before.means + SHIFT, atol=1e-6)
    assert np.abs(after.sh - before.sh).max() > 0.1
    bpy.ops.ed.undo()
    np.testing.assert_array_equal(stored(blender, bpy.data.objects[name]).means, before.means)
    bpy.ops.ed.redo()
    head = bpy.context.view_layer.objects.active = bpy.data.objects[name]
    np.testing.assert_array_equal(stored(blender, head).means, after.means)
    assert bpy.ops.facelift.reset_to_original() == {"FINISHED"}
    np.testing.assert_array_equal(stored(blender, head).means, before.means)


def test_strength_goes_for_shapes_too_and_they_can_be_left_out(blender, photographed, shaper):
    shaper("moves")
    before = stored(blender, photographed).means
    assert refine(photographed, use_split=False, use_shapes=False) == {"FINISHED"}
    np.testing.assert_array_equal(stored(blender, photographed).means, before)
    assert refine(photographed, use_split=False, strength=0.5) == {"FINISHED"}
    np.testing.assert_allclose(stored(blender, photographed).means, before + SHIFT / 2, atol=1e-6)


def test_cancelled_in_the_second_step_everything_stays(blender, photographed, shaper):
    errands = blender.module("facelift_addon.making.errands")
    refining = blender.module("facelift_addon.operators.refining")
    shaper("waits")
    before = stored(blender, photographed)
    begin(blender, photographed)
    blender.tick_until(
        lambda: errands.tick() and any(errand.progress.stage == "Fitting shapes" for errand in errands.under_way())
    )
    (client,) = blender.connection._clients.values()
    (job,) = client.jobs
    errands.cancel(refining.REFINING)
    blender.tick_until(lambda: not errands.tick() and job.finished)
    assert job.state == "cancelled"
    after = stored(blender, photographed)
    np.testing.assert_array_equal(after.means, before.means)
    np.testing.assert_array_equal(after.sh, before.sh)


@pytest.mark.parametrize(
    ("how", "words"),
    [("lost", "driver was reset"), ("memory", "too little free memory"), ("old", "older than this extension")],
)
def test_a_second_step_that_fails_leaves_the_first_ones_result_and_says_so(
    blender, photographed, truth, shaper, monkeypatch, how, words
):
    errands, told = blender.module("facelift_addon.making.errands"), []
    monkeypatch.setattr(errands, "_tell", told.append)
    shaper(how)
    before, likeness_before = stored(blender, photographed), likeness(blender, photographed, truth)
    begin(blender, photographed)
    blender.tick_until(lambda: not errands.tick())
    assert likeness(blender, photographed, truth) > likeness_before + 6
    np.testing.assert_array_equal(stored(blender, photographed).means, before.means)
    (news,) = told
    assert "matches its photos" in news and "keep their places and shapes" in news and words in news


def test_without_the_engines_setup_it_says_what_shapes_need(blender, photographed, truth, monkeypatch):
    errands, told = blender.module("facelift_addon.making.errands"), []
    monkeypatch.setattr(errands, "_tell", told.append)
    blender.connection.close()
    before = likeness(blender, photographed, truth)
    begin(blender, photographed)
    blender.tick_until(lambda: not errands.tick())
    assert likeness(blender, photographed, truth) > before + 6
    assert "NVIDIA graphics card" in told[0]
    assert not blender.connection.is_running(), "nothing is started for that"


def test_the_options_say_what_shapes_need(blender, photographed, shaper):
    import bpy

    operator = blender.module("facelift_addon.operators.refining").FACELIFT_OT_refine_to_photos

    def told(use_shapes: bool) -> str:
        drawn = []
        operator.draw(SimpleNamespace(layout=Layout(drawn), use_shapes=use_shapes), bpy.context)
        assert ("prop", "use_shapes", "") in drawn
        return " ".join(entry[-1] for entry in drawn)

    assert "NVIDIA" in told(True) and "NVIDIA" not in told(False)
    shaper("moves")
    assert "NVIDIA" not in told(True), "a background process of the user's own may have what it takes"
