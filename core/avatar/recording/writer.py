"""Writes a recording as Live Link Face does, which every program that reads recordings of faces knows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from ...system.files import replacing
from ..arkit import ARKIT_NAMES
from .reader import AXES, TURNING
from .take import DEFAULT_FPS, Recording
from .times import RATES, rate_of_timecodes

DECIMALS = 6


def encode_recording(recording: Recording) -> bytes:
    """Return a recording as a CSV table: time code, number of coefficients, 52 of them, and the turns in radians.

    Expressions and turns that it lacks are 0. Time codes count frames of the recording's own rate, or of
    one that readers conclude where they could not conclude that.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    turning = [_capital(part) + _capital(axis) for part in TURNING for axis in AXES]
    table.writerow(["Timecode", "BlendShapeCount", *map(_capital, ARKIT_NAMES), *turning])
    values = np.zeros((len(recording.times), len(ARKIT_NAMES)))
    for name, column in zip(recording.names, recording.values.T, strict=True):
        values[:, ARKIT_NAMES.index(name)] = column
    zeros = np.zeros((len(recording.times), len(AXES)))
    turns = np.concatenate([recording.rotations.get(part, zeros) for part in TURNING], axis=1)
    rate = _rate(recording)
    for time, row in zip(recording.times, np.concatenate([values, turns], axis=1), strict=True):
        table.writerow([_time_code(time, rate), len(ARKIT_NAMES), *(f"{value:.{DECIMALS}f}" for value in row)])
    return text.getvalue().encode()


def save_recording(recording: Recording, path: Path) -> None:
    """Write a recording as :func:`encode_recording` has it; an existing file stays until the new one is complete.

    Raises:
        FaceLiftError: it can't be written ("disk-full", "file-unwritable").
    """
    with replacing(path) as stream:
        stream.write(encode_recording(recording))


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


def _rate(recording: Recording) -> int:
    """Return at how many frames a second time codes are counted: a table doesn't say it, its readers conclude it."""
    own = min(max(round(recording.fps), 1), int(RATES[-1]))
    for rate in (own, int(DEFAULT_FPS)):
        whole, thousandths = np.array([_counted(time, rate) for time in recording.times], np.float64).T
        if rate_of_timecodes(whole, np.floor(thousandths / 1000)) == rate:
            return rate
    # Any second has frames below the lowest rate only.
    return int(RATES[0])


def _counted(seconds: float, rate: int) -> tuple[int, int]:
    """Return whole seconds, and thousandths of frames after them."""
    return divmod(round(seconds * rate * 1000), rate * 1000)


def _time_code(seconds: float, rate: int) -> str:
    """Return hours, minutes, seconds and frames with thousandths."""
    whole, frame = _counted(seconds, rate)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}:{frame // 1000:02}.{frame % 1000:03}"
