"""Recordings on shape keys and rig, through the import operator."""

import numpy as np
import pytest

from core.avatar.arkit import ARKIT_NAMES
from core.avatar.recording import load_recording
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.patience import PATIENCE
from tests.helpers.recording import live_link_face, table

pytestmark = needs_blender

SECONDS = 2
TIMES = np.arange(60 * SECONDS + 1) / 60
VALUES = 0.5 + 0.5 * np.sin(TIMES[:, None] * np.linspace(1, 4, 52) + np.arange(52))
ANGLES = np.concatenate([np.sin(TIMES)[:, None] * [0.4, -0.2, 0.1], np.tile([0.2, 0.1, 0.0], (len(TIMES), 2))], axis=1)


@pytest.fixture
def mesh(blender):
    return add_head_with_mesh(blender)[1]


@pytest.fixture
def take(tmp_path):
    path = tmp_path / "MyTake.csv"
    path.write_bytes(live_link_face(VALUES, ANGLES))
    return path


def load(path, **options):
    import bpy

    assert bpy.ops.facelift.import_recording(filepath=str(path), **options) == {"FINISHED"}


def values_at(mesh, frame):
    import bpy

    bpy.context.scene.frame_set(int(frame // 1), subframe=frame % 1)
    return np.array([mesh.data.shape_keys.key_blocks[name].value for name in ARKIT_NAMES])


def curves_of(target):
    data = target.animation_data
    return data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves


@pytest.mark.parametrize(("fps", "base", "keys"), [(24, 1.0, "FRAMES"), (30, 1.001, "RECORDED"), (60, 1.0, "FRAMES")])
def test_the_recording_keeps_its_speed(blender, mesh, take, fps, base, keys):
    import bpy

    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base, scene.frame_end = fps, base, 10
    load(take, start=101, keys=keys)
    rate = fps / base
    for seconds in (0.0, 0.5, 1.0, 1.9):
        found = values_at(mesh, 101 + seconds * rate)
        wanted = [np.interp(seconds, TIMES, column) for column in VALUES.T]
        np.testing.assert_allclose(found, wanted, atol=0.003)
    assert scene.frame_end == int(np.ceil(101 + SECONDS * rate - 1e-3)) or keys == "FRAMES"
    assert abs(scene.frame_end - (101 + SECONDS * rate)) <= 1
    curve = curves_of(mesh.data.shape_keys)[0]
    frames = np.array([point.co.x for point in curve.keyframe_points])
    assert keys == "RECORDED" or (frames == np.round(frames)).all()
    assert len(curves_of(mesh.data.shape_keys)) == 52
    assert mesh.data.shape_keys.animation_data.action.name == "MyTake"


def test_strength_and_smoothing(blender, mesh, take):
    load(take, strength=2.0, keys="RECORDED")
    np.testing.assert_allclose(values_at(mesh, 1), np.clip(2 * VALUES[0], 0, 1), atol=1e-4)
    load(take, strength=1.0, smoothing=0.3)
    assert np.ptp([values_at(mesh, frame)[5] for frame in range(1, 40)]) < np.ptp(VALUES[:, 5])


def test_the_head_turns_as_recorded(blender, mesh, take):
    import bpy
    from mathutils import Euler

    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    load(take, keys="RECORDED", center=False)
    scene = bpy.context.scene
    scene.frame_set(1 + scene.render.fps)
    yaw, pitch, roll = np.sin(1.0) * np.array([0.4, -0.2, 0.1])
    rest = rig.data.bones["head"].matrix_local.to_3x3()
    turned = rig.pose.bones["head"].matrix.to_3x3() @ rest.inverted()
    axes = np.array(rest)
    # In the head's own axes x to the left, y up, z out of the face: yaw, then pitch, then roll.
    local = np.linalg.inv(axes) @ np.array(turned) @ axes
    about = {
        axis: np.array(Euler(angles).to_matrix())
        for axis, angles in {"x": (pitch, 0, 0), "y": (0, yaw, 0), "z": (0, 0, roll)}.items()
    }
    np.testing.assert_allclose(local, about["y"] @ about["x"] @ about["z"], atol=0.02)
    assert rig["look_at"] == 0
    nose = np.array(turned) @ axes[:, 2]
    assert nose @ axes[:, 0] > 0.2 and nose @ axes[:, 1] > 0.1

    load(take, keys="RECORDED", center=False, flip_yaw=True, flip_pitch=True)
    scene.frame_set(1 + scene.render.fps)
    nose = np.array(rig.pose.bones["head"].matrix.to_3x3() @ rest.inverted()) @ axes[:, 2]
    assert nose @ axes[:, 0] < -0.2 and nose @ axes[:, 1] < -0.1


def test_degrees_are_recognised_and_the_unit_can_be_chosen(blender, mesh, tmp_path):
    import bpy

    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    path = tmp_path / "degrees.csv"
    path.write_bytes(live_link_face(VALUES, np.degrees(ANGLES)))
    turns = {}
    for angles in ("AUTO", "DEGREES", "RADIANS"):
        load(path, keys="RECORDED", center=False, angles=angles)
        bpy.context.scene.frame_set(1 + bpy.context.scene.render.fps)
        turns[angles] = np.sum([rig.pose.bones[name].rotation_euler for name in ("neck", "head")], axis=0)
    np.testing.assert_allclose(turns["AUTO"], turns["DEGREES"], atol=1e-5)
    assert np.abs(turns["AUTO"]).max() < 0.5 < np.abs(turns["RADIANS"]).max()


def test_eyes_by_bones_leave_their_expressions_at_rest(blender, mesh, take):
    import bpy

    bpy.ops.facelift.add_rig()
    rig = bpy.context.active_object
    load(take, eyes="BONES", use_head=False)
    found = dict(zip(ARKIT_NAMES, values_at(mesh, 10), strict=True))
    assert not any(value for name, value in found.items() if name.startswith("eyeLook")) and found["jawOpen"]
    rest = rig.data.bones["eye.L"].matrix_local.to_3x3()
    gaze = np.array(rig.pose.bones["eye.L"].matrix.to_3x3() @ rest.inverted()) @ np.array(rest)[:, 1]
    left, down = np.array(rest)[:, 0], np.array(rest)[:, 2]
    assert gaze @ left == pytest.approx(np.sin(0.2), abs=0.02) and gaze @ down == pytest.approx(0.1, abs=0.02)
    assert rig.pose.bones["head"].rotation_euler[1] == 0


def test_without_a_rig_only_the_face_moves(blender, mesh, take):
    import bpy

    load(take, eyes="BONES")
    assert not any(data.animation_data for data in bpy.data.objects)
    assert values_at(mesh, 5)[ARKIT_NAMES.index("eyeLookInLeft")] > 0


def test_still_channels_are_single_keyframes(blender, mesh, tmp_path):
    path = tmp_path / "take.csv"
    path.write_bytes(table({"time": [0, 1, 2], "jawOpen": [0, 1, 0], "cheekPuff": [0.5, 0.5, 0.5]}))
    load(path)
    counts = {curve.data_path: len(curve.keyframe_points) for curve in curves_of(mesh.data.shape_keys)}
    assert counts == {'key_blocks["jawOpen"].value': 49, 'key_blocks["cheekPuff"].value': 1}


def test_one_step_that_can_be_undone_and_redone_with_other_options(blender, mesh, take):
    import bpy

    name = mesh.name
    bpy.ops.facelift.set_expression(preset="Smile")
    bpy.ops.facelift.key_expressions()
    first = mesh.data.shape_keys.animation_data.action.name
    bpy.ops.ed.undo_push(message="before")
    performances = blender.module("facelift_addon.avatar.performances")
    performances.add_take(performances.Take("MyTake", load_recording(take)), mesh.name, {"start": 7})
    assert curves_of(mesh.data.shape_keys)[0].keyframe_points[0].co.x == 7
    bpy.ops.ed.undo()
    assert bpy.data.objects[name].data.shape_keys.animation_data.action.name == first
    bpy.ops.facelift.add_recording(made=performances._handover.key, mesh=name, start=50)
    mesh = bpy.data.objects[name]
    assert curves_of(mesh.data.shape_keys)[0].keyframe_points[0].co.x == 50
    assert bpy.data.actions[first].use_fake_user


def test_unusable_files_and_meshes_are_told(blender, mesh, take, tmp_path):
    import bpy

    (tmp_path / "bad.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(RuntimeError, match="no column with the name"):
        load(tmp_path / "bad.csv")
    with pytest.raises(RuntimeError, match="can't be read"):
        load(tmp_path / "missing.csv")
    files = [{"name": take.name}, {"name": "bad.csv"}]
    with pytest.raises(RuntimeError, match="one recording only"):
        bpy.ops.facelift.import_recording(directory=str(tmp_path), files=files)
    for name in ARKIT_NAMES[1:]:
        mesh.shape_key_remove(mesh.data.shape_keys.key_blocks[name])
    load(take)
    assert len(curves_of(mesh.data.shape_keys)) == 1
    (tmp_path / "other.csv").write_bytes(table({"jawOpen": [0, 1]}))
    with pytest.raises(RuntimeError, match="None of the expressions"):
        load(tmp_path / "other.csv")
    mesh.shape_key_clear()
    assert not bpy.ops.facelift.import_recording.poll()
    bpy.data.objects.remove(mesh)
    assert not bpy.ops.facelift.import_recording.poll()


def test_in_the_background_it_arrives_as_one_step(blender, mesh, take):
    """What the file browser starts."""
    import bpy

    performances = blender.module("facelift_addon.avatar.performances")
    errands = blender.module("facelift_addon.making.errands")
    recording = blender.module("core.avatar.recording")
    errands.start(
        "Reading…",
        lambda _reporter: recording.load_recording(take),
        lambda read: performances.add_take(performances.Take("MyTake", read), mesh.name, {"start": 7}),
        belongs_to_file=True,
    )
    for errand in list(errands._errands):
        errand.future.exception(timeout=PATIENCE)
    assert not errands.tick()
    assert curves_of(mesh.data.shape_keys)[0].keyframe_points[0].co.x == 7
    assert not bpy.app.timers.is_registered(errands._on_timer) or errands.close() is None
