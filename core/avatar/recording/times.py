"""The moments of a recording: timecodes, clock times, seconds and finer units, frame numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .table import Table, number
from .take import DEFAULT_FPS, RecordingError

LONGEST_SECONDS = 24 * 3600.0
RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0, 240.0)
"""Rates at which timecodes count frames."""
TIME_COLUMNS = ("timecode", "time", "times", "timestamp", "seconds", "timeseconds", "timeinseconds", "elapsedtime")
"""Plain names of columns that tell the time, as timecodes or in a unit that their steps tell."""
FINER_COLUMNS = {
    **dict.fromkeys(("timems", "timestampms", "ms", "milliseconds", "timemilliseconds", "timeinms"), 1e-3),
    **dict.fromkeys(("timeus", "timestampus", "microseconds"), 1e-6),
    **dict.fromkeys(("timens", "timestampns", "nanoseconds"), 1e-9),
}
FRAME_COLUMNS = ("frame", "frames", "framenumber", "frameindex")

_TIMECODE = re.compile(r"(\d{1,3}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d+)?)")
_CLOCK = re.compile(r"(\d{1,3}):(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_UNITS = ((1.0, "seconds"), (1e-3, "milliseconds"), (1e-6, "microseconds"), (1e-9, "nanoseconds"))
_LONGEST_STEP = 1.5
"""Seconds between two moments of a face: no camera is slower."""
_FEWEST_STEPS = 2
"""From which the unit is judged."""


@dataclass(frozen=True)
class Clock:
    """What a column says of the time.

    Attributes:
        title: The column's plain name.
        cells: Its cells.
        values: [T, 4] hours, minutes, seconds and frames, [T, 3] without frames, or [T, 1] a number; NaN where a
            cell is none of that kind.
    """

    title: str
    cells: list[str]
    values: np.ndarray

    @property
    def is_bad(self) -> np.ndarray:
        """Which rows [T] have no time."""
        return ~np.isfinite(self.values).all(axis=1)


def clocks(table: Table, columns: Mapping[str, int]) -> list[Clock]:
    """Return the columns that tell the time, the best one first."""
    titles = [title for title in (*TIME_COLUMNS, *FINER_COLUMNS, *FRAME_COLUMNS) if title in columns]
    return [Clock(title, cells, _values(cells)) for title in titles for cells in [table.column(columns[title])]]


def _values(cells: list[str]) -> np.ndarray:
    kinds = (_matched(cells, _TIMECODE, 4), _matched(cells, _CLOCK, 3), np.array([[number(cell)] for cell in cells]))
    return max(kinds, key=lambda values: np.count_nonzero(np.isfinite(values[:, 0])))


def _matched(cells: list[str], pattern: re.Pattern[str], width: int) -> np.ndarray:
    matches = [pattern.fullmatch(cell.strip()) for cell in cells]
    nothing = [np.nan] * width
    rows = [[float(part.replace(",", ".")) for part in match.groups()] if match else nothing for match in matches]
    return np.array(rows, np.float64)


def seconds(found: list[Clock], keep: np.ndarray, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the moments of the rows ``keep`` [T] (bool) in seconds, and notes.

    Raises:
        RecordingError: they last longer than a day.
    """
    for clock in found:
        times, notes = _seconds(clock, clock.values[keep])
        if np.ptp(times) > LONGEST_SECONDS:
            raise RecordingError(f"{name} is longer than a day.", "Its times may be in another unit than seconds.")
        if len(times) == 1 or np.ptp(times) > 0:
            return times, notes
    note = f"Nothing tells the time: {DEFAULT_FPS:g} rows are taken for a second."
    return np.arange(np.count_nonzero(keep)) / DEFAULT_FPS, (note,)


def _seconds(clock: Clock, values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    if values.shape[1] > 1:
        return _seconds_of_timecodes(values), ()
    times = values[:, 0]
    if clock.title in FRAME_COLUMNS:
        return times / DEFAULT_FPS, (f"Frames are counted as {DEFAULT_FPS:g} a second.",)
    if clock.title in FINER_COLUMNS:
        return times * FINER_COLUMNS[clock.title], ()
    steps = np.diff(times)
    steps = steps[steps > 0]
    if len(steps) < _FEWEST_STEPS:
        return times, ()
    # The steps tell the unit: a face is recorded several times a second.
    typical = float(np.median(steps))
    factor, unit = next((item for item in _UNITS if typical * item[0] < _LONGEST_STEP), _UNITS[0])
    return times * factor, () if factor == 1 else (f"Times are taken for {unit}.",)


def _seconds_of_timecodes(parts: np.ndarray) -> np.ndarray:
    """Return seconds [T] of hours, minutes, seconds and maybe frames [T, 3 or 4]; midnight may be passed."""
    whole = parts[:, :3] @ [3600.0, 60.0, 1.0]
    whole += 86400.0 * np.concatenate([[0], np.cumsum(np.diff(whole) < -43200)])
    if parts.shape[1] == 3:
        return whole
    frames = parts[:, 3]
    return whole + frames / rate_of_timecodes(whole, np.floor(frames))


def rate_of_timecodes(moments: np.ndarray, frames: np.ndarray) -> float:
    """Return how many frames a timecode counts in a second.

    Where a second passes, the highest number before it is the last of that second; a take that
    is shorter only tells what the rate is at least.
    """
    count = frames.max() + 1
    passed = bool(np.any(np.diff(moments) > 0))
    candidates = [rate for rate in RATES if rate >= count]
    if passed:
        return candidates[0] if candidates else float(count)
    return max(DEFAULT_FPS, candidates[0] if candidates else float(count))
