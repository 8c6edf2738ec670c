"""Where a photo's camera stood against the head, as the user placed it by hand: what travels to the engine.

It refers to the photo and to the head model, to no head in particular: engines may crop the photo anew, and fit the
head anew, and see it as it was placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import FaceLiftError, PhotoError
from .edits import Crop

FOCAL_RANGE = (0.05, 50.0)
"""Focal lengths in widths of the crop that cameras may have."""
MOST_PINS = 200
FARTHEST = 100.0
"""Metres from the head within which cameras may stand, and widths of the crop within which pins and axes may lie."""
ROUNDING = 1e-3
"""By which a rotation may be off, and the sum of a pin's weights."""


@dataclass(frozen=True)
class KeptPin:
    """A place of the head that was pinned to a place of the photo.

    Attributes:
        vertices: Three vertices of the head model.
        weights: Their weights, which add up to 1.
        place: (x, y) in widths of the crop, from its upper left corner.
    """

    vertices: tuple[int, int, int]
    weights: tuple[float, float, float]
    place: tuple[float, float]


@dataclass(frozen=True)
class HandPlacement:
    """How a photo sees the head, as the user says.

    Attributes:
        crop: The square of the photo to which lens and pins refer.
        focal: Focal length in widths of the crop.
        center: (x, y) where the camera's axis meets the photo, in widths of the crop from its upper left corner.
        camera: The first three rows of the matrix from camera axes (x right, y down, z forward) to the head model's
            frame, in metres; row by row.
        pins: Places that the user pinned.
        shape: Whether the head's shape follows the pins.
    """

    crop: Crop
    focal: float
    center: tuple[float, float]
    camera: tuple[float, ...]
    pins: tuple[KeptPin, ...] = ()
    shape: bool = False

    def facts(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "crop": self.crop.values(),
            "focal": self.focal,
            "center": list(self.center),
            "camera": list(self.camera),
            "pins": [[*pin.vertices, *pin.weights, *pin.place] for pin in self.pins],
            "shape": self.shape,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> HandPlacement:
        """Return the placement of :meth:`facts`.

        Raises:
            PhotoError: it is none ("bad-placement").
        """
        try:
            numbers = np.array([facts["focal"], *facts["center"], *facts["camera"]], np.float64)
            pins = np.array(facts["pins"], np.float64).reshape(-1, 8)
            _check(numbers, pins)
            return cls(
                Crop.read(facts["crop"]),
                float(numbers[0]),
                (float(numbers[1]), float(numbers[2])),
                tuple(numbers[3:].tolist()),
                tuple(_pin(values) for values in pins.tolist()),
                bool(facts["shape"]),
            )
        except (KeyError, TypeError, ValueError, FaceLiftError) as error:
            raise PhotoError(
                "Where a photo was placed by hand can't be read.", "Place it anew.", code="bad-placement"
            ) from error


def _pin(values: list[float]) -> KeptPin:
    a, b, c, u, v, w, x, y = values
    return KeptPin((int(a), int(b), int(c)), (u, v, w), (x, y))


def _check(numbers: np.ndarray, pins: np.ndarray) -> None:
    """Check focal length, centre and camera [15], and pins [N, 8].

    Raises:
        ValueError: something is out of range.
    """
    if numbers.shape != (15,) or not (np.isfinite(numbers).all() and np.isfinite(pins).all()):
        raise ValueError("numbers are missing or not finite")
    rotation = numbers[3:].reshape(3, 4)[:, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROUNDING or np.linalg.det(rotation) < 0:
        raise ValueError("the camera is turned by no rotation")
    if not FOCAL_RANGE[0] <= numbers[0] <= FOCAL_RANGE[1]:
        raise ValueError("the lens is none")
    places = (numbers[1:3], numbers[3:].reshape(3, 4)[:, 3], pins[:, 6:])
    if len(pins) > MOST_PINS or any(np.abs(each).max(initial=0) > FARTHEST for each in places):
        raise ValueError("a place is far away, or there are too many")
    if (np.abs(pins[:, 3:6].sum(1) - 1) > ROUNDING).any() or (pins[:, :3] < 0).any():
        raise ValueError("a pin lies on no triangle")
