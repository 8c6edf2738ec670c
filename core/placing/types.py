"""What goes into placing, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..cameras import Camera
from ..head.shape import HeadShape
from ..photo.alignment import Alignment
from ..photo.decode import Photo
from ..photo.edits import PhotoEdits
from ..photo.hand_placement import HandPlacement
from ..photo.lens import Lens


class ShotOptions(Protocol):
    """What was chosen about a photo, as far as placing needs it."""

    @property
    def side(self) -> str:
        """What the user says it shows: one of :data:`~core.photo.sides.SIDES`, or "auto"."""

    @property
    def face(self) -> int | None:
        """Index of the face to use, largest first; None for the largest."""

    @property
    def aligned(self) -> bool:
        """Whether the photo is an aligned portrait already."""


class Shot(Protocol):
    """A photo, and how it is to be taken (:class:`core.engines.capture.Shot` is one)."""

    @property
    def photo(self) -> Photo:
        """The decoded photo."""

    @property
    def options(self) -> Any:
        """As :class:`ShotOptions`."""

    @property
    def edits(self) -> PhotoEdits:
        """What was changed of the photo by hand."""

    @property
    def placement(self) -> HandPlacement | None:
        """Where the user says that its camera stood; None leaves it to be found."""

    def lens(self, alignment: Alignment) -> Lens:
        """Return the lens of the aligned picture."""


@dataclass(frozen=True, eq=False)
class PlacedShot:
    """A further photo, and where its camera stood.

    Attributes:
        picture: [512, 512, 4] uint8 RGBA, crop around the head, straight colours without the background's share; the
            matte is its alpha. Of what is left out, the whole photo.
        camera: Sees that crop, in the frame of the portrait's fit (before ``canonical``).
        shape: The person's head with this photo's own expression in the same frame; the portrait's expression where no
            face was found. Its vertices meet this photo's landmarks.
        landmarks: [468, 3] in the crop's pixels, as the portrait's; None where no face was found.
        side: What it shows, as found: one of :data:`~core.photo.sides.SIDES`.
        state: One of :data:`~core.photo.sides.STATES`. Of what is left out, camera and shape are the portrait's.
        message: Sentence for the user; empty when all is fine.
        alignment: How the photo's own pixels map to the crop's.
        rgb: [H, W, 3] uint8, the photo's own pixels.
        matte: [H, W] uint8, the person's matte on them.
        error: Mean distance in pixels of the crop between landmarks, or else outline, and the head's; NaN if unknown.
        other_hair: Whether its hair is clearly another than the portrait's, or under something: then the portrait's
            counts.
    """

    picture: np.ndarray
    camera: Camera
    shape: HeadShape
    landmarks: np.ndarray | None
    side: str
    state: str
    message: str
    alignment: Alignment
    rgb: np.ndarray
    matte: np.ndarray
    error: float = float("nan")
    other_hair: bool = False
