"""Recorded faces on the expressions, and recorded heads on the rig: file menu, panel, drag and drop."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ...core.avatar.joints import EYE_LEFT, EYE_RIGHT, HEAD, NECK
from ...core.avatar.recording import DEGREES, RADIANS, Recording, load_recording
from ...core.avatar.turns import divided
from ...core.errors import FaceLiftError
from ...core.video.clip import VIDEO_SUFFIXES
from .. import paths
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from . import faces, rigs
from .keyframes import Animation, Curves

NECK_SHARE = 0.4
"""How much of the head's turn the neck takes."""
MENU_TEXT = "Face Recording, ARKit / Live Link Face (.csv)"


@dataclass(frozen=True, eq=False)
class Take:
    """A recording that was read, and the name of its file."""

    name: str
    recording: Recording


_handover = Handover[Take]("What was read", "Import the recording again.")


OF_TABLES = ("angles", "flip_yaw", "flip_pitch")
"""Options about what a table leaves open, which a clip doesn't."""


class TakeOptions:
    """What can be chosen, before and after."""

    start: IntProperty(name="Start Frame", description="Where the recording begins", default=1)
    keys: EnumProperty(
        name="Keyframes",
        description="Where the keyframes are",
        items=(
            ("FRAMES", "Whole Frames", "One a frame of the scene; the recording keeps its speed at any frame rate"),
            ("RECORDED", "As Recorded", "One for each recorded moment, between frames too"),
        ),
    )
    strength: FloatProperty(
        name="Strength",
        description="Expressions are multiplied by this; the shape keys end at 1",
        default=1.0,
        min=0.0,
        max=3.0,
        soft_max=2.0,
    )
    smoothing: FloatProperty(
        name="Smoothing",
        description="Takes trembling away: the width of the average in seconds",
        default=0.0,
        min=0.0,
        max=1.0,
        soft_max=0.2,
        subtype="TIME_ABSOLUTE",
    )
    use_head: BoolProperty(name="Turn Head", description="Let the rig's neck and head turn as recorded", default=True)
    center: BoolProperty(
        name="Center Head",
        description="The head's average direction becomes straight ahead: the phone rarely stood there",
        default=True,
    )
    angles: EnumProperty(
        name="Angles",
        description="In which unit the table counts the turns of head and eyes",
        items=(
            ("AUTO", "Detect", "What fits the whole take better; the status bar tells it"),
            ("RADIANS", "Radians", "As Live Link Face and ARKit count"),
            ("DEGREES", "Degrees", "As many other programs and spreadsheets count"),
        ),
    )
    flip_yaw: BoolProperty(name="Flip Left and Right", description="Turn and tilt the head to the other side")
    flip_pitch: BoolProperty(
        name="Flip Up and Down", description="As for recordings of a phone that was held horizontally"
    )
    eyes: EnumProperty(
        name="Eyes",
        description="What moves the eyes",
        items=(
            ("SHAPES", "Expressions", "The expressions eyeLookUp and so on, which move the lids too"),
            ("BONES", "Bones", "The rig's eye bones, by the recorded rotations; the expressions stay at rest"),
        ),
    )
    use_range: BoolProperty(
        name="Extend Scene", description="Move the scene's end frame back if the recording is longer", default=True
    )

    def draw_take(self, context: bpy.types.Context) -> None:
        """Draw the options that recordings and clips have; those of the rig only where there is one."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("start", "keys", "strength", "smoothing", "use_range"):
            layout.prop(self, name)
        if rigs.rig_of(faces.face_of(context.active_object)) is not None:
            layout.prop(self, "use_head")
            column = layout.column()
            column.enabled = self.use_head
            column.prop(self, "center")
            layout.prop(self, "eyes")

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the options, then those about how a table is to be read."""
        self.draw_take(context)
        if rigs.rig_of(faces.face_of(context.active_object)) is not None:
            for name in OF_TABLES:
                self.layout.prop(self, name)

    def chosen(self) -> dict[str, object]:
        """Return the options by name."""
        return {name: getattr(self, name) for name in TakeOptions.__annotations__}


class FACELIFT_OT_import_recording(faces.OnFace, TakeOptions, bpy.types.Operator, ImportHelper):
    """Import a recording of a face, from Live Link Face, any table with ARKit's names, or a video, as keyframes of the expressions"""  # noqa: E501

    bl_idname = "facelift.import_recording"
    bl_label = "Import Face Recording"
    # The undo step is that of the operator that adds the keyframes.
    bl_options = {"PRESET"}

    filter_glob: StringProperty(
        default=";".join(f"*{suffix}" for suffix in (".csv", ".tsv", ".txt", *VIDEO_SUFFIXES)), options={"HIDDEN"}
    )
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, or ask for the options of a dropped file."""
        if not self.properties.is_property_set("start"):
            self.start = context.scene.frame_current
        return self.invoke_popup(context)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read, then add the keyframes; from the interface in the background."""
        mesh = faces.required_face(context.active_object).name
        files = paths.chosen(self)
        if not files:
            raise FaceLiftError("No recording was chosen.", "Choose the CSV file of a take.", code="none")
        if len(files) > 1:
            raise FaceLiftError(
                "A face can play one recording only.", "Import one, or give every recording its own head.", code="many"
            )
        path, options = files[0], self.chosen()
        if path.suffix.lower() in VIDEO_SUFFIXES:
            # A clip has options of its own, which a popup asks for.
            how = "INVOKE_DEFAULT" if self.options.is_invoke else "EXEC_DEFAULT"
            of_clips = {name: value for name, value in options.items() if name not in OF_TABLES}
            return bpy.ops.facelift.capture_video(how, filepath=str(path), **of_clips)
        if self.options.is_invoke:
            errands.start(
                f"Reading {path.name}…",
                lambda _reporter: load_recording(path),
                lambda recording: add_take(Take(path.stem, recording), mesh, options),
                belongs_to_file=True,
            )
        else:
            self.report({"INFO"}, add_take(Take(path.stem, load_recording(path)), mesh, options))
        return {"FINISHED"}


def add_take(take: Take, mesh: str, options: dict[str, object]) -> str:
    """Bring a take onto the mesh of a name as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_recording, take, mesh=mesh, **options)
    recording = _in_unit(take.recording, options.get("angles"))
    told = f"{take.name}: {len(recording.names)} expressions, {recording.seconds:.1f} s at {recording.fps:.4g} a second"
    return " ".join([f"{told}.", *recording.notes])


def _in_unit(recording: Recording, angles: object) -> Recording:
    unit = {"RADIANS": RADIANS, "DEGREES": DEGREES}.get(angles)
    return recording if unit is None else recording.in_unit(unit)


class FACELIFT_OT_add_recording(TakeOptions, bpy.types.Operator):
    """Add the recording that was read"""

    bl_idname = "facelift.add_recording"
    bl_label = "Import Face Recording"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    mesh: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the keyframes."""
        take = _handover.take(self.made)
        # The one that was active when reading began; timers have no active object.
        mesh = faces.required_face(bpy.data.objects.get(self.mesh))
        blocks = faces.expressions_of(mesh)
        missing = [name for name in take.recording.names if name not in blocks]
        if len(missing) == len(take.recording.names):
            raise FaceLiftError(
                f"None of the expressions of {take.name!r} is among the shape keys of {mesh.name!r}.",
                "Fit the base mesh again, or give the keys ARKit's names.",
                code="no-expressions",
            )
        if missing:
            self.report({"WARNING"}, f"{mesh.name!r} has no shape key for {', '.join(missing)}")
        self._write(context.scene, mesh, take)
        return {"FINISHED"}

    def _write(self, scene: bpy.types.Scene, mesh: bpy.types.Object, take: Take) -> None:
        recording = _in_unit(take.recording, self.angles).smoothed(self.smoothing)
        rate = scene.render.fps / scene.render.fps_base
        if self.keys == "FRAMES":
            recording = recording.resampled(rate)
        frames = self.start + recording.times * rate
        rig = rigs.rig_of(mesh)
        by_bones = rig is not None and self.eyes == "BONES" and "leftEye" in recording.rotations
        animation = Animation(take.name)
        curves = animation.animate(mesh.data.shape_keys)
        blocks = faces.expressions_of(mesh)
        for name, column in zip(recording.names, recording.values.T, strict=True):
            if name in blocks:
                at_rest = by_bones and name.startswith("eyeLook")
                values = np.clip(column * (0.0 if at_rest else self.strength), 0, 1)
                curves.write(f'key_blocks["{name}"].value', 0, frames, values, "Expressions")
        if rig is not None and (by_bones or (self.use_head and "head" in recording.rotations)):
            self._turn(animation.animate(rig), rig, frames, recording, by_bones)
        if self.use_range:
            scene.frame_end = max(scene.frame_end, int(np.ceil(frames[-1])))

    def _turn(
        self, curves: Curves, rig: bpy.types.Object, frames: np.ndarray, recording: Recording, by_bones: bool
    ) -> None:
        """Write what the recording says of head and eyes on the rig's bones."""
        # The target would hold the eyes in one direction while the head turns.
        curves.write(f'["{rigs.LOOK}"]', 0, frames[:1], np.zeros(1), "Rig")
        side, height = (-1 if self.flip_yaw else 1), (-1 if self.flip_pitch else 1)
        if self.use_head and "head" in recording.rotations:
            turns = (recording.centered() if self.center else recording).rotations["head"] * [side, height, side]
            for bone, angles in zip((NECK, HEAD), divided(turns, NECK_SHARE), strict=True):
                yaw, pitch, roll = angles.T
                rig.pose.bones[bone].rotation_mode = rigs.TURN_ORDER
                _write_euler(curves, bone, frames, (pitch, yaw, roll))
        if by_bones:
            for bone, part in ((EYE_LEFT, "leftEye"), (EYE_RIGHT, "rightEye")):
                if part in recording.rotations:
                    yaw, pitch, _ = recording.rotations[part].T
                    rig.pose.bones[bone].rotation_mode = "XYZ"
                    _write_euler(curves, bone, frames, (height * pitch, np.zeros_like(yaw), -side * yaw))

    @classmethod
    def unregister(cls) -> None:
        """The extension is switched off."""
        _handover.clear()


def _write_euler(curves: Curves, bone: str, frames: np.ndarray, angles: tuple[np.ndarray, ...]) -> None:
    for axis, values in enumerate(angles):
        curves.write(f'pose.bones["{bone}"].rotation_euler', axis, frames, values, bone)


class FACELIFT_FH_recording(bpy.types.FileHandler):
    """Recordings dropped into the 3D View."""

    bl_idname = "FACELIFT_FH_recording"
    bl_label = "Face recording (FaceLift)"
    bl_import_operator = FACELIFT_OT_import_recording.bl_idname
    bl_file_extensions = ".csv;.tsv"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Where there is a face to move."""
        return faces.takes_drop(context)


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Add to File > Import."""
    menu.layout.operator(FACELIFT_OT_import_recording.bl_idname, text=MENU_TEXT)


CLASSES = (FACELIFT_OT_import_recording, FACELIFT_OT_add_recording, FACELIFT_FH_recording)
