"""What travels between seeing a face, solving it, and those who ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..photo.landmarks import Landmarks
from ..photo.types import FaceBox

if TYPE_CHECKING:
    # Needs scipy, without which background processes start.
    from ..avatar.recording import Recording


@dataclass(frozen=True, eq=False)
class PersonFace:
    """One person's face, as far as landmarks tell of it. Lengths are metres, axes those of the head model.

    Attributes:
        mean: [L, 3] float32 the neutral face's landmarks.
        directions: [E, L, 3] float32 how they move with each expression at full strength.
        normals: [L, 3] float32 unit normals there, outward.
        names: E names of the expressions in ARKit's spelling.
        eyes: [2, 3] float32 centres of the left and the right eyeball.
        gazes: [E, 2, 3] float32 rotation vectors in radians by which each expression turns the left and the right
            eyeball at full strength, about the head's axes; 0 for those that don't.
    """

    mean: np.ndarray
    directions: np.ndarray
    normals: np.ndarray
    names: tuple[str, ...]
    eyes: np.ndarray
    gazes: np.ndarray


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face in a frame, as the networks see it. Places are pixels of the frame.

    Attributes:
        number: Of the frame.
        time: Seconds since the clip's first frame.
        size: (width, height) of the frame.
        landmarks: The face mesh network's.
        irises: [2, 3] float32 of the person's left and right eye: the iris' centre x, y and its radius; NaN where
            an eye isn't seen.
        lids: [2, 71, 2] float32 what the iris network says of the left and the right eye's lids and brow, in its
            order; NaN where an eye isn't seen.
        sharpness: How sharp the face is; larger is sharper, comparable within a clip only.
    """

    number: int
    time: float
    size: tuple[int, int]
    landmarks: Landmarks
    irises: np.ndarray
    lids: np.ndarray
    sharpness: float = 0.0


@dataclass(frozen=True, eq=False)
class PersonInClip:
    """Somebody whose face is seen in a clip, to choose from.

    Attributes:
        box: The face where it was first seen, in pixels.
        time: When, in seconds.
        share: Of the frames that were looked at, 0..1.
        picture: [S, S, 3] uint8 the face and what is around it, at that time.
    """

    box: FaceBox
    time: float
    share: float
    picture: np.ndarray


@dataclass(frozen=True)
class CaptureOptions:
    """How a clip is captured.

    Attributes:
        start, end: Seconds of the clip between which it is captured; the whole of it by default.
        whom: Whom to follow: the face where it is first seen in that part, in pixels of the clip, as
            :func:`~.people.people_in` finds it; None follows the largest.
        lens_degrees: Horizontal angle of view of the camera; 0 where it is to be found.
        steadiness: How much trembling is taken away, 0..1; blinks and closing lips stay sharp at any.
        neutral: Second of the clip at which the face is at rest; less than 0 where it is to be found.
    """

    start: float = 0.0
    end: float = np.inf
    whom: FaceBox | None = None
    lens_degrees: float = 0.0
    steadiness: float = 0.5
    neutral: float = -1.0


@dataclass(frozen=True, eq=False)
class Capture:
    """What was captured.

    Attributes:
        recording: The face over time; moments without a face are left out. Its rotations are "head", against the
            camera, and "leftEye" and "rightEye", against the head.
        frames: [T] int64 the clip's frame of each moment.
        is_complete: Whether the clip was captured to its end; False where it was stopped.
        lens_degrees: Horizontal angle of view that was taken or found.
        frame_rate: Of the clip, frames a second on average.
        has_sound: Whether the clip has a sound track.
        notes: What a person should know, a sentence each.
    """

    recording: Recording
    frames: np.ndarray
    is_complete: bool
    lens_degrees: float
    frame_rate: float
    has_sound: bool
    notes: tuple[str, ...] = ()
