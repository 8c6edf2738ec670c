"""Numbered pictures as a clip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import PhotoError
from ..photo.decode import decode
from .clip import PICTURE_SUFFIXES, Clip, reduced_size
from .types import ClipError, ClipFacts, Frame

DEFAULT_RATE = 30.0
"""Frames a second where nobody says."""
_NUMBERED = re.compile(r"(.*?)(\d+)(\.[^.]+)")


class PictureClip(Clip):
    """A sequence of numbered pictures; one picture alone is a clip of one frame.

    Args:
        path: One of the pictures, or their folder.
        frame_rate: Frames a second.

    Raises:
        ClipError: there is none, or the first can't be read.
    """

    def __init__(self, path: Path, frame_rate: float | None = None) -> None:
        super().__init__()
        self._files = _sequence_of(path)
        self._rate = frame_rate or DEFAULT_RATE
        rgb = _read(self._files[0])
        notes = () if frame_rate else (f"Pictures tell no frame rate: taken for {DEFAULT_RATE:g} a second.",)
        count = len(self._files)
        self.facts = ClipFacts(
            path=self._files[0],
            size=(rgb.shape[1], rgb.shape[0]),
            seconds=count / self._rate,
            frame_rate=self._rate,
            frames=count,
            has_sound=False,
            notes=notes if count > 1 else (),
        )

    def frames(self, start: float = 0.0, end: float = np.inf, longest_side: int | None = None) -> Iterator[Frame]:
        """Read frames one after the other; see :meth:`.clip.Clip.frames`."""
        for number, file in enumerate(self._files):
            time = number / self._rate
            if time < start - 1e-9 or time > end + 1e-9:
                continue
            try:
                yield self._frame(number, file, longest_side)
            except ClipError as error:
                self.tell(f"{error.message} It is left out.")

    def frame_at(self, seconds: float, longest_side: int | None = None) -> Frame:
        """Return the frame that is shown at a time."""
        number = int(np.clip(np.floor(seconds * self._rate + 1e-6), 0, len(self._files) - 1))
        return self._frame(number, self._files[number], longest_side)

    def _frame(self, number: int, file: Path, longest_side: int | None) -> Frame:
        rgb = _read(file)
        # Pictures of a clip are of one size; an odd one out is brought to it.
        size = reduced_size(self.facts.size, longest_side)
        if (rgb.shape[1], rgb.shape[0]) != size:
            rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
        return Frame(number, number / self._rate, rgb)


def _sequence_of(path: Path) -> list[Path]:
    """Return the pictures of a folder, or those numbered like one, in their numbers' order."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
        if not files:
            raise ClipError(f"The folder {path.name} has no pictures.", "Choose a video, or a folder of pictures.")
        path = files[0]
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        return [path]
    found = {}
    for file in path.parent.iterdir():
        other = _NUMBERED.fullmatch(file.name)
        if other and other[1] == match[1] and other[3].lower() == match[3].lower():
            found[int(other[2])] = file
    return [found[number] for number in sorted(found)]


def _read(file: Path) -> np.ndarray:
    """Return a picture's [H, W, 3] uint8."""
    try:
        return np.ascontiguousarray(decode(file.read_bytes(), file.name).rgba[..., :3])
    except PhotoError as error:
        raise ClipError(error.message, error.advice) from error
    except OSError as error:
        raise ClipError(f"{file.name} can't be read: {error.strerror}.", "Check the file.") from error
