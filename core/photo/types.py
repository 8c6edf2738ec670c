"""Values that photo analysis hands to engines and user interfaces."""

from __future__ import annotations

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

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo ready for generation: found face, matte, aligned crop.

    Attributes:
        aligned: [512, 512, 4] uint8 RGBA, straight alpha = matte, FaceLift's alignment
            (face size 194 px, face centre at (252, 280)).
        faces: All faces found, largest first.
        face: Index of the face used.
        notes: Sentences for the user ("3 faces found, the largest is used").
    """

    aligned: np.ndarray
    faces: tuple[FaceBox, ...]
    face: int
    notes: tuple[str, ...] = ()
