"""Capture from Video, through the installed zip and its own process."""

import json
from dataclasses import replace

import numpy as np
import pytest

from core import formats
from core.avatar.arkit import ARKIT_NAMES
from core.avatar.recording import Recording, load_recording, save_recording
from core.avatar.turns import to_turns
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.clips import write
from tests.helpers.filmed import filmed_astronaut, still_clip, two_people
from tests.helpers.gaussian import random_gaussians
from tests.helpers.photo import astronaut

pytestmark = needs_blender


@pytest.fixture
def mesh(blender):
    return add_head_with_mesh(blender)[1]


def curve(mesh, name):
    data = mesh.data.shape_keys.animation_data
    bag = data.action.layers[0].strips[0].channelbag(data.action_slot)
    found = bag.fcurves.find(f'key_blocks["{name}"].value')
    return np.array([point.co for point in found.keyframe_points])


def test_a_clip_moves_the_face_and_the_rig(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    bpy.context.view_layer.objects.active = mesh
    clip = filmed_astronaut()
    bpy.context.scene.render.fps = 30
    told = bpy.ops.facelift.capture_video(filepath=str(clip.path), whose="SAME", start=11, center=False)
    assert told == {"FINISHED"}
    jaw = curve(mesh, "jawOpen")
    assert jaw[0, 0] == 11 and jaw[-1, 0] == 11 + len(clip.truth.times) - 1
    true = clip.truth.values[:, clip.truth.names.index("jawOpen")]
    assert np.corrcoef(jaw[:, 1], true)[0, 1] > 0.9
    rig = next(item for item in bpy.data.objects if item.type == "ARMATURE")
    assert rig.animation_data is not None
    path = tmp_path / "take.csv"
    bpy.ops.facelift.save_recording(filepath=str(path))
    saved = load_recording(path)
    assert saved.names == ARKIT_NAMES and len(saved.times) == len(clip.truth.times)
    error = to_turns(saved.rotations["head"]).inv() * to_turns(clip.truth.head)
    assert np.degrees(error.magnitude()).mean() < 3


def test_a_capture_that_is_stopped_keeps_what_was_done(blender, mesh):
    import bpy

    capturing = blender.module("facelift_addon.performance.capturing")
    asked = capturing.Clip(
        filmed_astronaut().path,
        mesh.session_uid,
        bpy.context.scene.name,
        None,
        capturing.CaptureOptions(),
        None,
        {},
        False,
        False,
    )
    pieces, job = capturing.captured(asked), None
    for _ in pieces:
        job = capturing.under_way.job
        if job.progress is not None and job.progress.stage == "Capturing the face" and job.progress.step > 3:
            assert bpy.ops.facelift.stop_capture() == {"FINISHED"}
            break
    told = blender.module("facelift_addon.making.errands").at_once(pieces)
    assert "Stopped" in told
    assert len(curve(mesh, "jawOpen")) < len(filmed_astronaut().truth.times)
    assert capturing.under_way.job is None


def clip_of(blender, mesh):
    """Return the wish to capture a third of a second."""
    import bpy

    capturing = blender.module("facelift_addon.performance.capturing")
    options = capturing.CaptureOptions(end=0.3)
    clip = filmed_astronaut().path
    return capturing.Clip(clip, mesh.session_uid, bpy.context.scene.name, None, options, None, {}, False, False)


def captured_of(blender, mesh):
    """Begin that capture; its pieces are to be gone through."""
    return blender.module("facelift_addon.performance.capturing").captured(clip_of(blender, mesh))


def test_from_the_window_a_clip_is_captured_in_the_background(blender, mesh):
    capturing = blender.module("facelift_addon.performance.capturing")
    errands = blender.module("facelift_addon.making.errands")
    capturing.start(clip_of(blender, mesh))

    def ended():
        errands.tick()
        return not errands.is_pending(capturing.TITLE)

    blender.tick_until(ended)
    assert len(curve(mesh, "eyeBlinkLeft")) > 3


def asked_of(blender, mesh):
    """Have two people looked for, until it is asked whom to follow."""
    import bpy

    whom = blender.module("facelift_addon.performance.whom")
    clip = replace(clip_of(blender, mesh), path=two_people())
    pieces = blender.module("facelift_addon.performance.capturing").followed(clip, 0, asks=True)
    while not whom.open_questions:
        next(pieces)
    (question,) = whom.open_questions.values()
    assert bpy.types.FACELIFT_PT_whom.poll(bpy.context)
    return pieces, question


def test_of_several_people_one_is_chosen_by_picture(blender, mesh):
    import bpy

    whom = blender.module("facelift_addon.performance.whom")
    pieces, question = asked_of(blender, mesh)
    pictures = [f"{question.pictures}{number}" for number in range(2)]
    assert all(key in whom.previews for key in pictures) and "shows 2 people" in question.text
    assert next(pieces) is whom.CHOOSING
    assert bpy.ops.facelift.follow_person(question=question.number, person=2) == {"CANCELLED"}
    assert bpy.ops.facelift.follow_person(question=question.number, person=1) == {"FINISHED"}
    told = blender.module("facelift_addon.making.errands").at_once(pieces)
    assert len(curve(mesh, "jawOpen")) > 3 and "people are in the clip" not in told
    assert not whom.open_questions and not any(key in whom.previews for key in pictures)


def test_who_cancels_is_asked_no_more_and_scripts_choose_by_number(blender, mesh):
    import bpy

    whom = blender.module("facelift_addon.performance.whom")
    pieces, _ = asked_of(blender, mesh)
    pieces.close()
    assert not whom.open_questions and not bpy.types.FACELIFT_PT_whom.poll(bpy.context)
    with pytest.raises(RuntimeError, match="no person 3"):
        bpy.ops.facelift.capture_video(filepath=str(two_people()), person=3)
    assert mesh.data.shape_keys.animation_data is None


def test_an_avatar_is_made_of_the_chosen_one(blender):
    import bpy

    module = blender.module("facelift_addon.performance.avatar_from_video")
    errands = blender.module("facelift_addon.making.errands")
    session = blender.module("facelift_addon.making.session").session
    assert bpy.ops.facelift.avatar_from_video(filepath=str(two_people()), person=2) == {"FINISHED"}

    def begun():
        errands.tick()
        return bool(session.tasks)

    blender.tick_until(begun)
    assert all(photo.order.options.face == 1 for photo in session.photos)
    errands.cancel(module.TITLE)
    errands.tick()
    assert not errands.is_pending(module.TITLE)


def test_a_face_renamed_meanwhile_is_moved(blender, mesh):
    pieces = captured_of(blender, mesh)
    next(pieces)
    mesh.name = "Somebody"
    blender.module("facelift_addon.making.errands").at_once(pieces)
    assert len(curve(mesh, "eyeBlinkLeft")) > 3


def test_what_was_captured_for_a_face_that_is_gone_can_be_saved(blender, mesh, tmp_path):
    import bpy

    pieces = captured_of(blender, mesh)
    next(pieces)
    name = mesh.name
    bpy.ops.wm.read_homefile(use_empty=True)
    # One of the same name in the new file is somebody else's.
    data = bpy.data.meshes.new(name)
    other = bpy.data.objects.new(name, data)
    other.shape_key_add(name="jawOpen")
    with pytest.raises(Exception, match="is gone, or in another file") as told:
        blender.module("facelift_addon.making.errands").at_once(pieces)
    assert "File > Export" in told.value.advice and data.shape_keys.animation_data is None
    path = tmp_path / "kept.csv"
    assert bpy.ops.facelift.save_recording(filepath=str(path), source="CAPTURE") == {"FINISHED"}
    assert len(load_recording(path).times) == 10
    with pytest.raises(RuntimeError, match="no mesh with ARKit"):
        bpy.ops.facelift.save_recording(filepath=str(path))


def test_edited_keyframes_are_what_is_saved(blender, mesh, tmp_path):
    import bpy

    bpy.context.scene.render.fps = 30
    assert bpy.ops.facelift.import_recording(filepath=str(filmed_astronaut().path)) == {"FINISHED"}
    data = mesh.data.shape_keys.animation_data
    curves = data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves
    for name, value in (("jawOpen", 0.25), ("eyeLookInLeft", 1.0), ("eyeLookOutLeft", 0.0)):
        edited = curves.find(f'key_blocks["{name}"].value')
        for point in edited.keyframe_points:
            point.co[1] = value
        edited.update()
    path = tmp_path / "edited.csv"
    bpy.ops.facelift.save_recording(filepath=str(path))
    saved = load_recording(path)
    assert np.allclose(saved.values[:, saved.names.index("jawOpen")], 0.25)
    assert len(saved.times) == len(filmed_astronaut().truth.times)
    assert saved.rotations["leftEye"][:, 0].max() < -0.2, "her left eye looks to the nose, which is to her right"


def test_turns_of_keyed_bones_are_saved_as_they_were_recorded(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    bpy.context.view_layer.objects.active = mesh
    bpy.context.scene.render.fps = 30
    angles = np.radians([[0, 0, 0], [25, 10, -8], [-30, -5, 12]]).repeat(3, axis=0).astype(np.float32)
    eyes = np.stack([angles[:, 0] / 3, angles[:, 1] / 3, 0 * angles[:, 2]], axis=1)
    turned = Recording(
        np.arange(9) / 30,
        ARKIT_NAMES,
        np.zeros((9, len(ARKIT_NAMES)), np.float32),
        {"head": angles, "leftEye": eyes, "rightEye": eyes},
    )
    save_recording(turned, tmp_path / "turned.csv")
    taken = {"center": False, "eyes": "BONES", "angles": "RADIANS"}
    bpy.ops.facelift.import_recording(filepath=str(tmp_path / "turned.csv"), **taken)
    bpy.ops.facelift.save_recording(filepath=str(tmp_path / "again.csv"))
    again = load_recording(tmp_path / "again.csv").in_unit("radians")
    for part, expected in turned.rotations.items():
        assert np.allclose(again.rotations[part], expected, atol=1e-4), part
    assert np.allclose(again.times, turned.times, atol=1e-4)


def test_sound_and_keyframes_are_in_time_where_the_face_comes_late(blender, mesh, tmp_path):
    import bpy

    face = astronaut()[:320, 60:380]
    path = write(
        tmp_path / "late.mp4",
        22,
        size=(320, 320),
        sound=True,
        picture=lambda number, size: face if number >= 10 else np.full_like(face, 120),
    )
    scene = bpy.context.scene
    scene.render.fps = 30
    assert bpy.ops.facelift.capture_video(filepath=str(path), start=21, keys="RECORDED") == {"FINISHED"}
    assert curve(mesh, "jawOpen")[0, 0] == 21
    strip = next(iter(scene.sequence_editor.strips))
    assert strip.type == "SOUND" and strip.frame_final_start == 11


def test_a_clip_without_a_face_says_so_and_changes_nothing(blender, mesh, tmp_path):
    import bpy

    with pytest.raises(RuntimeError, match="No face was found"):
        bpy.ops.facelift.capture_video(filepath=str(still_clip(tmp_path / "wall.mp4")))
    assert mesh.data.shape_keys.animation_data is None


def test_a_clip_becomes_an_avatar_that_moves(blender):
    import bpy

    module = blender.module("facelift_addon.performance.avatar_from_video")
    errands = blender.module("facelift_addon.making.errands")
    bpy.context.scene.facelift.quality = "low"
    assert bpy.ops.facelift.avatar_from_video(filepath=str(filmed_astronaut().path)) == {"FINISHED"}

    def ended():
        errands.tick()
        return not errands.is_pending(module.TITLE)

    blender.tick_until(ended)
    mesh = next(item for item in bpy.data.objects if item.type == "MESH" and item.data.shape_keys)
    assert np.ptp(curve(mesh, "jawOpen")[:, 1]) > 0.3
    assert any(item.type == "ARMATURE" and item.animation_data for item in bpy.data.objects)


def test_a_clip_becomes_a_head_a_frame(blender, tmp_path, monkeypatch):
    import bpy

    module = blender.module("facelift_addon.moving.making")
    errands = blender.module("facelift_addon.making.errands")
    bpy.context.scene.facelift.quality = "low"
    folder, told = tmp_path / "heads", []
    monkeypatch.setattr(errands, "_show", lambda text: told.append(text))
    part = {"rate": 2.0, "clip_end": 0.6}
    asked = {"filepath": str(two_people()), "folder": str(folder), "person": 1, **part}
    assert bpy.ops.facelift.moving_head(**asked) == {"FINISHED"}
    assert "being made already" in module.FACELIFT_OT_moving_head.obstacle(bpy.context)

    def ended():
        errands.tick()
        return not errands.is_pending(module.TITLE)

    def one_is_made():
        errands.tick()
        return (folder / "two_00001.spz").exists() and module.PREVIEW in module.previews

    blender.tick_until(one_is_made)
    bpy.ops.facelift.cancel_errands(title=module.TITLE)
    blender.tick_until(ended)
    assert f"What was made is in {folder}: begin again" in told[-1] and module.PREVIEW not in module.previews
    first = (folder / "two_00001.spz").stat().st_mtime_ns
    assert bpy.ops.facelift.moving_head(**asked) == {"FINISHED"}
    blender.tick_until(ended)
    assert (folder / "two_00001.spz").stat().st_mtime_ns == first
    assert sorted(path.name for path in folder.iterdir()) == [
        "sequence.json",
        "two_00001.spz",
        "two_00002.spz",
    ]
    assert len(json.loads((folder / "sequence.json").read_text())["recipe"]["whom"]) == 4
    (head,) = (item for item in bpy.data.objects if item.type == "POINTCLOUD")
    assert head.facelift_sequence.speed == pytest.approx(2.0 / 24.0), "as fast as the clip"


def test_heads_and_sound_of_a_clip_begin_together_where_the_first_frame_gave_none(blender, tmp_path):
    import bpy

    module, scene = blender.module("facelift_addon.moving.making"), bpy.context.scene
    clip = write(tmp_path / "told.mp4", 45, sound=True)
    for number in (2, 3, 4):
        formats.save(random_gaussians(20), tmp_path / f"told_{number:05}.spz")
    scene.render.fps = 25
    recipe = {"rate": 10.0, "start": 1.0, "end": 1.4, "suffix": ".spz"}
    wish = module.Wish(clip, tmp_path, "draft", {}, recipe, scene.session_uid, 31, True)
    made = {"first": str(tmp_path / "told_00002.spz"), "number": 2, "frame_rate": 10.0, "has_sound": True}
    assert module._played(wish, scene, made) == []
    (strip,) = scene.sequence_editor.strips
    assert strip.type == "SOUND" and strip.frame_start == 31 - 25, "a second of the clip is over"
    (head,) = (item for item in bpy.data.objects if item.type == "POINTCLOUD")
    timing = head.facelift_sequence
    shown = [timing.number_at(frame) for frame in range(31, 41)]
    assert shown == [max(2, 1 + (frame * 10) // 25) for frame in range(10)]


def test_a_moving_head_says_why_it_can_not_be_made(blender, monkeypatch):
    import bpy

    module = blender.module("facelift_addon.moving.making")
    obstacle = module.FACELIFT_OT_moving_head.obstacle
    assert obstacle(bpy.context) == ""
    bpy.context.scene.facelift.engine = "facelift"
    assert obstacle(bpy.context).startswith("Set the FaceLift engine up first")
    with pytest.raises(RuntimeError, match="Set the FaceLift engine up first"):
        bpy.ops.facelift.moving_head("EXEC_DEFAULT", filepath="clip.mp4")
    bpy.context.scene.facelift.engine = "draft"
    monkeypatch.setattr(module.connection, "seat_of", lambda engine: module.connection.Seat.COMMAND)
    assert "don't travel to another computer" in obstacle(bpy.context)


def test_heads_that_end_in_another_file_are_told_where_they_are(blender, tmp_path, monkeypatch):
    import types

    import bpy

    module, errands = blender.module("facelift_addon.moving.making"), blender.module("facelift_addon.making.errands")
    result = {"first": "", "number": 1, "made": 3, "there": 0, "frame_rate": 24.0, "has_sound": False, "notes": []}

    def at_once(job, stopped, tell):
        yield None
        return result

    monkeypatch.setattr(module, "waited", at_once)
    monkeypatch.setattr(module.connection, "request_moving", lambda *_, **__: types.SimpleNamespace(previews={}))
    recipe = {"rate": 24.0, "start": 0.0, "end": 1.0, "suffix": ".spz"}
    wish = module.Wish(tmp_path / "a.mp4", tmp_path, "draft", {}, recipe, bpy.context.scene.session_uid, 1, True)
    bpy.ops.wm.read_homefile(use_empty=True)
    told = errands.at_once(module.made(wish))
    assert f"They are in {tmp_path}: File > Import > Splat Sequence plays them." in told
    assert not any(item.type == "POINTCLOUD" for item in bpy.data.objects)
