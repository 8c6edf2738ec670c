"""Values that photo analysis hands to engines and user interfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FaceBox:
    """A detected face in the decoded photo.

    Attributes:
        x0, y0, x1, y1: Box in pixels of the decoded photo.
        score: Detector's probability, 0..1.
        roll: Degrees by which the face is turned in the picture plane, clockwise positive.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float
    roll: float = 0.0

    @property
    def center(self) -> tuple[float, float]:
        """Centre (x, y) in pixels."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def size(self) -> float:
        """Mean of width and height in pixels, the measure of FaceLift's alignment."""
        return ((self.x1 - self.x0) + (self.y1 - self.y0)) / 2

    def scaled(self, factor: float) -> FaceBox:
        """Return the face in a picture that is larger by a factor."""
        x0, y0, x1, y1 = (factor * side for side in (self.x0, self.y0, self.x1, self.y1))
        return FaceBox(x0, y0, x1, y1, self.score, self.roll)

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


def corners_of(face: FaceBox | None) -> list[float]:
    """Return x0, y0, x1 and y1 to the whole pixel, as JSON has a face that was chosen; nothing for none."""
    return [] if face is None else [float(round(side)) for side in (face.x0, face.y0, face.x1, face.y1)]


def face_at(corners: Sequence[float]) -> FaceBox | None:
    """Return the face of :func:`corners_of`'s form.

    Raises:
        TypeError, ValueError: these are no corners.
    """
    if not corners:
        return None
    x0, y0, x1, y1 = map(float, corners)
    return FaceBox(x0, y0, x1, y1, score=1.0)


@dataclass(frozen=True)
class Finding:
    """Something in a photo that will not come out well.

    Attributes:
        code: Stable identifier: "turned", "nodding", "face-covered", "face-cut", "skull-cut", "side-cut",
            "two-people", "low-resolution", "blurred", "dark", "bright".
        text: Sentence that says what is the matter.
        suffers: Sentence that says what of the head will suffer.
    """

    code: str
    text: str
    suffers: str

    def __str__(self) -> str:
        return f"{self.text} {self.suffers}"


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo ready for generation: found face, matte, aligned crop.

    Attributes:
        aligned: [512, 512, 4] uint8 RGBA, straight alpha = matte, FaceLift's alignment
            (face size 194 px, face centre at (252, 280)).
        faces: All faces found, largest first.
        face: Index of the face used.
        notes: Sentences for the user ("3 faces found, the largest is used").
        findings: What will not come out well, worst first.
        crop: The part of the photo that was taken, as (x, y, size); see :class:`~core.photo.edits.Crop`.
        rgb: [H, W, 3] uint8, the photo; None where it isn't at hand.
        matte: [H, W] uint8, the person's matte with what the user painted; None where it isn't at hand.
        side: What of the head it shows, one of :data:`~core.photo.sides.SIDES`, as the face tells; "" where it
            wasn't looked at.
        has_face: Whether a face was found that can be a portrait's.
        has_person: Whether anybody was found; of a further photo, the user can say where the head is.
    """

    aligned: np.ndarray
    faces: tuple[FaceBox, ...]
    face: int
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    crop: tuple[float, float, float] | None = None
    rgb: np.ndarray | None = None
    matte: np.ndarray | None = None
    side: str = ""
    has_face: bool = True
    has_person: bool = True

    @property
    def sentences(self) -> tuple[str, ...]:
        """Notes and findings as sentences, each once."""
        told = {finding.text for finding in self.findings}
        return (*(note for note in self.notes if note not in told), *map(str, self.findings))
