"""Save Face Recording: what moves a face, as a table that other programs read."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np
from bpy.props import EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper
from scipy.spatial.transform import Rotation

from ...core.avatar.joints import EYE_LEFT, EYE_RIGHT, HEAD, NECK
from ...core.avatar.recording import Recording, save_recording
from ...core.avatar.turns import from_turns, to_turns
from ...core.errors import FaceLiftError
from ...core.performance.faces import eye_turns, face_of
from .. import paths
from ..avatar import base_objects, faces, rigs
from ..avatar.keyframes import curves_of
from ..avatar.performances import MENU_TEXT
from ..interface.explaining import Explained
from ..reporting import reported
from .capturing import under_way

Curves = Mapping[tuple[str, int], bpy.types.FCurve]


class FACELIFT_OT_save_recording(Explained, bpy.types.Operator, ExportHelper):
    """Save what moves the face as a table of ARKit's expressions, as Live Link Face writes them"""

    bl_idname = "facelift.save_recording"
    bl_label = "Save Face Recording"
    bl_options = {"PRESET"}

    filename_ext = ".csv"
    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})
    source: EnumProperty(
        name="Save",
        description="What is written",
        items=(
            ("FACE", "Keyframes", "What moves the selected face and its rig now, at every frame of the scene"),
            (
                "CAPTURE",
                "Last Capture",
                "What the last clip gave, turns of the head included; kept until Blender closes",
            ),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A face must be there, or what was captured for one that is gone."""
        if under_way.last is not None or faces.face_of(context.active_object) is not None:
            return ""
        return "Select a head with a base mesh, its base mesh or its rig"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, with the capture where nothing else is there to save."""
        mesh = faces.face_of(context.active_object)
        if under_way.last is not None and (mesh is None or not curves_of(mesh.data.shape_keys)):
            self.source = "CAPTURE"
        return super().invoke(context, event)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the keyframes, or the capture."""
        if self.source == "CAPTURE":
            recording = _captured()
        else:
            recording = _keyed(context.scene, faces.required_face(context.active_object))
        path = paths.absolute(self.filepath)
        save_recording(recording, path)
        self.report({"INFO"}, f"{len(recording.times):,} moments saved to {path.name}")
        return {"FINISHED"}


def _captured() -> Recording:
    """Return what the last clip gave.

    Raises:
        FaceLiftError: there was none since Blender started ("no-capture").
    """
    if under_way.last is None:
        raise FaceLiftError(
            "No clip was captured since Blender started.", "Capture one, or save the keyframes.", code="no-capture"
        )
    return under_way.last.recording


def _keyed(scene: bpy.types.Scene, mesh: bpy.types.Object) -> Recording:
    """Return what moves a face at the scene's frames: expressions, and the bones of head and eyes.

    Raises:
        FaceLiftError: nothing moves it ("no-keyframes").
    """
    rig = rigs.rig_of(mesh)
    blocks = faces.expressions_of(mesh)
    shapes = {name: curves_of(mesh.data.shape_keys).get((f'key_blocks["{name}"].value', 0)) for name in blocks}
    turning: Curves = {} if rig is None else curves_of(rig)
    keyed = [curve for curve in shapes.values() if curve is not None]
    keyed += [curve for bone in (NECK, HEAD, EYE_LEFT, EYE_RIGHT) for curve in _of_bone(turning, bone).values()]
    if not keyed:
        raise FaceLiftError(
            f"The expressions of {mesh.name!r} have no keyframes.",
            "Capture or import a recording first.",
            code="no-keyframes",
        )
    begins, ends = zip(*(curve.range() for curve in keyed), strict=True)
    frames = np.arange(np.floor(min(begins)), np.ceil(max(ends)) + 1)
    values = np.stack([_sampled(curve, blocks[name].value, frames) for name, curve in shapes.items()], axis=1)
    values = np.clip(values, 0, 1).astype(np.float32)
    rotations = {}
    if base_objects.is_base_mesh(mesh):
        face = face_of(base_objects.read(mesh))
        ordered = [values[:, list(blocks).index(name)] if name in blocks else 0 * frames for name in face.names]
        rotations |= eye_turns(face, np.stack(ordered, axis=1))
    if rig is not None:
        rotations |= _of_bones(rig, turning, frames)
    rate = scene.render.fps / scene.render.fps_base
    return Recording((frames - frames[0]) / rate, tuple(blocks), values, rotations)


def _of_bones(rig: bpy.types.Object, curves: Curves, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rotations that keyed bones have, as a recording counts them."""
    found = {}
    if _of_bone(curves, NECK) or _of_bone(curves, HEAD):
        lower, upper = (_turns(rig, curves, bone, frames) for bone in (NECK, HEAD))
        found["head"] = from_turns(lower * upper)
    for bone, part in ((EYE_LEFT, "leftEye"), (EYE_RIGHT, "rightEye")):
        if _of_bone(curves, bone):
            x, _, z = _euler(rig, curves, bone, frames).T
            found[part] = np.stack([-z, x, np.zeros_like(x)], axis=1).astype(np.float32)
    return found


def _turns(rig: bpy.types.Object, curves: Curves, bone: str, frames: np.ndarray) -> Rotation:
    pitch, yaw, roll = _euler(rig, curves, bone, frames).T
    return to_turns(np.stack([yaw, pitch, roll], axis=1))


def _euler(rig: bpy.types.Object, curves: Curves, bone: str, frames: np.ndarray) -> np.ndarray:
    """Return a bone's Euler angles [T, 3]."""
    keyed, held = _of_bone(curves, bone), rig.pose.bones[bone].rotation_euler
    return np.stack([_sampled(keyed.get(axis), held[axis], frames) for axis in range(3)], axis=1)


def _of_bone(curves: Curves, bone: str) -> dict[int, bpy.types.FCurve]:
    path = f'pose.bones["{bone}"].rotation_euler'
    return {axis: curves[path, axis] for axis in range(3) if (path, axis) in curves}


def _sampled(curve: bpy.types.FCurve | None, held: float, frames: np.ndarray) -> np.ndarray:
    """Return a curve's values [T] at frames; the property's own where it isn't animated."""
    if curve is None:
        return np.full(len(frames), held)
    return np.array([curve.evaluate(float(frame)) for frame in frames])


def draw_export(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Export, where it is found without a face too."""
    menu.layout.operator(FACELIFT_OT_save_recording.bl_idname, text=MENU_TEXT)


CLASSES = (FACELIFT_OT_save_recording,)
