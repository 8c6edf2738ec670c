"""Opens clips: video files through PyAV (FFmpeg), and folders of numbered pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from .types import ClipError, ClipFacts, Frame

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".heic")
"""Of files that are taken for pictures of a sequence."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".mts", ".m2ts", ".3gp", ".mpg", ".mpeg", ".wmv")
"""Of files that are offered as videos; FFmpeg looks at what is in them."""
SEEK_FROM = 40
"""Frames between two moments from which each is looked for instead of read on to: a seek costs as much."""


class Clip(ABC):
    """Frames in time. A context manager; frames are read as they are asked for.

    Attributes:
        facts: What is known before frames are read.
    """

    facts: ClipFacts

    def __init__(self) -> None:
        self._told: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, and what was wrong with the file as far as it was read, a sentence each."""
        return (*self.facts.notes, *self._told)

    @abstractmethod
    def frames(self, start: float = 0.0, end: float = np.inf, longest_side: int | None = None) -> Iterator[Frame]:
        """Read frames one after the other.

        Args:
            start: Seconds of the first frame, or of the one after.
            end: Seconds after which none follows.
            longest_side: Larger frames are reduced to it, in pixels.

        Raises:
            ClipError: nothing can be read. A clip that is damaged further on ends there, and a note tells it.
        """

    @abstractmethod
    def frame_at(self, seconds: float, longest_side: int | None = None) -> Frame:
        """Return the frame that is shown at a time; the first and the last one beyond the ends.

        Raises:
            ClipError: none can be read there.
        """

    def frames_at(self, moments: np.ndarray, longest_side: int | None = None) -> Iterator[Frame]:
        """Read the frames at some moments: of a short clip by reading on, of a long one by looking for each.

        Args:
            moments: [M] seconds, ascending.
            longest_side: Larger frames are reduced to it, in pixels.

        Raises:
            ClipError: nothing can be read.
        """
        between = (moments[-1] - moments[0]) * self.facts.frame_rate / max(1, len(moments) - 1)
        if between > SEEK_FROM:
            yield from (self.frame_at(float(moment), longest_side) for moment in moments)
            return
        waiting, half = list(moments), 0.5 / self.facts.frame_rate
        for frame in self.frames(float(moments[0]), float(moments[-1]) + half, longest_side):
            if waiting and frame.time >= waiting[0] - half:
                waiting.pop(0)
                yield frame

    def close(self) -> None:  # noqa: B027 - pictures hold nothing open
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def check_part(self, start: float, end: float) -> None:
        """See to it that the part between two seconds is one.

        Raises:
            ClipError: it lies behind the clip, or ends before it begins ("empty-part").
        """
        if start >= self.facts.seconds > 0 or end <= start:
            raise ClipError(
                f"The part from {start:.1f} s on holds nothing: the clip has {self.facts.seconds:.1f} s.",
                "Choose another start and end.",
                code="empty-part",
            )

    def tell(self, note: str) -> None:
        """Note something that went wrong, once."""
        if note not in self._told:
            self._told.append(note)


def open_clip(path: Path, frame_rate: float | None = None) -> Clip:
    """Open a video, a picture of a numbered sequence or a folder with one.

    Args:
        path: File or folder.
        frame_rate: Of a sequence of pictures, which tell none; 30 by default.

    Raises:
        ClipError: it is none, is damaged, or holds no picture.
    """
    if not path.exists():
        raise ClipError(f"{path.name} is not there any more.", "Choose the video again.", code="clip-gone")
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        from .pictures import PictureClip

        return PictureClip(path, frame_rate)
    from .movie import MovieClip

    return MovieClip(path)


def reduced_size(size: tuple[int, int], longest_side: int | None) -> tuple[int, int]:
    """Return (width, height) reduced so that no side is longer."""
    if longest_side is None or max(size) <= longest_side:
        return size
    shrink = longest_side / max(size)
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))
