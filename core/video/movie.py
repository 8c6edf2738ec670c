"""Video files: PyAV decodes, and times, rotation and pixel shapes are made right."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .clip import Clip, reduced_size
from .conversion import Converter
from .types import ClipError, ClipFacts, Frame

logger = logging.getLogger(__name__)

FALLBACK_RATE = 30.0
"""Frames a second of a file that tells none."""
MOST_RATE = 240.0
"""A file that tells a higher one tells its clock's ticks: browsers' recordings do."""
SEEK_BACK = 0.5
"""Seconds before the wanted time to which a seek goes at first: indexes of some files are off, others have none."""
SEEK_FURTHER = 4.0
"""Times as far at each further try."""


class MovieClip(Clip):
    """A video file.

    Raises:
        ClipError: the file is no video, is damaged from its beginning, or has sound only.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._converter = Converter()
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
            self._has_times = first.pts is not None
            self._tick = float(self._stream.time_base)
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
        last, number = -np.inf, -1
        for frame, time in self._from(start):
            if time > end + self._rounding:
                return
            # Broken time stamps would go back.
            if time < start - self._rounding or time <= last:
                continue
            # Where frames come faster than on average, two would have one number.
            last, number = time, max(number + 1, self._number_at(time))
            yield self._made(frame, time, number, longest_side)

    def frame_at(self, seconds: float, longest_side: int | None = None) -> Frame:
        """Return the frame that is shown at a time; the first and the last one beyond the ends."""
        found = None
        for frame, time in self._from(seconds):
            if found is not None and time > seconds + self._rounding:
                break
            found = frame, time
        if found is None:
            raise ClipError(f"{self._path.name} can't be read at {seconds:.1f} s.", "Choose another part of the video.")
        return self._made(*found, self._number_at(found[1]), longest_side)

    @property
    def _rounding(self) -> float:
        """Seconds by which a time stamp may be off: it is rounded to a tick of the file's clock."""
        return 0.51 * self._tick

    def _number_at(self, time: float) -> int:
        return round(time * self.facts.frame_rate)

    def _from(self, seconds: float) -> Iterator[tuple[Any, float]]:
        """Decode with times, from some frame at or before a time on; from the first one on where none is."""
        back = SEEK_BACK
        while self._has_times and seconds > back:
            rest = self._timed() if self._seek(seconds - back) else iter(())
            first = next(rest, None)
            if first is not None and first[1] <= seconds + self._rounding:
                yield first
                yield from rest
                return
            back *= SEEK_FURTHER
        self._open_again()
        yield from self._timed()

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
        stream = self._stream
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        seconds, frames = self._told_seconds(), stream.frames
        if seconds <= 0:
            seconds, frames = self._counted()
            rate = (frames - 1) / (seconds - self._tick) if frames > 1 and self._has_times else rate
        if not 0 < rate <= MOST_RATE:
            rate = frames / seconds if frames and seconds > 0 else FALLBACK_RATE
        frames = max(1, frames or round(seconds * rate))
        return ClipFacts(
            path=self._path,
            size=self._upright_size(first),
            seconds=seconds if seconds > 0 else frames / rate,
            frame_rate=rate,
            frames=frames,
            has_sound=bool(self._container.streams.audio),
        )

    def _told_seconds(self) -> float:
        """Return how long the video is by what the file says, or 0."""
        if self._stream.duration:
            return float(self._stream.duration * self._stream.time_base)
        told = (self._container.duration or 0) / 1e6
        # Matroska counts from 0, wherever its video begins.
        return told - self._begin if "matroska" in self._container.format.name else told

    def _counted(self) -> tuple[float, int]:
        """Return seconds and frames of a file that tells neither, such as browsers' recordings; nothing is decoded."""
        self._open_again()
        last, count = self._begin, 0
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    count += 1
                    if packet.pts is not None:
                        last = max(last, float((packet.pts + (packet.duration or 1)) * packet.time_base))
        except _errors() as error:
            logger.info("%s: %s", self._path.name, error)
        return last - self._begin if self._has_times else 0.0, count

    def _upright_size(self, frame: Any) -> tuple[int, int]:
        width, height = self._square_size(frame)
        return (height, width) if self._rotation % 180 else (width, height)

    def _square_size(self, frame: Any) -> tuple[int, int]:
        """Return (width, height) with square pixels: those of old formats are wider or narrower than high."""
        aspect = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        if not 0.1 < aspect < 10:
            aspect = Fraction(1)
        return max(1, round(frame.width * aspect)), frame.height

    def _seek(self, seconds: float) -> bool:
        target = int((seconds + self._begin) / self._stream.time_base)
        try:
            self._container.seek(target, stream=self._stream, backward=True)
        except _errors() as error:
            # Formats without an index.
            logger.info("%s: %s", self._path.name, error)
            return False
        return True

    def _open_again(self) -> None:
        """Go to the beginning, which seeks miss in formats without an index."""
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

    def _made(self, frame: Any, time: float, number: int, longest_side: int | None) -> Frame:
        rgb = self._converter.rgb(frame, reduced_size(self._square_size(frame), longest_side))
        if self._rotation:
            rgb = np.ascontiguousarray(np.rot90(rgb, self._rotation // 90))
        return Frame(number, time, rgb)


def _is_cover(stream: Any) -> bool:
    """Whether a stream is a still cover picture of a sound file."""
    return "attached_pic" in str(stream.disposition).lower()


def _opened(path: Path) -> Any:
    try:
        import av
    except ImportError as error:
        raise ClipError(
            f"Videos can't be read on this computer: {error}",
            "On a Mac they need macOS 14 or newer. Folders of numbered pictures can be used everywhere.",
            code="no-decoder",
        ) from error
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
