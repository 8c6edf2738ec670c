"""Save Face Recording: what moves a face, as a table that other programs read."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper

from ...core.avatar.recording import Recording, save_recording
from ...core.errors import FaceLiftError
from .. import paths
from ..avatar import faces
from ..reporting import reported
from .capturing import under_way


class FACELIFT_OT_save_recording(faces.OnFace, bpy.types.Operator, ExportHelper):
    """Save what moves the face as a table of ARKit's expressions, as Live Link Face writes them"""

    bl_idname = "facelift.save_recording"
    bl_label = "Save Face Recording"
    bl_options = {"PRESET"}

    filename_ext = ".csv"
    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the keyframes of the scene's frames; the turns of the head are those of the last capture."""
        mesh = faces.required_face(context.active_object)
        recording = _recording_of(context.scene, mesh)
        path = paths.absolute(self.filepath)
        save_recording(recording, path)
        self.report({"INFO"}, f"{len(recording.times):,} moments saved to {path.name}")
        return {"FINISHED"}


def _recording_of(scene: bpy.types.Scene, mesh: bpy.types.Object) -> Recording:
    """Return the last capture if it is what moves the face, else its curves at every frame.

    Raises:
        FaceLiftError: nothing moves it ("no-keyframes").
    """
    data = mesh.data.shape_keys.animation_data
    action = data.action if data is not None else None
    if action is None:
        raise FaceLiftError(
            f"The expressions of {mesh.name!r} have no keyframes.",
            "Capture or import a recording first.",
            code="no-keyframes",
        )
    if under_way.last is not None and action.name.split(".")[0] == under_way.last.name.split(".")[0]:
        return under_way.last.recording
    channelbag = action.layers[0].strips[0].channelbag(data.action_slot)
    curves = {curve.data_path: curve for curve in channelbag.fcurves}
    begin, end = action.frame_range
    frames = np.arange(int(begin), int(end) + 1)
    blocks = faces.expressions_of(mesh)
    values = np.zeros((len(frames), len(blocks)), np.float32)
    for column, (name, key) in enumerate(blocks.items()):
        curve = curves.get(f'key_blocks["{name}"].value')
        values[:, column] = key.value if curve is None else [curve.evaluate(frame) for frame in frames]
    rate = scene.render.fps / scene.render.fps_base
    return Recording((frames - frames[0]) / rate, tuple(blocks), np.clip(values, 0, 1), {})


CLASSES = (FACELIFT_OT_save_recording,)
