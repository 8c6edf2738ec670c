"""What became of each photo that a head was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from ..cameras import Camera
from ..photo.edits import Crop
from ..photo.sides import FRONT, LEFT_OUT, PLACED, SIDES, STATES

if TYPE_CHECKING:
    from ..placing.types import PlacedShot

P = TypeVar("P")


@dataclass(frozen=True, eq=False)
class ShotOutcome(Generic[P]):
    """What became of a shot.

    Attributes:
        state: One of :data:`~core.photo.sides.STATES`.
        message: Sentence for the user; "" where all is well.
        side: What the photo shows, as it was found: "front", "three-quarter", "left" or "right" (the person's own),
            or "back".
        camera: The camera through which the head reproduces ``picture``, in the Gaussians' frame; None where it was
            not found.
        picture: [512, 512, 4] uint8 RGBA, the aligned crop with its matte as straight alpha, or None. In Blender, its
            PNG.
        crop: The square of the photo that ``picture`` shows; None where that is not known.

    Raises:
        ValueError: an unknown state or side, or a placed shot without camera or picture.
    """

    state: str
    message: str = ""
    side: str = FRONT
    camera: Camera | None = None
    picture: P | None = None
    crop: Crop | None = None

    def __post_init__(self) -> None:
        if self.state not in STATES or self.side not in SIDES:
            raise ValueError(f"a shot has the state {self.state!r} and the side {self.side!r}")
        if self.state == PLACED and (self.camera is None or self.picture is None):
            raise ValueError("a placed shot has no camera or no picture")

    def facts(self) -> dict[str, Any]:
        """Return everything but the picture in JSON form."""
        camera = None if self.camera is None else self.camera.to_dict()
        crop = {} if self.crop is None else {"crop": self.crop.values()}
        return {"state": self.state, "message": self.message, "side": self.side, "camera": camera, **crop}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], picture: P | None = None) -> ShotOutcome[P]:
        """Return the outcome of :meth:`facts`.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: something is missing or of the wrong kind.
            PhotoError: the crop is none ("bad-crop").
        """
        camera = None if facts["camera"] is None else Camera.from_dict(facts["camera"])
        crop = None if facts.get("crop") is None else Crop.read(facts["crop"])
        return cls(facts["state"], str(facts["message"]), facts["side"], camera, picture, crop)


def outcome_of(shot: PlacedShot, camera: Camera) -> ShotOutcome[np.ndarray]:
    """Return what became of a photo that placing was asked to place.

    Args:
        shot: The photo.
        camera: Its camera in the Gaussians' frame; of no account where it was left out.
    """
    seen = None if shot.state == LEFT_OUT else camera
    return ShotOutcome(shot.state, shot.message, shot.side, seen, shot.picture, Crop.of_alignment(shot.alignment))


def check(shots: Sequence[ShotOutcome[Any]], count: int) -> None:
    """Check what became of a head's photos.

    Raises:
        ValueError: there is not one outcome for each of ``count`` photos, or the portrait, the first, was not placed.
    """
    if len(shots) != count or not shots or shots[0].state != PLACED:
        raise ValueError("a head needs one outcome for each of its photos, and its portrait placed")
