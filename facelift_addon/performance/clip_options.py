"""What can be chosen about a clip that is captured: whose face it is, how it is seen, what is changed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import degrees, radians

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

from ...core.avatar.arkit import REGIONS
from ...core.avatar.recording import Recording, calibrated, in_mirror, with_strengths
from ...core.performance.types import CaptureOptions
from .clips import TakesClip


@dataclass(frozen=True)
class Shaping:
    """What is changed of a recording before it moves the face.

    Attributes:
        neutral: Second of the clip at which the face is at rest, or None.
        mirror: Whether it is taken as in a mirror.
        strengths: By region.
    """

    neutral: float | None
    mirror: bool
    strengths: Mapping[str, float]

    def of(self, recording: Recording, first: float) -> Recording:
        """Return the recording, which begins at a second of the clip, as it is to be."""
        if self.neutral is not None:
            recording = calibrated(recording, self.neutral - first)
        if self.mirror:
            recording = in_mirror(recording)
        return with_strengths(recording, self.strengths)


class ClipOptions(TakesClip):
    """What an operator asks that captures a clip, besides what every recording is asked."""

    whose: EnumProperty(
        name="Face in the Clip",
        description="Whose face it is",
        items=(
            ("OTHER", "Anybody's", "Find the face's own shape, and bring its expressions to this head"),
            ("SAME", "This Head's", "The person whom this head shows: its shape is known, expressions are more exact"),
        ),
    )
    steadiness: FloatProperty(
        name="Steadiness",
        description="Take trembling away; blinks, closing lips and quick moves stay",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    use_neutral: BoolProperty(
        name="Face at Rest At", description="A moment of the clip at which the face is at rest and looks straight ahead"
    )
    neutral: FloatProperty(
        name="Moment", description="Second of the clip", default=0.0, min=0.0, subtype="TIME_ABSOLUTE"
    )
    use_mirror: BoolProperty(name="Mirror", description="As in a mirror: for webcams that show themselves mirrored")
    lens: FloatProperty(
        name="Lens",
        description="Horizontal angle of view of the camera; 0 finds it",
        default=0.0,
        min=0.0,
        max=radians(120.0),
        subtype="ANGLE",
    )
    use_rate: BoolProperty(
        name="Clip's Frame Rate", description="Give the scene the frame rate of the clip", default=False
    )
    use_sound: BoolProperty(name="Sound", description="Put the clip's sound into the sequencer", default=True)
    brows: FloatProperty(name="Brows", default=1.0, min=0.0, max=3.0, soft_max=2.0)
    eyes_strength: FloatProperty(name="Eyes", default=1.0, min=0.0, max=3.0, soft_max=2.0)
    cheeks: FloatProperty(name="Cheeks and Nose", default=1.0, min=0.0, max=3.0, soft_max=2.0)
    mouth: FloatProperty(name="Jaw and Mouth", default=1.0, min=0.0, max=3.0, soft_max=2.0)

    def capture_options(self) -> CaptureOptions:
        """Return how the clip is captured."""
        return CaptureOptions(
            start=self.clip_start,
            end=self.clip_stop,
            lens_degrees=degrees(self.lens),
            steadiness=self.steadiness,
            neutral=self.neutral if self.use_neutral else -1.0,
        )

    def shaping(self) -> Shaping:
        """Return what is changed of what was captured."""
        strengths = {"Brows": self.brows, "Eyes": self.eyes_strength, "Cheeks": self.cheeks, "Nose": self.cheeks}
        neutral = self.neutral if self.use_neutral else None
        return Shaping(neutral, self.use_mirror, dict.fromkeys(REGIONS, self.mouth) | strengths)

    def draw_clip(self, layout: bpy.types.UILayout) -> None:
        """Draw the options."""
        layout.prop(self, "whose")
        row = layout.column(align=True)
        row.prop(self, "clip_start")
        row.prop(self, "clip_end")
        layout.prop(self, "steadiness")
        row = layout.row(heading="Face at Rest At")
        row.prop(self, "use_neutral", text="")
        moment = row.row()
        moment.active = self.use_neutral
        moment.prop(self, "neutral", text="")
        layout.prop(self, "lens")
        for name in ("use_mirror", "use_rate", "use_sound"):
            layout.prop(self, name)
        header, body = layout.panel("facelift_capture_strengths", default_closed=True)
        header.label(text="Strength by Region")
        if body is not None:
            for name in ("brows", "eyes_strength", "cheeks", "mouth"):
                body.prop(self, name, slider=True)
