"""Splat sequences in Blender: what each frame shows, in renders too; undo, copies, files; and export."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.addon import needs_blender, surface_gaussians

pytestmark = needs_blender

COUNTS = {1: 300, 2: 250, 3: 400, 5: 300, 6: 310}
"""Splats of each frame; 4 is missing."""


def engines():
    import bpy

    return "CYCLES", "BLENDER_EEVEE" if bpy.app.version >= (5, 0) else "BLENDER_EEVEE_NEXT"


def saved(folder, counts=COUNTS, degrees=(1, 0, 2), suffix=".ply"):
    """Write a sequence in metres with Z up; return its first file."""
    from core import formats
    from core.formats.axes import Axes, Unit

    stated = {"axes": Axes.Z_UP, "unit": Unit.METRE} if suffix == ".ply" else {}
    for number, count in counts.items():
        gaussians = surface_gaussians(count, degrees[number % len(degrees)], seed=number).replace(extras={})
        formats.save(gaussians, folder / f"head_{number:03d}{suffix}", **stated)
    return folder / f"head_{min(counts):03d}{suffix}"


def bring(path, **options):
    import bpy

    assert bpy.ops.facelift.import_splat_sequence(filepath=str(path), **options) == {"FINISHED"}
    return bpy.context.active_object


@pytest.fixture
def played(blender, tmp_path):
    return bring(saved(tmp_path))


def counts_at(target, frames):
    import bpy

    found = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        found.append(len(target.data.points))
    return found


def test_each_frame_shows_its_file_with_the_nearest_one_for_a_missing_one(blender, played, tmp_path):
    import bpy

    from core import formats

    scene = bpy.context.scene
    settings = played.facelift_sequence
    assert (settings.first, settings.last, settings.start, settings.speed) == (1, 6, 1, 1.0)
    assert scene.render.use_lock_interface
    assert counts_at(played, range(-1, 9)) == [300, 300, 300, 250, 400, 400, 300, 310, 310, 310]
    baking = blender.module("facelift_addon.splats.data.baking")
    for number in (1, 2, 3, 6, 5):
        scene.frame_set(number)
        shown, file = baking.stored(played), formats.load(tmp_path / f"head_{number:03d}.ply")
        np.testing.assert_array_equal(shown.means, file.means)
        np.testing.assert_array_equal(shown.opacities, file.opacities)
        # All frames get the degree of the first one.
        assert shown.sh_degree == 0
        np.testing.assert_array_equal(shown.sh, file.sh[:, :1])
        # Blender 5.3's own splats stay that.
        native = blender.module("facelift_addon.splats.display.native")
        assert blender.module("facelift_addon.splats.display.display").way_of(played) is native.default_way()
        assert native.is_native(played.data) == native.is_available()
    assert len(bpy.data.pointclouds) == 1
    stream = blender.module("facelift_addon.sequences.streams").of(played)
    assert "1 file is missing: 4" in stream.news()[0]


def test_start_offset_speed_loop_and_range(blender, played):
    settings = played.facelift_sequence
    settings.start = 11
    assert counts_at(played, (10, 11, 12)) == [300, 300, 250]
    settings.speed = 0.5
    assert counts_at(played, (11, 12, 13, 14, 15)) == [300, 300, 250, 250, 400]
    settings.speed, settings.loop = 1.0, "REPEAT"
    assert counts_at(played, (16, 17, 18, 10)) == [310, 300, 250, 310]
    settings.loop = "PING_PONG"
    assert counts_at(played, (16, 17, 18)) == [310, 300, 400]
    settings.first, settings.last = 2, 3
    assert counts_at(played, (11, 12, 13)) == [250, 400, 250]
    settings.first, settings.last, settings.offset = 1, 6, 1.0
    assert counts_at(played, (11,)) == [250]
    # Changes show at once.
    settings.offset = 2.0
    assert len(played.data.points) == 400


def test_keys_and_drivers_choose_frames(blender, played):
    import bpy

    settings = played.facelift_sequence
    settings.use_frame = True
    for frame, value in ((1, 0.0), (21, 2.0)):
        settings.frame = value
        settings.keyframe_insert("frame", frame=frame)
    assert counts_at(played, (1, 12, 21, 5)) == [300, 250, 400, 300]
    played.animation_data_clear()
    played["place"] = 1.0
    driver = settings.driver_add("frame").driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.targets[0].id, variable.targets[0].data_path = played, '["place"]'
    assert counts_at(played, (3, 5)) == [250, 250]
    # What another object says counts without another frame.
    other = bpy.data.objects.new("other", None)
    bpy.context.scene.collection.objects.link(other)
    variable.targets[0].id, variable.targets[0].data_path = other, "location.x"
    for place, count in ((2.0, 400), (0.0, 300)):
        other.location.x = place
        bpy.context.view_layer.update()
        assert len(played.data.points) == count


def test_modifiers_hold_on_every_frame(blender, played):
    import bpy

    assert bpy.ops.facelift.add_adjustments() == {"FINISHED"}
    inputs = blender.module("facelift_addon.splats.display.modifier_inputs")
    adjustments = inputs.ModifierInputs(inputs.find_modifier(played, inputs.ADJUSTMENTS))
    names = list(adjustments._identifiers)
    adjustments["Density"] = 0.5
    adjustments["Saturation"] = 0.0
    baking = blender.module("facelift_addon.splats.data.baking")
    found = []
    for frame in (1, 2, 3):
        bpy.context.scene.frame_set(frame)
        shown = baking.evaluated(bpy.context, played)
        assert np.ptp(shown.colors, axis=1).max() < 0.02
        assert np.ptp(baking.stored(played).colors, axis=1).max() > 0.1
        found.append(len(shown))
    for count, all_of_it in zip(found, (300, 250, 400), strict=True):
        assert 0.3 * all_of_it < count < 0.7 * all_of_it, names


def test_damage_and_files_that_went_are_told_once_and_playback_goes_on(blender, tmp_path, caplog):
    path = saved(tmp_path)
    (tmp_path / "head_002.ply").write_bytes((tmp_path / "head_002.ply").read_bytes()[:-50])
    played = bring(path)
    (tmp_path / "head_005.ply").unlink()
    stream = blender.module("facelift_addon.sequences.streams").of(played)
    stream.cache.forget()
    assert counts_at(played, (1, 2, 3, 5, 6, 5, 2)) == [300, 300, 400, 310, 310, 310, 300]
    assert sorted(record.getMessage()[:12] for record in caplog.records) == ["head_002.ply", "head_005.ply"]
    assert any("2 files can't be read: 2, 5" in text for text in stream.news())


def test_a_sequence_without_files_keeps_what_it_shows(blender, tmp_path):
    import bpy

    played = bring(saved(tmp_path))
    bpy.context.scene.frame_set(3)
    for path in tmp_path.iterdir():
        path.unlink()
    assert bpy.ops.facelift.reload_sequence() == {"FINISHED"}
    assert counts_at(played, (1, 2)) == [400, 400]
    saved(tmp_path)
    assert bpy.ops.facelift.reload_sequence() == {"FINISHED"}
    assert counts_at(played, (1, 2)) == [300, 250]


def test_other_files_can_be_chosen_and_new_ones_come_with_a_reload(blender, played, tmp_path):
    import bpy

    settings = played.facelift_sequence
    saved(tmp_path, {7: 120})
    assert counts_at(played, (7,)) == [310]
    assert bpy.ops.facelift.reload_sequence() == {"FINISHED"}
    assert counts_at(played, (7,)) == [120]
    (tmp_path / "other").mkdir()
    settings.filepath = str(saved(tmp_path / "other", {11: 90, 12: 80}))
    assert (settings.first, settings.last) == (11, 12)
    assert counts_at(played, (1, 2, 3)) == [90, 80, 80]
    # A part that was chosen stays chosen.
    settings.last = 11
    saved(tmp_path / "other", {13: 70})
    bpy.ops.facelift.reload_sequence()
    assert counts_at(played, (1, 2, 3)) == [90, 90, 90]


def test_between_two_frames_the_nearer_one_shows(blender, played):
    import bpy

    for subframe, count in ((0.25, 250), (0.75, 400)):
        bpy.context.scene.frame_set(2, subframe=subframe)
        assert len(played.data.points) == count


def test_a_lit_sequence_has_a_proxy_for_each_frame(blender, tmp_path):
    import bpy

    from core import formats
    from core.formats.axes import Axes, Unit

    for number, height in ((1, 0.0), (2, 0.5), (3, -0.5)):
        moved = surface_gaussians(1500 + number).replace(extras={}).transform(_raised(height))
        formats.save(moved, tmp_path / f"l_{number}.ply", axes=Axes.Z_UP, unit=Unit.METRE)
    played = bring(tmp_path / "l_1.ply")
    scene = bpy.context.scene
    scene.facelift.color_mode = "LIT"
    proxies = blender.module("facelift_addon.splats.display.proxies")
    for frame, height in ((2, 0.5), (3, -0.5), (1, 0.0)):
        scene.frame_set(frame)
        found = [vertex.co.z for vertex in proxies.find(played).data.vertices]
        assert abs((max(found) + min(found)) / 2 - height) < 0.1
        assert len(played.data.points) == 1500 + frame


def _raised(height):
    matrix = np.eye(4)
    matrix[2, 3] = height
    return matrix


def test_refusals_are_in_words(blender, tmp_path):
    import bpy

    saved(tmp_path, {1: 50})
    (tmp_path / "head_001.ply").rename(tmp_path / "head.ply")
    with pytest.raises(RuntimeError, match="no number"):
        bpy.ops.facelift.import_splat_sequence(filepath=str(tmp_path / "head.ply"))
    (tmp_path / "bad_1.ply").write_bytes(b"ply")
    with pytest.raises(RuntimeError, match=r"bad_1|PLY|header"):
        bpy.ops.facelift.import_splat_sequence(filepath=str(tmp_path / "bad_1.ply"))
    assert not bpy.data.pointclouds


def test_copies_play_on_and_in_their_own_way(blender, played):
    import bpy

    twin = played.copy()
    bpy.context.scene.collection.objects.link(twin)
    assert counts_at(twin, (1, 2)) == [300, 250]
    assert twin.data == played.data
    twin.facelift_sequence.offset = 1.0
    bpy.context.scene.frame_set(2)
    assert (len(played.data.points), len(twin.data.points)) == (250, 400)
    bpy.data.objects.remove(twin)
    assert counts_at(played, (3, 1)) == [400, 300]


def test_undo_and_redo_play_on(blender, tmp_path):
    import bpy

    path = saved(tmp_path)
    bpy.ops.ed.undo_push(message="before")
    name = bring(path).name
    bpy.context.scene.frame_set(3)
    bpy.ops.ed.undo_push(message="at 3")
    bpy.context.scene.frame_set(2)
    bpy.data.objects[name].location.x = 1
    bpy.ops.ed.undo_push(message="at 2")
    for _ in range(2):
        bpy.ops.ed.undo()
        bpy.ops.ed.redo()
        assert counts_at(bpy.data.objects[name], (1, 2, 3)) == [300, 250, 400]
    while name in bpy.data.objects:
        bpy.ops.ed.undo()
    assert name not in bpy.data.objects
    bpy.ops.ed.redo()
    assert counts_at(bpy.data.objects[name], (1, 2, 3)) == [300, 250, 400]


def test_saved_moved_and_appended_files_play_on(blender, tmp_path):
    import bpy

    (tmp_path / "shot").mkdir()
    (tmp_path / "elsewhere").mkdir()
    blend = tmp_path / "shot" / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    name = bring(saved(tmp_path / "shot")).name
    assert bpy.data.objects[name].facelift_sequence.filepath == "//head_001.ply"
    bpy.context.scene.frame_set(3)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    target = bpy.data.objects[name]
    assert len(target.data.points) == 400
    assert counts_at(target, (1, 2)) == [300, 250]
    # The folder moves as a whole.
    (tmp_path / "shot").rename(tmp_path / "moved")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "moved" / "scene.blend"))
    assert counts_at(bpy.data.objects[name], (1, 2)) == [300, 250]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True)
    inside = str(tmp_path / "moved" / "scene.blend" / "Object") + "/"
    bpy.ops.wm.append(filepath=inside + name, directory=inside, filename=name)
    assert bpy.context.scene.render.use_lock_interface
    assert counts_at(bpy.data.objects[name], (1, 2)) == [300, 250]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "elsewhere" / "other.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "elsewhere" / "other.blend"))
    assert counts_at(bpy.data.objects[name], (3, 2)) == [400, 250]


def test_an_import_in_the_background_adds_the_same(blender, tmp_path):
    import time
    from pathlib import Path

    import bpy

    from tests.helpers.patience import PATIENCE

    importing = blender.module("facelift_addon.sequences.importing")
    errands = blender.module("facelift_addon.making.errands")
    float4 = blender.module("facelift_addon.splats.data.geometry").has_float4()
    path, scene = Path(saved(tmp_path)), bpy.context.scene.name
    errands.start(
        "Reading",
        lambda reporter: importing._find(path, "AUTO", 0.24, float4, reporter),
        lambda found: importing._arrive(found, scene, 5, 0.0, 1.0),
        belongs_to_file=True,
    )
    deadline = time.monotonic() + PATIENCE
    while errands.tick():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    (played,) = (target for target in bpy.data.objects if target.type == "POINTCLOUD")
    assert counts_at(played, (5, 6)) == [300, 250]
    assert len(bpy.data.pointclouds) == 1


def test_linked_and_overridden_sequences(blender, tmp_path):
    import bpy

    blend = tmp_path / "library.blend"
    name = bring(saved(tmp_path)).name
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(blend), link=True) as (_, wanted):
        wanted.objects = [name]
    linked = bpy.data.objects[name]
    bpy.context.scene.collection.objects.link(linked)
    resizes = blender.module("facelift_addon.compat").resizes_point_clouds_5_1()
    assert counts_at(linked, (1, 2, 3)) == ([300, 250, 400] if resizes else [300, 300, 300])
    local = linked.override_create(remap_local_usages=True)
    local.facelift_sequence.offset = 1.0
    assert counts_at(local, (1, 2)) == [250, 400]
    assert local.data.library is None
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    found = next(target for target in bpy.context.scene.objects if target.type == "POINTCLOUD")
    assert found.facelift_sequence.offset == 1.0
    assert counts_at(found, (1, 2)) == [250, 400]


def test_nothing_piles_up(blender, played):
    import bpy

    def sizes():
        return {
            name: len(getattr(bpy.data, name))
            for name in ("pointclouds", "objects", "scenes", "node_groups", "meshes", "materials")
        }

    counts_at(played, (1, 2))
    before = sizes()
    counts_at(played, [1, 2, 3, 6] * 5)
    assert sizes() == before
    assert (played.name, played.data.name) == ("head", "head")


def test_while_someone_waits_the_nearest_frame_shows_and_then_the_right_one(blender, played):
    import time

    import bpy

    from tests.helpers.patience import PATIENCE

    playback = blender.module("facelift_addon.sequences.playback")
    scene = bpy.context.scene
    counts_at(played, (1, 2))
    blender.module("facelift_addon.sequences.streams").of(played).cache.limit = 10**9
    handlers = bpy.app.handlers.frame_change_pre
    handlers.remove(playback.on_frame_begins)
    try:
        scene.frame_set(6)
        shown = playback.show(scene, waits=False)
        # Frames are read ahead meanwhile: the nearest may be a later one already.
        assert len(played.data.points) in ((310,) if shown else (250, 400, 300))
        deadline = time.monotonic() + PATIENCE
        while not playback.show(scene, waits=False):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert len(played.data.points) == 310
    finally:
        handlers.append(playback.on_frame_begins)


def test_memory_is_that_of_the_preferences(blender, tmp_path):
    import bpy

    played = bring(saved(tmp_path, dict.fromkeys(range(1, 9), 100_000), degrees=(0,)))
    streams = blender.module("facelift_addon.sequences.streams")
    blender.module("facelift_addon.identity").preferences().sequence_memory = 50
    try:
        cache = streams.of(played).cache
        for frame in (1, 2, 3, 4, 5, 6, 7, 8, 1):
            bpy.context.scene.frame_set(frame)
            kept = sum(
                column.values.nbytes for number in cache.numbers for column in (cache.get(number) or {}).values()
            )
            assert 0 < kept <= 50_000_000
            assert kept == cache.used
    finally:
        blender.module("facelift_addon.identity").preferences().property_unset("sequence_memory")


@pytest.mark.parametrize("index", [0, 1], ids=["cycles", "eevee"])
def test_rendered_animations_are_what_the_rasterizer_makes_of_the_files(blender, tmp_path, index):
    import bpy

    from core import formats
    from core.cameras import Camera
    from core.formats.axes import Axes, Unit
    from core.rasterize import cpu
    from core.rasterize.metrics import psnr
    from tests.tools.demo import pictures

    size, counts, view = 48, {1: 2000, 2: 1500}, Camera.orbit(240, 15, size=48)
    path = saved(tmp_path, counts, degrees=(1,))
    second = tmp_path / "head_002.ply"
    formats.save(formats.load(second).transform(_raised(-0.3)), second, axes=Axes.Z_UP, unit=Unit.METRE)
    head = bring(path)
    with pictures.studio(head) as scene:
        scene.render.engine, scene.render.filter_size = engines()[index], 0.0
        scene.eevee.taa_render_samples = 1
        scene.render.resolution_x = scene.render.resolution_y = size
        scene.frame_start, scene.frame_end = 1, 2
        cameras = blender.module("facelift_addon.splats.scene.cameras")
        camera, anchor = cameras.new_camera("Film"), bpy.data.objects.new("Anchor", None)
        for target in (camera, anchor):
            scene.collection.objects.link(target)
        scene.camera = camera
        cameras.fit(camera, view, anchor, np.eye(4))
        display = blender.module("facelift_addon.splats.display.display")
        blender.module("facelift_addon.splats.scene.rendering").apply(scene, "PHOTO")
        display.set_option(head, display.PHOTO_COLORS, True)
        display.set_option(head, display.EXACT, True)
        scene.render.filepath = str(tmp_path / "out_")
        bpy.ops.render.render(animation=True, scene=scene.name)
    made = [pictures.load_pixels(tmp_path / f"out_{number:04d}.png") / 255 for number in counts]
    wanted = [
        np.clip(cpu.render(formats.load(tmp_path / f"head_{number:03d}.ply"), view).image, 0, 1).astype(np.float64)
        for number in counts
    ]
    right = [psnr(actual, expected) for actual, expected in zip(made, wanted, strict=True)]
    wrong = [psnr(actual, expected) for actual, expected in zip(made, reversed(wanted), strict=True)]
    print(right, wrong)
    assert min(right) > 45 > 25 > max(wrong), (right, wrong)


def test_a_sequence_is_written_back_and_goes_on_where_it_ended(blender, played, tmp_path):
    import bpy

    from core import formats

    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 2, 5
    played.location.x = 1.0
    played.select_set(True)
    out = tmp_path / "out"
    out.mkdir()
    path = str(out / "again.spz")
    assert bpy.ops.facelift.export_splats(filepath=path, use_animation=True) == {"FINISHED"}
    assert sorted(item.name for item in out.iterdir()) == [f"again_{number:04d}.spz" for number in (2, 3, 4, 5)]
    assert [len(formats.load(out / f"again_000{number}.spz")) for number in (2, 3, 4, 5)] == [250, 400, 400, 300]
    (out / "again_0003.spz").unlink()
    (out / "again_0004.spz").write_bytes(b"mine")
    assert bpy.ops.facelift.export_splats(filepath=path, use_animation=True, skip_existing=True) == {"FINISHED"}
    assert (out / "again_0004.spz").read_bytes() == b"mine"
    assert len(formats.load(out / "again_0003.spz")) == 400
    # What was written plays.
    again = bring(out / "again_0002.spz", start=2)
    assert counts_at(again, (2, 3, 5)) == [250, 400, 300]


def test_the_panel_and_the_menus_draw(blender, played):
    import bpy

    from tests.helpers.drawn import Layout

    panel = blender.module("facelift_addon.sequences.panel")
    drawn: list = []

    class Panel:
        layout = Layout(drawn)

    assert panel.FACELIFT_PT_sequence.poll(bpy.context)
    panel.FACELIFT_PT_sequence.draw(Panel, bpy.context)
    text = " ".join(str(item) for item in drawn)
    assert "5 files" in text and "missing: 4" in text and "facelift.reload_sequence" in text
    menus = blender.module("facelift_addon.sequences.menus")
    menus._draw_import(Panel, bpy.context)
    menus._draw_export(Panel, bpy.context)
    assert "Splat Sequence" in str(drawn[-1])
