"""Reads recordings of a face as tables of ARKit's coefficients, such as Live Link Face writes them.

A row is a moment, a column a coefficient 0..1. Epic's Live Link Face app names the columns as
ARKit does but capitalised (``EyeBlinkLeft``), puts ``Timecode`` (``hh:mm:ss:ff.fff``, frames and
thousandths of a frame) and ``BlendShapeCount`` before them, and ends with the rotations of head
and eyes. Tables of other programs have the same names in another order or spelling
(``eyeBlink_L``), with seconds, milliseconds or a frame number for the time.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..errors import FormatError
from .arkit import ARKIT_NAMES
from .turns import from_turns, to_turns

MOST_BYTES = 1 << 29
MOST_COLUMNS = 4096
DEFAULT_FPS = 60.0
"""ARKit's own rate, where a table says nothing of the time."""
LONGEST_SECONDS = 24 * 3600.0
RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0, 240.0)
"""Rates at which timecodes count frames."""
TURNING = ("head", "leftEye", "rightEye")
AXES = ("yaw", "pitch", "roll")
TIME_COLUMNS = ("timecode", "time", "times", "timestamp", "seconds", "timeseconds")
"""Plain names of columns that tell the time, in seconds or as timecodes."""
MILLISECOND_COLUMNS = ("timems", "timestampms", "ms", "milliseconds", "timemilliseconds")
FRAME_COLUMNS = ("frame", "frames", "framenumber", "frameindex")
_TIMECODE = re.compile(r"(\d{1,3}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d+)?)")


class RecordingError(FormatError):
    """A table is damaged, or holds no recording of a face."""

    code = "bad-recording"


@dataclass(frozen=True, eq=False)
class Recording:
    """A face over time.

    Attributes:
        times: [T] float64 seconds since the first moment, strictly ascending.
        names: K names in ARKit's spelling (``eyeBlinkLeft``), in ARKit's order.
        values: [T, K] float32 coefficients 0..1.
        rotations: "head", "leftEye" and "rightEye", those that the table has, each [T, 3] float32
            yaw, pitch and roll in radians: to the person's left, down, and to the right shoulder
            are positive (about ARKit's axes y, x and z).
        notes: What was left out or assumed, one sentence each.
    """

    times: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    rotations: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()

    @property
    def fps(self) -> float:
        """Moments a second, by the typical distance of two; the default rate for a single one."""
        return 1 / float(np.median(np.diff(self.times))) if len(self.times) > 1 else DEFAULT_FPS

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.times[-1])

    def resampled(self, fps: float) -> Recording:
        """Return the recording at every whole frame of a rate, interpolated linearly."""
        count = int(np.floor(self.seconds * fps + 1e-6)) + 1
        times = np.arange(count) / fps
        return replace(
            self,
            times=times,
            values=_interpolated(times, self.times, self.values),
            rotations={
                part: _interpolated(times, self.times, np.unwrap(angles, axis=0))
                for part, angles in self.rotations.items()
            },
        )

    def smoothed(self, seconds: float) -> Recording:
        """Return the recording under a Gaussian of that standard deviation; 0 changes nothing."""
        width = seconds * self.fps
        if width <= 0:
            return self
        return replace(
            self,
            values=gaussian_filter1d(self.values, width, axis=0, mode="nearest"),
            rotations={
                part: gaussian_filter1d(np.unwrap(angles, axis=0), width, axis=0, mode="nearest")
                for part, angles in self.rotations.items()
            },
        )

    def centered(self) -> Recording:
        """Return the recording with the head's average direction as straight ahead; a phone rarely stands there."""
        if "head" not in self.rotations:
            return self
        turns = to_turns(self.rotations["head"])
        return replace(self, rotations={**self.rotations, "head": from_turns(turns.mean().inv() * turns)})


def load_recording(path: Path) -> Recording:
    """Read a table.

    Raises:
        RecordingError: the file is no table of a face, damaged, or not readable.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RecordingError(f"{path.name} is larger than half a gigabyte.", "Cut the recording into shorter ones.")
        data = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path.name} can't be read: {error.strerror}.", "Check the file.") from error
    return parse_recording(data, path.name)


def parse_recording(data: bytes, name: str = "The recording") -> Recording:
    """Read a table from its bytes; see :func:`load_recording`."""
    header, rows, notes = _table(data, name)
    columns = _columns(header, name)
    shapes = [(arkit, columns[arkit]) for arkit in ARKIT_NAMES if arkit in columns]
    if not shapes:
        raise RecordingError(
            f"{name} has no column with the name of an ARKit expression.",
            "Choose the CSV file of a take, with columns such as JawOpen or eyeBlinkLeft.",
        )
    times, time_notes = _times(columns, rows, name)
    values = np.stack([_numbers(rows, column, header, name) for _, column in shapes], axis=1)
    rotations = {}
    for part in TURNING:
        found = [columns.get(part + axis) for axis in AXES]
        if any(column is not None for column in found):
            zeros = np.zeros(len(rows))
            angles = [zeros if column is None else _numbers(rows, column, header, name) for column in found]
            rotations[part] = np.stack(angles, axis=1)
    # A turn of more than half a circle is not a head's: the table counts in degrees.
    if any(np.abs(angles).max() > np.pi for angles in rotations.values()):
        rotations = {part: np.radians(angles) for part, angles in rotations.items()}
    keep = np.concatenate([[True], times[1:] > np.maximum.accumulate(times)[:-1]])
    if not keep.all():
        time_notes = (*time_notes, f"{np.count_nonzero(~keep):,} rows are not later than the one before: left out.")
    return Recording(
        times=times[keep] - times[0],
        names=tuple(arkit for arkit, _ in shapes),
        values=np.clip(values[keep], 0, 1).astype(np.float32),
        rotations={part: angles[keep].astype(np.float32) for part, angles in rotations.items()},
        notes=(*notes, *time_notes),
    )


def _interpolated(times: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(times, known, column) for column in values.T], axis=1).astype(np.float32)


def _table(data: bytes, name: str) -> tuple[list[str], list[list[str]], tuple[str, ...]]:
    """Return header, rows of equal length, and notes."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordingError(f"{name} is not a text file.", "Choose the CSV file of a take.") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise RecordingError(f"{name} is damaged: {error}.", "Export the take again.") from error
    if not rows or len(rows[0]) > MOST_COLUMNS:
        raise RecordingError(f"{name} holds no table.", "Choose the CSV file of a take.")
    header, *rows = rows
    notes = ()
    if rows and len(rows[-1]) < len(header):
        rows, notes = rows[:-1], ("The last row is incomplete: left out.",)
    if not rows:
        raise RecordingError(f"{name} holds no moment.", "Export the take again.")
    for number, row in enumerate(rows, 2):
        if len(row) < len(header):
            raise RecordingError(
                f"{name} is damaged: row {number} has {len(row)} cells instead of {len(header)}.",
                "Export the take again.",
            )
    if delimiter != ",":
        rows = [[cell.replace(",", ".") for cell in row] for row in rows]
    return header, rows, notes


def _plain(name: str) -> str:
    """Return a column's name without case, punctuation and the program's prefix."""
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    """Return columns by ARKit's name, by "headyaw" and the like, and what else there is by its plain name."""
    spellings = {_plain(arkit): arkit for arkit in ARKIT_NAMES}
    for arkit in ARKIT_NAMES:
        for side in ("Left", "Right"):
            if arkit.endswith(side):
                spellings[_plain(arkit.removesuffix(side) + side[0])] = arkit
    spellings |= {(part + axis).lower(): part + axis for part in TURNING for axis in AXES}
    columns = {}
    for column, title in enumerate(header):
        key = _plain(title)
        key = spellings.get(key, key)
        if key in columns and key in spellings.values():
            raise RecordingError(f"{name} has two columns for {key}.", "Remove one of them.")
        columns[key] = column
    return columns


def _numbers(rows: list[list[str]], column: int, header: Sequence[str], name: str) -> np.ndarray:
    """Return a column [T] float64."""
    try:
        values = np.array([float(row[column]) for row in rows])
        bad = np.flatnonzero(~np.isfinite(values))
    except ValueError:
        bad = [next(index for index, row in enumerate(rows) if not _is_number(row[column]))]
    if len(bad):
        cell = rows[bad[0]][column][:20]
        raise RecordingError(
            f"{name} is damaged: row {bad[0] + 2} of {header[column][:40]} is no number but {cell!r}.",
            "Export the take again, or correct that cell.",
        )
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _times(columns: dict[str, int], rows: list[list[str]], name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the moments [T] float64 in seconds, and notes."""
    for title in (*TIME_COLUMNS, *MILLISECOND_COLUMNS, *FRAME_COLUMNS):
        column = columns.get(title)
        if column is None:
            continue
        cells = [row[column].strip() for row in rows]
        matches = [_TIMECODE.fullmatch(cell) for cell in cells]
        if all(matches):
            times = _seconds_of_timecodes(np.array([match.groups() for match in matches], np.float64))
        elif all(map(_is_number, cells)):
            times = np.array(cells, np.float64)
            times *= 1e-3 if title in MILLISECOND_COLUMNS else 1 / DEFAULT_FPS if title in FRAME_COLUMNS else 1.0
        else:
            bad = next(i for i, cell in enumerate(cells) if not (matches[i] or _is_number(cell)))
            raise RecordingError(
                f"{name} is damaged: row {bad + 2} has {cells[bad][:20]!r} for the time.",
                "Export the take again, or correct that cell.",
            )
        if not np.isfinite(times).all() or np.ptp(times) > LONGEST_SECONDS:
            raise RecordingError(f"{name} is longer than a day.", "Its times may be in another unit than seconds.")
        if len(times) == 1 or np.ptp(times) > 0:
            note = f"Frames are counted as {DEFAULT_FPS:g} a second."
            return times, (note,) if title in FRAME_COLUMNS else ()
    note = f"Nothing tells the time: {DEFAULT_FPS:g} rows are taken for a second."
    return np.arange(len(rows)) / DEFAULT_FPS, (note,)


def _seconds_of_timecodes(parts: np.ndarray) -> np.ndarray:
    """Return seconds [T] of hours, minutes, seconds and frames [T, 4]; midnight may be passed."""
    frames = parts[:, 3]
    whole = parts[:, :3] @ [3600.0, 60.0, 1.0]
    whole += 86400.0 * np.concatenate([[0], np.cumsum(np.diff(whole) < -43200)])
    return whole + frames / _rate_of_timecodes(whole, np.floor(frames))


def _rate_of_timecodes(seconds: np.ndarray, frames: np.ndarray) -> float:
    """Return how many frames a timecode counts in a second.

    Where a second passes, the highest number before it is the last of that second; a take that
    is shorter only tells what the rate is at least.
    """
    count = frames.max() + 1
    passed = bool(np.any(np.diff(seconds) > 0))
    candidates = [rate for rate in RATES if rate >= count]
    if passed:
        return candidates[0] if candidates else float(count)
    return max(DEFAULT_FPS, candidates[0] if candidates else float(count))
