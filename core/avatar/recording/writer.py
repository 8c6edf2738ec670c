"""Writes a recording as Live Link Face does, which every program that reads recordings of faces knows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from ...system.files import replacing
from ..arkit import ARKIT_NAMES
from .reader import AXES, TURNING
from .take import Recording

DECIMALS = 6
MOST_RATE = 240


def encode_recording(recording: Recording) -> bytes:
    """Return a recording as a CSV table: time code, number of coefficients, 52 of them, and the turns in radians.

    Expressions and turns that it lacks are 0. Time codes count frames of the recording's own rate.
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
    rate = int(np.clip(round(recording.fps), 1, MOST_RATE))
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


def _time_code(seconds: float, rate: int) -> str:
    """Return hours, minutes, seconds and frames with thousandths."""
    thousandths = round(seconds * rate * 1000)
    whole, frame = divmod(thousandths, rate * 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}:{frame // 1000:02}.{frame % 1000:03}"
