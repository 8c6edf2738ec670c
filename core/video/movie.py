"""Video files: PyAV decodes, and colours, times, rotation and pixel shapes are made right."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .clip import Clip, reduced_size
from .types import ClipError, ClipFacts, Frame

logger = logging.getLogger(__name__)

FALLBACK_RATE = 30.0
"""Frames a second of a file that tells none."""
SEEK_BACK = 0.5
"""Seconds by which a seek goes further back at each try, doubled each time: some files' indexes are off."""
SEEK_TRIES = 6
HD_HEIGHT = 700
"""Pictures at least so high are BT.709 where the file says nothing, smaller ones BT.601, as every player takes them."""
_UNSPECIFIED = (0, 2, 3)
"""Values of FFmpeg's colour space that say nothing."""
_BT709, _BT601 = 1, 5


class MovieClip(Clip):
    """A video file.

    Raises:
        ClipError: the file is no video, is damaged from its beginning, or has sound only.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._container = _opened(path)
        try:
            self._stream = self._video_stream()
            first = next(self._decoded(), None)
            if first is None:
                raise ClipError(
                    f"No picture of {path.name} can be read.",
                    "The file is damaged or was not written to its end. Copy or export it again.",
                )
            self._begin = self._seconds_of(first, 0.0)
            self._rotation = int(first.rotation or 0) % 360
            self.facts = self._facts(first)
        except BaseException:
            self._container.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def frames(self, start: float = 0.0, end: float = np.inf, longest_side: int | None = None) -> Iterator[Frame]:
        """Read frames one after the other; see :meth:`.clip.Clip.frames`."""
        self._seek(start)
        last = -np.inf
        for frame, time in self._timed():
            if time > end + 1e-6:
                return
            # Broken time stamps would go back.
            if time < start - 1e-6 or time <= last:
                continue
            last = time
            yield self._made(frame, time, longest_side)

    def frame_at(self, seconds: float, longest_side: int | None = None) -> Frame:
        """Return the frame that is shown at a time; the first and the last one beyond the ends."""
        back = SEEK_BACK
        for _ in range(SEEK_TRIES):
            self._seek(max(0.0, seconds - back) if seconds > 0 else 0.0)
            found = None
            for frame, time in self._timed():
                if found is not None and time > seconds + 1e-6:
                    break
                found = frame, time
            if found is not None and (found[1] <= seconds + 1e-6 or seconds <= 0 or back > seconds):
                return self._made(*found, longest_side)
            back *= 4
        raise ClipError(f"{self._path.name} can't be read at {seconds:.1f} s.", "Choose another part of the video.")

    def _video_stream(self) -> Any:
        streams = [s for s in self._container.streams.video if not _is_cover(s)]
        if not streams:
            has_sound = bool(self._container.streams.audio)
            what = "holds sound only" if has_sound else "holds no video"
            raise ClipError(f"{self._path.name} {what}.", "Choose a video file.", code="no-video-track")
        stream = streams[0]
        stream.thread_type = "AUTO"
        return stream

    def _facts(self, first: Any) -> ClipFacts:
        stream, container = self._stream, self._container
        rate = float(stream.average_rate or stream.guessed_rate or 0) or FALLBACK_RATE
        seconds = float(stream.duration * stream.time_base) if stream.duration else 0.0
        if not seconds and container.duration:
            seconds = container.duration / 1e6
        frames = stream.frames or round(seconds * rate)
        if not seconds:
            seconds = frames / rate
        return ClipFacts(
            path=self._path,
            size=self._upright_size(first),
            seconds=seconds,
            frame_rate=rate,
            frames=max(1, frames),
            has_sound=bool(container.streams.audio),
        )

    def _upright_size(self, frame: Any) -> tuple[int, int]:
        width, height = self._square_size(frame)
        return (height, width) if self._rotation % 180 else (width, height)

    def _square_size(self, frame: Any) -> tuple[int, int]:
        """Return (width, height) with square pixels: those of old formats are wider or narrower than high."""
        aspect = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        if not 0.1 < aspect < 10:
            aspect = Fraction(1)
        return max(1, round(frame.width * aspect)), frame.height

    def _seek(self, seconds: float) -> None:
        stream = self._stream
        target = int((seconds + self._begin) / stream.time_base)
        try:
            self._container.seek(target, stream=stream, backward=True)
        except _errors():
            # Formats without an index begin anew; frames before the start are skipped.
            self._container.close()
            self._container = _opened(self._path)
            self._stream = self._video_stream()

    def _decoded(self) -> Iterator[Any]:
        """Decode from where the file stands; damage ends it with a note, or is skipped where the decoder can."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except _errors() as error:
                logger.info("%s: %s", self._path.name, error)
                self._note_end()
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except _errors() as error:
                logger.info("%s: %s", self._path.name, error)
                self.tell("Parts of the video are damaged: those frames are left out.")

    def _timed(self) -> Iterator[tuple[Any, float]]:
        """Return frames with seconds since the clip's first."""
        last = -1 / self.facts.frame_rate
        for frame in self._decoded():
            time = self._seconds_of(frame, last + 1 / self.facts.frame_rate + self._begin) - self._begin
            last = time
            yield frame, time
        if last < self.facts.seconds - max(0.5, 2 / self.facts.frame_rate) and last >= 0:
            self._note_end(last)

    def _note_end(self, last: float | None = None) -> None:
        where = "" if last is None else f" at {last:.1f} of {self.facts.seconds:.1f} s"
        self.tell(f"The video ends early{where}: the file is damaged or was not written to its end.")

    def _seconds_of(self, frame: Any, otherwise: float) -> float:
        return otherwise if frame.pts is None else float(frame.pts * frame.time_base)

    def _made(self, frame: Any, time: float, longest_side: int | None) -> Frame:
        width, height = reduced_size(self._square_size(frame), longest_side)
        reduces = (width, height) != (frame.width, frame.height)
        colorspace = frame.colorspace
        if colorspace in _UNSPECIFIED:
            colorspace = _BT709 if frame.height >= HD_HEIGHT else _BT601
        rgb = frame.to_ndarray(
            format="rgb24",
            width=width,
            height=height,
            src_colorspace=colorspace,
            interpolation="AREA" if reduces else "BILINEAR",
        )
        if self._rotation:
            rgb = np.ascontiguousarray(np.rot90(rgb, self._rotation // 90))
        number = round(time * self.facts.frame_rate)
        return Frame(number, time, rgb)


def _is_cover(stream: Any) -> bool:
    """Whether a stream is a still cover picture of a sound file."""
    return "attached_pic" in str(stream.disposition).lower()


def _opened(path: Path) -> Any:
    import av

    try:
        return av.open(str(path), metadata_errors="replace")
    except _errors() as error:
        logger.info("%s: %s", path, error)
        raise ClipError(
            f"{path.name} can't be read as a video.",
            "It is damaged, was not written to its end, or is no video. Copy or export it again, as MP4 for instance.",
        ) from error
    except OSError as error:
        raise ClipError(f"{path.name} can't be read: {error.strerror}.", "Check the file.") from error


def _errors() -> tuple[type[Exception], ...]:
    import av

    return (av.error.FFmpegError, EOFError)
