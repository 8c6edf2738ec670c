"""Tables as Live Link Face and other programs write them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.avatar.arkit import ARKIT_NAMES

TURNING = [f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll")]


def capitalised(name: str) -> str:
    return name[0].upper() + name[1:]


def timecode(frame: float, rate: int, start: int = 0) -> str:
    """Return a timecode ``frame`` frames after ``start`` seconds."""
    seconds, rest = divmod(frame, rate)
    seconds = int(seconds) + start
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:06.3f}"


def live_link_face(
    values: np.ndarray, angles: np.ndarray | None = None, *, rate: int = 60, step: float = 1.0, start: int = 65000
) -> bytes:
    """Return a take's CSV: values [T, 52] in ARKit's order, angles [T, 9] in radians, a row every ``step`` frames."""
    angles = np.zeros((len(values), 9)) if angles is None else angles
    lines = [",".join(["Timecode", "BlendShapeCount", *map(capitalised, ARKIT_NAMES), *TURNING])]
    for index, row in enumerate(np.concatenate([values, angles], axis=1)):
        cells = [timecode(index * step + 0.25, rate, start), "61", *(f"{value:.8f}" for value in row)]
        lines.append(",".join(cells))
    return ("\r\n".join(lines) + "\r\n").encode()


def table(columns: dict[str, Sequence], delimiter: str = ",") -> bytes:
    """Return a table with a column for each name."""
    rows = [delimiter.join(columns), *(delimiter.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(rows).encode()
