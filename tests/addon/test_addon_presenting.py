"""Turntable and contact sheet through the installed extension."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.helpers.addon import add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

FILM = (
    "render.resolution_x",
    "render.resolution_y",
    "render.resolution_percentage",
    "render.fps",
    "render.fps_base",
    "frame_start",
    "frame_end",
    "frame_step",
    "frame_current",
    "render.filepath",
    "render.image_settings.file_format",
    "render.image_settings.color_mode",
    "render.ffmpeg.format",
    "render.ffmpeg.codec",
    "render.ffmpeg.constant_rate_factor",
)
"""What a turntable changes of a scene."""


@pytest.fixture
def heads(blender):
    """Two heads of different height, side by side, selected."""
    import bpy

    first = add_splats(blender, surface_gaussians(800), "first")
    second = add_splats(blender, surface_gaussians(800, seed=1), "second")
    first.location, second.location, second.scale = (-1.5, 0.2, 0), (1.5, 0, 0.4), (1, 1, 1.5)
    first.select_set(True)
    bpy.context.view_layer.update()
    return first, second


def settings_of(scene):
    return {path: scene.path_resolve(path) for path in FILM} | {"camera": scene.camera}


def seen(scene, camera, target):
    """Where the picture [0, 1] x [0, 1] has an object's splats, [N, 3] with depth."""
    from bpy_extras.object_utils import world_to_camera_view

    places = np.empty(len(target.data.points) * 3, np.float32)
    target.data.attributes["position"].data.foreach_get("vector", places)
    world = [target.matrix_world @ type(target.location)(place) for place in places.reshape(-1, 3)[::20].tolist()]
    return np.array([world_to_camera_view(scene, camera, place) for place in world])


@pytest.mark.parametrize("elevation", [0.0, 0.6])
def test_the_camera_goes_once_around_and_sees_all_heads_whole(blender, heads, elevation):
    import bpy

    scene = bpy.context.scene
    assert bpy.ops.facelift.set_up_turntable(seconds=2, fps=12, elevation=elevation) == {"FINISHED"}
    assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1, 24, 12)
    places, filled = [], []
    for frame in range(1, 26, 3):
        scene.frame_set(frame)
        bpy.context.view_layer.update()
        places.append(np.array(scene.camera.matrix_world.translation))
        picture = np.concatenate([seen(scene, scene.camera, head) for head in heads])
        assert picture.min() > 0 and picture[:, :2].max() < 1
        filled.append(np.ptp(picture[:, :2], axis=0).max())
    assert max(filled) > 0.75
    # From the front to the subject's left, evenly, and in the frame after the last one where it began.
    middle = np.mean(places[:-1], axis=0)
    angles = np.unwrap([np.arctan2(place[1] - middle[1], place[0] - middle[0]) for place in places])
    np.testing.assert_allclose(angles, -np.pi / 2 + np.arange(9) * np.pi / 4, atol=0.02)
    np.testing.assert_allclose(places[0], places[-1], atol=1e-4)


def test_a_removed_turntable_leaves_the_scene_as_it_was(blender, heads):
    import bpy

    scene = bpy.context.scene
    scene.frame_end, scene.render.fps, scene.frame_current = 77, 30, 5
    scene.camera = bpy.data.objects.new("mine", bpy.data.cameras.new("mine"))
    scene.collection.objects.link(scene.camera)
    before, objects = settings_of(scene), set(scene.objects)
    for output in ("VIDEO", "IMAGES", "VIDEO"):
        # Set up again, it takes the place of the earlier one.
        assert bpy.ops.facelift.set_up_turntable(output=output) == {"FINISHED"}
        assert sum(target.type == "LIGHT" for target in scene.objects) == 3
        assert sum(target.type == "CAMERA" for target in scene.objects) == 2
    assert settings_of(scene) != before
    assert bpy.ops.facelift.remove_turntable() == {"FINISHED"}
    assert settings_of(scene) == before
    assert set(scene.objects) == objects
    assert not [item for item in (*bpy.data.actions, *bpy.data.lights) if item.users and "urntable" in item.name]


def test_one_undo_takes_the_turntable_away(blender, heads):
    import bpy

    before = settings_of(bpy.context.scene)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.facelift.set_up_turntable()
    bpy.ops.ed.undo_push(message="turntable")
    bpy.ops.ed.undo()
    assert settings_of(bpy.context.scene) == before
    assert {target.name for target in bpy.context.scene.objects} == {"first", "second"}


def test_the_film_is_written_where_it_says(blender, heads, tmp_path):
    import bpy

    scene = bpy.context.scene
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "heads.blend"))
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    bpy.ops.facelift.set_up_turntable(seconds=0.25, fps=8, size=48)
    bpy.ops.render.render(animation=True)
    assert [path.suffix for path in tmp_path.glob("*turntable*")] == [".mp4"]
    bpy.ops.facelift.set_up_turntable(seconds=0.25, fps=8, size=48, output="IMAGES")
    bpy.ops.render.render(animation=True)
    frames = [np.asarray(Image.open(path).convert("RGB"), int) for path in sorted(tmp_path.glob("*turntable*.png"))]
    assert len(frames) == 2 and frames[0].shape == (48, 48, 3)
    # The heads are there, and seen from elsewhere in the second.
    assert frames[0].std() > 10 and np.abs(frames[0] - frames[1]).mean() > 1


def test_films_of_unsaved_files_go_where_renders_go(blender, heads):
    import bpy

    scene = bpy.context.scene
    for folder, expected in (("/tmp/", "/tmp/"), ("/films/old", "/films/"), ("//", bpy.app.tempdir)):
        scene.render.filepath = folder
        bpy.ops.facelift.set_up_turntable(output="VIDEO")
        assert scene.render.filepath == f"{expected}second_turntable"
        bpy.ops.facelift.remove_turntable()
        assert scene.render.filepath == folder


def test_contact_sheet_shows_each_head_as_the_scene_does(blender, heads, tmp_path):
    import bpy

    path = tmp_path / "sheet"
    settings = {"views": 5, "columns": 3, "size": 40, "check_existing": False}
    assert bpy.ops.facelift.save_contact_sheet(filepath=str(path), **settings) == {"FINISHED"}
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    # Two rows a head, the last place of each empty.
    assert sheet.shape == (160, 120, 3)
    tiles = sheet.reshape(4, 40, 3, 40, 3).swapaxes(1, 2)
    empty = (tiles == 255).all(axis=(2, 3, 4))
    np.testing.assert_array_equal(empty, np.array([[0, 0, 0], [0, 0, 1]] * 2, bool))
    covered = (tiles[0, 0] < 250).any(axis=2)
    assert 0.7 < covered.any(axis=1).mean() < 1 and not covered[[0, -1]].any()
    # What the adjustments make of them is what it shows.
    inputs = blender.module("facelift_addon.editing.adjustments").ensure(bpy.context.active_object)
    inputs["Splat size"] = 0.3
    bpy.ops.facelift.save_contact_sheet(filepath=str(path), transparent=True, **settings)
    thin = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert thin.shape == (160, 120, 4)
    assert (thin[..., 3] == 0).any() and thin[:40, :40, 3].sum() / 255 < covered.sum() * 0.8


def test_objects_without_splats_to_show_are_named(blender, heads, tmp_path):
    import bpy

    before = settings_of(bpy.context.scene)
    inputs = blender.module("facelift_addon.editing.adjustments").ensure(heads[0])
    inputs["Min opacity"] = 1.0
    inputs["Max size"] = 1e-6
    bpy.context.view_layer.update()
    for operator in (bpy.ops.facelift.set_up_turntable, bpy.ops.facelift.save_contact_sheet):
        with pytest.raises(RuntimeError, match="'first' leave no splats"):
            operator(**({"filepath": str(tmp_path / "a.png")} if "sheet" in operator.idname() else {}))
    assert settings_of(bpy.context.scene) == before and not list(tmp_path.iterdir())


def test_contact_sheet_in_the_background_tells_its_progress_and_can_be_cancelled(blender, heads, tmp_path):
    errands = blender.module("facelift_addon.making.errands")
    core = blender.module("core.rasterize.contact_sheet")
    render = blender.module("core.rasterize").render
    subjects = [blender.module("facelift_addon.splats.data.baking").stored(head) for head in heads]
    fractions = []

    def work(reporter):
        def watched(*arguments):
            fractions.append(errands.under_way()[0].progress.fraction)
            if len(fractions) == 3:
                errands.cancel()
            return render(*arguments)

        return core.contact_sheet(subjects, core.Layout(views=9, size=16), watched, reporter)

    errands.start("Rendering", work, lambda _sheet: pytest.fail("it was cancelled"), belongs_to_file=False)
    blender.tick_until(lambda: not errands.tick())
    np.testing.assert_allclose(fractions, [0, 1 / 18, 2 / 18])
