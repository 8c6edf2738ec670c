"""What a clip consists of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FormatError

SEEN_WELL = "Choose a clip in which one face is seen well: large enough, lit, and turned to the camera."


class ClipError(FormatError):
    """A video or an image sequence can't be read."""

    code = "bad-clip"


class NoFace(ClipError):
    """A clip shows no face.

    Args:
        path: Of the clip.
        advice: What kind of clip is needed.
    """

    code = "no-face-in-clip"

    def __init__(self, path: Path, advice: str = SEEN_WELL) -> None:
        super().__init__(f"No face was found in {path.name}.", advice)


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a clip before its frames are read.

    Attributes:
        path: The video, or the first picture of a sequence.
        size: (width, height) in pixels as it is to be seen, after the rotation that phones note.
        seconds: How long it is by what the file says; the frames decide.
        frame_rate: Frames a second on average.
        frames: How many frames there are by that.
        has_sound: Whether there is a sound track.
        notes: What was assumed or is wrong with the file, a sentence each.
    """

    path: Path
    size: tuple[int, int]
    seconds: float
    frame_rate: float
    frames: int
    has_sound: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of a clip.

    Attributes:
        number: Of the frame in the clip, from 0.
        time: Seconds since the clip's first frame, strictly ascending; steps may differ.
        rgb: [H, W, 3] uint8 sRGB, upright.
    """

    number: int
    time: float
    rgb: np.ndarray
