"""What was read, in a file between two processes of the same program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...gaussians import Gaussians
from ..axes import Axes
from ..reading import Reading

_FIELDS = ("means", "scales", "rotations", "opacities", "sh", "parts")


def pack(reading: Reading, path: Path) -> None:
    """Write what was read, in our frame, to a file that :func:`unpack` reads."""
    gaussians = reading.gaussians
    extras = {f"extra_{i}": column for i, column in enumerate(gaussians.extras.values())}
    columns: dict[str, Any] = {name: getattr(gaussians, name) for name in _FIELDS}
    words = {"names": np.array(list(gaussians.extras), np.str_), "notes": np.array(reading.notes, np.str_)}
    with path.open("wb") as stream:
        np.savez(stream, **{**columns, **words, **extras})


def unpack(path: Path) -> Reading:
    """Return what :func:`pack` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        extras = {str(name): arrays[f"extra_{i}"] for i, name in enumerate(arrays["names"])}
        gaussians = Gaussians(**{name: arrays[name] for name in _FIELDS}, extras=extras)
        return Reading(gaussians, Axes.Z_UP, tuple(map(str, arrays["notes"])))
