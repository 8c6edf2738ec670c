"""From a table's cells to a recording."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arkit import ARKIT_NAMES
from . import angles as angles_of
from . import times as times_of
from .table import Table, is_nothing, plain, read
from .take import Recording, RecordingError

MOST_BYTES = 1 << 29
TURNING = ("head", "leftEye", "rightEye")
AXES = ("yaw", "pitch", "roll")
_COUNT = "blendshapecount"
"""Live Link Face's own count of coefficients in a row: 0 where it sees no face."""
_UNIT_SUFFIXES = {"deg": angles_of.DEGREES, "degrees": angles_of.DEGREES} | {
    **{"degree": angles_of.DEGREES, "rad": angles_of.RADIANS, "radians": angles_of.RADIANS}
}
_SCALES = ((100.0, "percent"), (255.0, "bytes (0 to 255)"))
_OVERSHOOT = 2.0
"""Coefficients go a little beyond 1 after a calibration, never so far."""
_FEWEST_OVER = 0.02
"""Share of moments beyond that from which the values are on another scale; fewer are glitches."""


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
    table = read(data, name)
    columns = _columns(table.header, name)
    shapes = [(arkit, columns.places[arkit]) for arkit in ARKIT_NAMES if arkit in columns.places]
    if not shapes:
        raise RecordingError(
            f"{name} has no column with the name of an ARKit expression.",
            "Choose the CSV file of a take, with columns such as JawOpen or eyeBlinkLeft.",
        )
    values = np.stack([table.numbers(place) for _, place in shapes], axis=1)
    turns = _turns(table, columns.places)
    clocks = times_of.clocks(table, columns.places)
    keep, notes = _sound_rows(table, columns.places, shapes, values, turns, clocks)
    times, time_notes = times_of.seconds(clocks, keep, name)
    later = np.concatenate([[True], times[1:] > np.maximum.accumulate(times)[:-1]])
    if not later.all():
        count = np.count_nonzero(~later)
        time_notes = (*time_notes, f"{count:,} rows are not later than the one before: left out.")
    times, values = (times - times[0])[later], values[keep][later]
    turns = {part: found[keep][later] for part, found in turns.items()}
    values, value_notes = _unscaled(values)
    unit, unit_note = columns.unit, ""
    if unit is None:
        by_name = {arkit: column for (arkit, _), column in zip(shapes, values.T, strict=True)}
        unit, unit_note = angles_of.unit_of(turns, times, by_name)
    factor = np.pi / 180 if unit == angles_of.DEGREES else 1.0
    return Recording(
        times=times,
        names=tuple(arkit for arkit, _ in shapes),
        values=np.clip(values, 0, 1).astype(np.float32),
        rotations={part: (factor * found).astype(np.float32) for part, found in turns.items()},
        notes=(*notes, *time_notes, *value_notes, *filter(None, [unit_note])),
        unit=unit,
        unit_note=unit_note,
    )


@dataclass(frozen=True)
class _Columns:
    """Where a table has what: by ARKit's name, by "headyaw" and the like, the rest by plain name.

    ``unit`` is that of angles, where their titles name it.
    """

    places: dict[str, int]
    unit: str | None


def _columns(header: Sequence[str], name: str) -> _Columns:
    spellings = {plain(arkit): arkit for arkit in ARKIT_NAMES}
    for arkit in ARKIT_NAMES:
        for side in ("Left", "Right"):
            if arkit.endswith(side):
                spellings[plain(arkit.removesuffix(side) + side[0])] = arkit
    turning = {(part + axis).lower(): part + axis for part in TURNING for axis in AXES}
    with_unit = re.compile(f"({'|'.join(turning)})({'|'.join(_UNIT_SUFFIXES)})")
    spellings |= turning
    places, unit = {}, None
    for column, title in enumerate(header):
        key = plain(title)
        if match := with_unit.fullmatch(key):
            key, unit = match[1], _UNIT_SUFFIXES[match[2]]
        key = spellings.get(key, key)
        if key in places and key in spellings.values():
            raise RecordingError(f"{name} has two columns for {key}.", "Remove one of them.")
        places[key] = column
    return _Columns(places, unit)


def _turns(table: Table, places: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Return the rotations that a table has, [T, 3] as stored; axes without a column are 0."""
    found = {}
    for part in TURNING:
        columns = [places.get(part + axis) for axis in AXES]
        if any(column is not None for column in columns):
            zeros = np.zeros(len(table.rows))
            found[part] = np.stack([zeros if place is None else table.numbers(place) for place in columns], axis=1)
    return found


def _sound_rows(
    table: Table,
    places: Mapping[str, int],
    shapes: Sequence[tuple[str, int]],
    values: np.ndarray,
    turns: Mapping[str, np.ndarray],
    clocks: Sequence[times_of.Clock],
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return which rows [T] hold a face at a moment, and notes on the others.

    Raises:
        RecordingError: no row has a face, or half of them or more are damaged.
    """
    lost = np.array([all(is_nothing(row[place]) for _, place in shapes) for row in table.rows])
    if _COUNT in places:
        lost |= table.numbers(places[_COUNT]) == 0
    bad = np.isnan(values).any(axis=1)
    for found in turns.values():
        bad |= np.isnan(found).any(axis=1)
    for clock in clocks[:1]:
        bad |= clock.is_bad
    bad &= ~lost
    if lost.all():
        raise RecordingError(f"{table.name} has no moment with a face.", "Record the take again, or export it again.")
    if 2 * np.count_nonzero(bad) >= len(bad):
        raise _damaged(table, int(np.flatnonzero(bad)[0]), places, shapes, clocks)
    notes = []
    if lost.any():
        notes.append(f"{np.count_nonzero(lost):,} of {len(lost):,} moments have no face: left out.")
    if bad[-1] and table.widths[-1] < len(table.header):
        notes.append("The last row is incomplete: left out.")
    elif bad.any():
        first = table.first + int(np.flatnonzero(bad)[0])
        notes.append(f"{np.count_nonzero(bad):,} of {len(bad):,} rows are damaged, the first is {first}: left out.")
    return ~(lost | bad), tuple(notes)


def _damaged(
    table: Table,
    row: int,
    places: Mapping[str, int],
    shapes: Sequence[tuple[str, int]],
    clocks: Sequence[times_of.Clock],
) -> RecordingError:
    """Return the error for a damaged row."""
    if table.widths[row] < len(table.header):
        return RecordingError(
            f"{table.name} is damaged: row {table.first + row} has {table.widths[row]} cells instead of "
            f"{len(table.header)}.",
            "Export the take again.",
        )
    advice = "Export the take again, or correct that cell."
    where = f"{table.name} is damaged: row {table.first + row}"
    if clocks and clocks[0].is_bad[row]:
        return RecordingError(f"{where} has {clocks[0].cells[row][:20]!r} for the time.", advice)
    wanted = [place for _, place in shapes]
    wanted += [places[part + axis] for part in TURNING for axis in AXES if part + axis in places]
    bad = next(place for place in wanted if not np.isfinite(table.numbers(place)[row]))
    cell = table.rows[row][bad][:20]
    return RecordingError(f"{where} of {table.header[bad][:40]} is no number but {cell!r}.", advice)


def _unscaled(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return coefficients [T, K] of a scale to 1, and notes."""
    over = np.count_nonzero((values > _OVERSHOOT).any(axis=1))
    if not over:
        return values, ()
    if over < _FEWEST_OVER * len(values):
        return values, (f"{over:,} moments have coefficients far above 1: cut off there.",)
    highest = float(np.percentile(values.max(axis=1), 99))
    for scale, words in _SCALES:
        if highest <= 1.05 * scale:
            return values / scale, (f"Expressions are taken for {words}: divided by {scale:g}.",)
    raise RecordingError(
        f"The expressions of this recording go up to {highest:.4g}: neither 0 to 1 nor percent.",
        "Export the take again with coefficients from 0 to 1.",
    )
