"""Face capture as messages: a clip on this computer and the avatar's face there, what was captured back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.capture import Capture as EngineCapture
from ..performance.types import Capture, CaptureOptions, PersonFace, PersonInClip
from ..photo.decode import Photo
from ..photo.types import FaceBox, corners_of, face_at
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
PERSON = "person/"
"""Attachments of a result: the faces of who is in a clip as PNG, by their number."""
ENDLESS = -1.0
"""Stands for the clip's end on the way."""


def pack_clip(path: Path, face: PersonFace | None, options: CaptureOptions) -> Packed:
    """Return the parameters of a request and the attachments that go with it."""
    chosen = asdict(options) | {"end": packed_end(options.end), "whom": corners_of(options.whom)}
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
            whom=face_at(chosen["whom"]),
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
class ReceivedPerson:
    """Somebody in a clip, to choose from.

    Attributes:
        face: Where the face is first seen, in pixels of the clip.
        time: When, in seconds.
        share: Of the frames that were looked at, 0..1.
        png: The face's picture.
    """

    face: FaceBox
    time: float
    share: float
    png: bytes = field(repr=False)


def pack_people(people: Sequence[PersonInClip]) -> Packed:
    """Return the result object and attachments of who is in a clip."""
    facts = [{"face": corners_of(one.box), "time": one.time, "share": one.share} for one in people]
    pictures: dict[str, Attachment] = {f"{PERSON}{number}": png_bytes(one.picture) for number, one in enumerate(people)}
    return {"people": facts}, pictures


def unpack_people(result: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> tuple[ReceivedPerson, ...]:
    """Return the value of :func:`pack_people`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    try:
        found = []
        for number, facts in enumerate(result["people"]):
            x0, y0, x1, y1 = map(float, facts["face"])
            face, png = FaceBox(x0, y0, x1, y1, score=1.0), as_bytes(attachments[f"{PERSON}{number}"])
            found.append(ReceivedPerson(face, float(facts["time"]), float(facts["share"]), png))
        return tuple(found)
    except MALFORMED as error:
        raise ProtocolError(f"People that can't be read: {error!r}.") from error


@dataclass(frozen=True)
class ReceivedFrame:
    """A frame of a clip that is to be a photo.

    Attributes:
        name: File name.
        side: What of the head it shows, as photos' sides are named.
        face: Which of its faces is the one, largest first; None where there is one only.
        png: The picture.
    """

    name: str
    side: str
    face: int | None
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class ReceivedFrames:
    """A clip's best frames, the portrait first, and sentences for the user."""

    frames: tuple[ReceivedFrame, ...]
    notes: tuple[str, ...]


def pack_frames(capture: EngineCapture[Photo], notes: Sequence[str]) -> Packed:
    """Return the result object and attachments of a clip's best frames."""
    options = [(shot.photo.name, shot.options) for shot in capture.shots]
    facts = [{"name": name, "side": chosen.side, "face": chosen.face} for name, chosen in options]
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
            ReceivedFrame(
                str(facts["name"]),
                str(facts["side"]),
                None if facts["face"] is None else int(facts["face"]),
                as_bytes(attachments[f"{FRAME}{number}"]),
            )
            for number, facts in enumerate(result["frames"])
        )
        return ReceivedFrames(frames, tuple(map(str, result["notes"])))
    except MALFORMED as error:
        raise ProtocolError(f"Frames that can't be read: {error!r}.") from error
