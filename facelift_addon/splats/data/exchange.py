"""Between splat files and objects: names, frames, and what is written. Reads no bpy data: safe in any thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....core import formats
from ....core.avatar import binding
from ....core.editing.joining import join
from ....core.formats.axes import Axes, Unit
from ....core.formats.reading import Reading
from ....core.formats.registry import Format, Statement
from ....core.gaussians import Gaussians
from ....core.progress import Reporter
from ..scene import entrance, placement
from ..scene.arrivals import Arrival
from . import columns
from .columns import Column

DETECT = "AUTO"
HEAD = "HEAD"
"""Frames of files beside those of :data:`placement.AXES`: to be found out, and the engines' own."""


@dataclass(frozen=True, eq=False)
class FileSplats:
    """What a file holds.

    Attributes:
        name: For the object.
        reading: What was read.
        unit: What 1 means, as the file or its format says it.
    """

    name: str
    reading: Reading
    unit: Unit

    @property
    def gaussians(self) -> Gaussians:
        """The splats: in our frame where the file states its axes, otherwise as they are in it."""
        return self.reading.gaussians


def read(path: Path, on_bytes: Callable[[int], object] | None = None) -> FileSplats:
    """Read a splat file; parameters and errors are those of :func:`core.formats.read`."""
    reading = formats.read(path, on_bytes)
    unit = Unit.METRE if formats.format_of(path).statement is Statement.BY_FORMAT else reading.unit
    return FileSplats(_stem(path.name) or "Splats", reading, unit)


def arrival(splats: FileSplats, frame: str, head_height: float, float4: bool) -> Arrival:
    """Return what the scene takes, to be assembled in pieces and drawn at once.

    Args:
        splats: What was read.
        frame: A key of :data:`placement.AXES`, :data:`HEAD` or :data:`DETECT`. For files that state
            their axes only HEAD has a meaning; DETECT finds heads in the engines' unit where none is stated.
        head_height: Metres from chin to crown, for HEAD.
        float4: Whether this Blender has the FLOAT4 attribute type.
    """
    return entrance.arrival_of(splats.name, splats.gaussians, _to_local(splats, frame, head_height), float4)


def _to_local(splats: FileSplats, frame: str, head_height: float) -> np.ndarray:
    states_axes, means = splats.reading.axes is not Axes.UNSTATED, splats.gaussians.means
    unit = splats.unit
    if unit is Unit.UNSTATED and frame == DETECT and placement.looks_like_head(means):
        unit = Unit.HEAD
    is_head = frame == HEAD or (frame == DETECT and unit is Unit.HEAD)
    if frame not in placement.AXES:
        frame = "Z_UP" if frame == HEAD or (is_head and placement.stands(means)) else "Y_DOWN"
    turn = np.eye(4) if states_axes else placement.AXES[frame]
    return placement.reference_to_local(head_height) @ turn if is_head else turn


def write(
    pieces: Iterable[tuple[dict[str, Column], np.ndarray]], path: Path, options: dict[str, Any], reporter: Reporter
) -> int:
    """Write splats into one file, and return how many they are.

    Args:
        pieces: The attributes of splats, which are used up, and the [4, 4] matrix to the place and size in which
            they are written, in our frame.
        path: Where to; the suffix says the format.
        options: Keywords of :func:`core.formats.save`.
        reporter: Told how far it is; cancelled, it leaves an existing file as it was.

    Raises:
        FormatError, FaceLiftError: as :func:`core.formats.save`.
        Cancelled: by the reporter.
    """
    applying, writing = reporter.parts(30, 70)
    applying.stage("Applying edits and transforms")
    gaussians = join(
        [placement.moved(binding.baked(columns.to_gaussians(piece)), matrix, reuse=True) for piece, matrix in pieces]
    )
    # As many bytes as the splats take in memory: PLY and glTF take about that, packed formats pass them faster.
    size = sum(values.nbytes for values in (gaussians.means, gaussians.scales, gaussians.rotations, gaussians.sh))
    writing.stage(f"Writing {path.name}", size)
    formats.save(gaussians, path, writing.step, **options)
    return len(gaussians)


def format_named(path: str | os.PathLike) -> Format | None:
    """Return the format that a file name says, None when it says none."""
    name = Path(path).name.lower()
    return formats.format_of(name) if name.endswith(formats.writable_suffixes()) else None


def renamed(path: str, kind: Format) -> str:
    """Return a file name or path with a suffix of the format: its own one if it fits, else the first."""
    if format_named(path) is kind:
        return path
    name = Path(path).name
    # Not by pathlib: Blender's own paths, such as “//folder”, have to stay as they are.
    return path.removesuffix(name) + _stem(name) + kind.suffixes[0]


def numbered(path: Path, frame: int) -> Path:
    """Return the file of a frame of an animation: the number comes before the suffix."""
    stem = _stem(path.name)
    return path.with_name(f"{stem}_{frame:04d}{path.name[len(stem) :]}")


def _stem(name: str) -> str:
    """Return a file's name without the suffix of a splat format, which may have two dots."""
    known = [suffix for suffix in formats.suffixes() if name.lower().endswith(suffix)]
    return name[: -len(max(known, key=len))] if known else name
