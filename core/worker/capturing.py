"""Face capture as messages: a clip on this computer and the avatar's face there, what was captured back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.capture import Capture as EngineCapture
from ..performance.types import Capture, CaptureOptions, PersonFace
from ..photo.decode import Photo
from ..processes.codec import MALFORMED, Attachment, ProtocolError, as_array, as_bytes
from ..system.pictures import png_bytes
from .packing import Packed

FACE = "face/"
FACE_FIELDS = ("mean", "directions", "normals", "eyes", "gazes")
"""Attachments of a request: the avatar's face, where it is that of the person in the clip."""
TIMES, VALUES, FRAMES, TURNS = "times", "values", "frames", "turns/"
"""Attachments of a result."""
FRAME = "frame/"
"""Attachments of a result: a clip's best frames as PNG, by their number."""
ENDLESS = -1.0
"""Stands for the clip's end on the way."""


def pack_clip(path: Path, face: PersonFace | None, options: CaptureOptions) -> Packed:
    """Return the parameters of a request and the attachments that go with it."""
    chosen = asdict(options) | {"end": packed_end(options.end)}
    params = {"path": str(path), "options": chosen}
    if face is None:
        return params, {}
    arrays: dict[str, Attachment] = {FACE + name: getattr(face, name) for name in FACE_FIELDS}
    return {**params, "names": list(face.names)}, arrays


def packed_end(seconds: float) -> float:
    """Return the second at which a clip ends as it travels: JSON has no infinity."""
    return seconds if np.isfinite(seconds) else ENDLESS


def unpacked_end(seconds: float) -> float:
    """Return the second of :func:`packed_end`'s form."""
    return np.inf if seconds == ENDLESS else seconds


def unpack_clip(
    params: Mapping[str, Any], attachments: Mapping[str, Attachment]
) -> tuple[Path, PersonFace | None, CaptureOptions]:
    """Return the values of :func:`pack_clip`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    try:
        chosen = params["options"]
        options = CaptureOptions(
            start=float(chosen["start"]),
            end=unpacked_end(float(chosen["end"])),
            person=int(chosen["person"]),
            lens_degrees=float(chosen["lens_degrees"]),
            steadiness=float(chosen["steadiness"]),
            neutral=float(chosen["neutral"]),
        )
        face = None
        if "names" in params:
            arrays = {name: as_array(attachments[FACE + name]) for name in FACE_FIELDS}
            face = PersonFace(names=tuple(map(str, params["names"])), **arrays)
        return Path(params["path"]), face, options
    except MALFORMED as error:
        raise ProtocolError(f"A clip that can't be read: {error!r}.") from error


def pack_captured(captured: Capture) -> Packed:
    """Return the result object and attachments of a capture."""
    recording = captured.recording
    arrays: dict[str, Attachment] = {TIMES: recording.times, VALUES: recording.values, FRAMES: captured.frames}
    arrays |= {TURNS + part: turns for part, turns in recording.rotations.items()}
    facts = {
        "names": list(recording.names),
        "turns": list(recording.rotations),
        "is_complete": captured.is_complete,
        "lens_degrees": captured.lens_degrees,
        "notes": list(captured.notes),
        "frame_rate": captured.frame_rate,
        "has_sound": captured.has_sound,
    }
    return facts, arrays


def unpack_captured(result: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> Capture:
    """Return the value of :func:`pack_captured`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    # Needs scipy, without which background processes start; only the client comes here.
    from ..avatar.recording import Recording

    try:
        recording = Recording(
            times=as_array(attachments[TIMES]),
            names=tuple(map(str, result["names"])),
            values=as_array(attachments[VALUES]),
            rotations={part: as_array(attachments[TURNS + part]) for part in map(str, result["turns"])},
        )
        return Capture(
            recording=recording,
            frames=as_array(attachments[FRAMES]),
            is_complete=result["is_complete"] is True,
            lens_degrees=float(result["lens_degrees"]),
            frame_rate=float(result["frame_rate"]),
            has_sound=result["has_sound"] is True,
            notes=tuple(map(str, result["notes"])),
        )
    except MALFORMED as error:
        raise ProtocolError(f"A capture that can't be read: {error!r}.") from error


@dataclass(frozen=True)
class ReceivedFrame:
    """A frame of a clip that is to be a photo.

    Attributes:
        name: File name.
        side: What of the head it shows, as photos' sides are named.
        png: The picture.
    """

    name: str
    side: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class ReceivedFrames:
    """A clip's best frames, the portrait first, and sentences for the user."""

    frames: tuple[ReceivedFrame, ...]
    notes: tuple[str, ...]


def pack_frames(capture: EngineCapture[Photo], notes: Sequence[str]) -> Packed:
    """Return the result object and attachments of a clip's best frames."""
    facts = [{"name": shot.photo.name, "side": shot.options.side} for shot in capture.shots]
    pictures: dict[str, Attachment] = {
        f"{FRAME}{number}": png_bytes(photo.rgba[..., :3]) for number, photo in enumerate(capture.photos)
    }
    return {"frames": facts, "notes": list(notes)}, pictures


def unpack_frames(result: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> ReceivedFrames:
    """Return the value of :func:`pack_frames`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    try:
        frames = tuple(
            ReceivedFrame(str(facts["name"]), str(facts["side"]), as_bytes(attachments[f"{FRAME}{number}"]))
            for number, facts in enumerate(result["frames"])
        )
        return ReceivedFrames(frames, tuple(map(str, result["notes"])))
    except MALFORMED as error:
        raise ProtocolError(f"Frames that can't be read: {error!r}.") from error
