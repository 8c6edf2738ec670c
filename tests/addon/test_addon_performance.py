"""Capture from Video, through the installed zip and its own process."""

import numpy as np
import pytest

from core.avatar.arkit import ARKIT_NAMES
from core.avatar.recording import load_recording
from core.avatar.turns import to_turns
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.clips import write
from tests.helpers.filmed import filmed_astronaut, still_clip
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
        mesh.name,
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


def test_a_clip_becomes_a_head_a_frame(blender, tmp_path):
    import bpy

    module = blender.module("facelift_addon.moving.making")
    errands = blender.module("facelift_addon.making.errands")
    bpy.context.scene.facelift.quality = "low"
    folder = tmp_path / "heads"
    asked = {"filepath": str(filmed_astronaut().path), "folder": str(folder), "rate": 2.0, "clip_end": 0.6}
    assert bpy.ops.facelift.moving_head(**asked) == {"FINISHED"}

    def ended():
        errands.tick()
        return not errands.is_pending(module.TITLE)

    blender.tick_until(ended)
    assert sorted(path.name for path in folder.iterdir()) == [
        "astronaut_00001.spz",
        "astronaut_00002.spz",
        "sequence.json",
    ]
    (head,) = (item for item in bpy.data.objects if item.type == "POINTCLOUD")
    assert head.facelift_sequence.speed == pytest.approx(2.0 / 24.0), "as fast as the clip"
