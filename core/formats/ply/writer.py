"""From Gaussians to PLY files."""

from __future__ import annotations

import math
import re
from io import BufferedIOBase

import numpy as np

from ...gaussians import MIN_SCALE, Gaussians
from ...system import blocks
from ..axes import Axes, Unit
from . import comments, names
from .header import TYPE_NAMES

_MIN_OPACITY = float(np.finfo(np.float32).tiny)
_MAX_OPACITY = 1 - 2.0**-26
"""The logits of 0 and 1 are infinite; these read back as 0 and 1 to float32 precision."""
_NOT_IN_NAMES = re.compile(r"[^!-~]+")
"""What can't stand in a property name: PLY's headers are ASCII, spaces separate words."""
_STANDARD_FIELD = "standard properties"
"""All of INRIA's properties in one field; the space keeps it apart from any property's name."""


def encode(
    gaussians: Gaussians, stream: BufferedIOBase, axes: Axes = Axes.UNSTATED, unit: Unit = Unit.UNSTATED
) -> None:
    """Write splats as INRIA's code does: binary little endian float32, normals included.

    Comments tell the axes of the splats, and their unit.

    Parts (where any is known) and extra columns follow after the standard properties. Extra
    columns of several values become ``name_0``, ``name_1``, ...; names that PLY can't hold or
    that are taken are changed. Opacities of 0 and 1 and scales of 0 are written as the nearest
    values with a finite logit or logarithm.

    Raises:
        ValueError: an extra column is not numeric.
    """
    rest = names.rest(3 * (gaussians.sh.shape[1] - 1))
    standard = (
        *(*names.MEANS, *names.NORMALS, *names.BASE, *rest),
        *(*names.OPACITY, *names.SCALES, *names.ROTATIONS),
    )
    normals, extras = _columns_beside(gaussians, {*standard, names.PART})
    lines = ["ply", "format binary_little_endian 1.0", *comments.lines(axes, unit)]
    lines += [f"element {names.ELEMENT} {len(gaussians)}"]
    lines += [f"property float {name}" for name in standard]
    lines += [f"property {TYPE_NAMES[column.dtype.str[1:]]} {name}" for name, column in extras.items()]
    stream.write("\n".join([*lines, "end_header", ""]).encode("ascii"))
    fields = [(name, column.dtype.newbyteorder("<")) for name, column in extras.items()]
    row_type = np.dtype([(_STANDARD_FIELD, "<f4", (len(standard),)), *fields])

    def rows_of(place: slice) -> np.ndarray:
        rows = np.empty(place.stop - place.start, row_type)
        _put_standard(gaussians, normals, place, rows[_STANDARD_FIELD])
        for name, column in extras.items():
            rows[name] = column[place]
        return rows

    for rows in blocks.mapped(rows_of, len(gaussians)):
        stream.write(rows.data)


def _put_standard(gaussians: Gaussians, normals: np.ndarray | None, place: slice, table: np.ndarray) -> None:
    """Store the raw values of some splats in ``table`` [n, ...], in the order of the standard properties."""
    sh = gaussians.sh[place]
    higher = sh.shape[1] - 1
    table[:, :3] = gaussians.means[place]
    table[:, 3:6] = 0 if normals is None else normals[place]
    table[:, 6:9] = sh[:, 0]
    for channel in range(3):
        first = 9 + channel * higher
        table[:, first : first + higher] = sh[:, 1:, channel]
    opacity, scales, rotations = (table[:, place] for place in (-8, slice(-7, -4), slice(-4, None)))
    chances = np.clip(gaussians.opacities[place].astype(np.float64), _MIN_OPACITY, _MAX_OPACITY)
    opacity[:] = np.log(chances / (1 - chances))
    np.log(np.maximum(gaussians.scales[place], np.float32(MIN_SCALE)), out=scales)
    rotations[:] = gaussians.rotations[place]


def _columns_beside(gaussians: Gaussians, taken: set[str]) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
    """Return normals [N, 3] (None unless they are among the extras) and further columns by name."""
    extras = dict(gaussians.extras)
    normals = None
    if extras.keys() & set(names.NORMALS):
        zeros = np.broadcast_to(np.float32(0), len(gaussians))
        normals = np.stack([extras.pop(name, zeros) for name in names.NORMALS], axis=1)
    columns: dict[str, np.ndarray] = {}
    if gaussians.parts.any():
        columns[names.PART] = gaussians.parts.view(np.uint8)
    for key, values in extras.items():
        values = _storable(key, np.asarray(values))
        single = values.ndim == 1
        for i, column in enumerate(values.reshape(len(values), math.prod(values.shape[1:])).T):
            name = _NOT_IN_NAMES.sub("_", key if single else f"{key}_{i}") or "_"
            while name in taken or name in columns:
                name += "_"
            columns[name] = column
    return normals, columns


def _storable(name: str, values: np.ndarray) -> np.ndarray:
    """Return values in the narrowest type of PLY's that holds them as they are."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "b":
        return values.astype(np.uint8)
    if kind in "iu" and size == 8:
        return values.astype(np.int32 if np.abs(values, dtype=np.float64).max(initial=0) < 2**31 else np.float64)
    if kind == "f" and size not in (4, 8):
        return values.astype(np.float32 if size < 4 else np.float64)
    if kind not in "iuf":
        raise ValueError(f"extra column {name!r} of type {values.dtype} is not numeric")
    return values
