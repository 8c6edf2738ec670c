"""Values of the engines as messages: captures there, prepared photos and finished heads back.

The aligned photo travels as PNG, because that is what Blender loads; the receiving side needs
numpy only. Gaussians travel as raw arrays, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..engines.base import FaceBox, GenerateResult, PreparedPhoto
from ..engines.capture import Capture, PhotoFile, Shot
from ..engines.outcomes import ShotOutcome, check
from ..engines.recipe import Recipe
from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..head.shape import HeadShape
from ..photo.edits import Crop, picture_of
from ..photo.types import Finding
from ..processes.codec import MALFORMED, Attachment, ProtocolError, as_array, as_bytes
from ..system.pictures import png_bytes

GAUSSIAN_FIELDS = ("means", "scales", "rotations", "opacities", "sh", "parts")
EXTRA_PREFIX = "extra/"
SHAPE = "shape"
PHOTO, MATTE, PICTURE = "photo/", "matte/", "picture/"
"""Attachments of a request and of a head, by the number of the shot."""

Packed = tuple[dict[str, Any], dict[str, Attachment]]


@dataclass(frozen=True, eq=False)
class ReceivedPreparation:
    """A :class:`~core.engines.base.PreparedPhoto` as it arrives at the client.

    Attributes:
        aligned_png: PNG of the aligned photo, 512 x 512 RGBA, alpha = matte.
        faces: All faces found, largest first.
        face: Index of the face used.
        notes: Sentences for the user.
        findings: What will not come out well, worst first.
        crop: The part of the photo that is taken; None where the whole of it is, and from old workers.
        picture_png: PNG of the photo with the matte as straight alpha, for mending it; empty from old workers.
        side: What of the head it shows, as the face tells; "" where it wasn't looked at.
        has_face: Whether a face was found that can be a portrait's.
        has_person: Whether anybody was found.
    """

    aligned_png: bytes
    faces: tuple[FaceBox, ...]
    face: int
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    crop: Crop | None = None
    picture_png: bytes = b""
    side: str = ""
    has_face: bool = True
    has_person: bool = True

    @property
    def further_notes(self) -> tuple[str, ...]:
        """The notes that no finding says."""
        return tuple(note for note in self.notes if note not in {finding.text for finding in self.findings})


@dataclass(frozen=True, eq=False)
class ReceivedHead:
    """A :class:`~core.engines.base.GenerateResult` as it arrives at the client.

    Attributes:
        gaussians: The head, bit for bit as the engine made it.
        shots: What became of each photo, the portrait first; pictures are PNGs, 512 x 512 RGBA, alpha = matte.
        recipe: How it was made.
        views: [V, H, W, 3] uint8 generated views, or None.
        stage_seconds: Seconds by stage name.
        notes: Sentences for the user.
        shape: The head model as it was fitted, or None: engines may fit none, and old workers tell nothing of it.
    """

    gaussians: Gaussians
    shots: tuple[ShotOutcome[bytes], ...]
    recipe: Recipe
    views: np.ndarray | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shape: HeadShape | None = None

    def __post_init__(self) -> None:
        check(self.shots, len(self.recipe.capture.shots))


def pack_capture(capture: Capture[PhotoFile]) -> Packed:
    """Return the parameter ``shots`` of a request, and the attachments that go with it."""
    attachments: dict[str, Attachment] = {}
    for number, shot in enumerate(capture.shots):
        attachments[f"{PHOTO}{number}"] = shot.photo.data
        if shot.edits.matte:
            attachments[f"{MATTE}{number}"] = shot.edits.matte
    return {"shots": [{**shot.facts(), "photo_name": shot.photo.name} for shot in capture.shots]}, attachments


def unpack_capture(params: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> Capture[PhotoFile]:
    """Return the value of :func:`pack_capture`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
        PhotoError: a crop lies outside its photo ("bad-crop").
        SettingsError: an unknown or out-of-range option of a photo.
    """
    try:
        return Capture(
            tuple(
                Shot.from_facts(
                    PhotoFile(str(facts["photo_name"]), as_bytes(attachments[f"{PHOTO}{number}"])),
                    facts,
                    as_bytes(attachments.get(f"{MATTE}{number}", b"")),
                )
                for number, facts in enumerate(params["shots"])
            )
        )
    except MALFORMED as error:
        raise ProtocolError(f"The photos of a request can't be read: {error!r}.") from error


def pack_prepared(prepared: PreparedPhoto) -> Packed:
    """Return the result object and attachments of a prepared photo."""
    result = {
        "faces": [asdict(face) for face in prepared.faces],
        "face": prepared.face,
        "notes": list(prepared.notes),
        "findings": [asdict(finding) for finding in prepared.findings],
        "side": prepared.side,
        "has_face": prepared.has_face,
        "has_person": prepared.has_person,
    }
    if prepared.crop is not None:
        result["crop"] = list(prepared.crop)
    attachments: dict[str, Attachment] = {"aligned": png_bytes(prepared.aligned)}
    if prepared.rgb is not None and prepared.matte is not None:
        attachments["picture"] = png_bytes(picture_of(prepared.rgb, prepared.matte))
    return result, attachments


def unpack_prepared(result: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> ReceivedPreparation:
    """Return the value of :func:`pack_prepared`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    try:
        faces = tuple(FaceBox(**face) for face in result["faces"])
        return ReceivedPreparation(
            as_bytes(attachments["aligned"]),
            faces,
            int(result["face"]),
            tuple(result["notes"]),
            tuple(Finding(**finding) for finding in result.get("findings", ())),
            Crop(*result["crop"]) if "crop" in result else None,
            as_bytes(attachments.get("picture", b"")),
            str(result["side"]),
            bool(result["has_face"]),
            # Workers of an earlier version refuse photos without anybody.
            bool(result.get("has_person", True)),
        )
    except MALFORMED as error:
        raise ProtocolError(f"A prepared photo can't be read: {error!r}.") from error


def pack_result(generated: GenerateResult) -> Packed:
    """Return the result object and attachments of a finished head."""
    gaussians = generated.gaussians
    attachments: dict[str, Attachment] = {name: getattr(gaussians, name) for name in GAUSSIAN_FIELDS}
    attachments |= {EXTRA_PREFIX + name: column for name, column in gaussians.extras.items()}
    for number, shot in enumerate(generated.shots):
        if shot.picture is not None:
            attachments[f"{PICTURE}{number}"] = png_bytes(shot.picture)
    if generated.views is not None:
        attachments["views"] = generated.views
    result = {
        "shots": [shot.facts() for shot in generated.shots],
        "recipe": generated.recipe.to_dict(),
        "stage_seconds": dict(generated.stage_seconds),
        "notes": list(generated.notes),
    }
    if generated.shape is not None:
        attachments[SHAPE] = generated.shape.vertices
        result[SHAPE] = generated.shape.facts()
    return result, attachments


def unpack_result(result: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> ReceivedHead:
    """Return the value of :func:`pack_result`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    try:
        prefix = EXTRA_PREFIX
        extras = {name.removeprefix(prefix): as_array(a) for name, a in attachments.items() if name.startswith(prefix)}
        fields = {name: as_array(attachments[name]) for name in GAUSSIAN_FIELDS}
        return ReceivedHead(
            Gaussians(**fields, extras=extras),
            tuple(_outcome(facts, attachments.get(f"{PICTURE}{n}")) for n, facts in enumerate(result["shots"])),
            Recipe.from_dict(result["recipe"]),
            as_array(attachments["views"]) if "views" in attachments else None,
            result["stage_seconds"],
            tuple(result["notes"]),
            HeadShape.from_facts(as_array(attachments[SHAPE]), result[SHAPE]) if SHAPE in result else None,
        )
    except (*MALFORMED, FaceLiftError) as error:
        raise ProtocolError(f"A head can't be read: {error!r}.") from error


def _outcome(facts: Mapping[str, Any], picture: Attachment | None) -> ShotOutcome[bytes]:
    return ShotOutcome.from_facts(facts, None if picture is None else as_bytes(picture))
