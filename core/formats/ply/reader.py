"""From PLY files to Gaussians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import spherical_harmonics as harmonics
from ...errors import FormatError
from ...gaussians import MIN_SCALE, Gaussians
from ..assembly import known_parts
from . import compressed, header, names
from .body import Columns, read_columns

_REQUIRED = (*names.MEANS, *names.BASE, *names.OPACITY, *names.SCALES, *names.ROTATIONS)
_SPLAT_MARKS = frozenset((*names.OPACITY, *names.SCALES, *names.ROTATIONS))
"""Properties that plain coloured points don't have."""
_REST_COUNTS = tuple(3 * ((degree + 1) ** 2 - 1) for degree in range(harmonics.MAX_DEGREE + 1))

_MIN_ROTATION_LENGTH = 1e-12


def decode(data: bytes) -> Gaussians:
    """Read a PLY file with splats, compressed ones (:mod:`.compressed`) included.

    Properties are found by name, in any order and numeric type. ``part`` becomes the parts;
    other properties without a meaning for splats become extra columns, except normals that
    are zero throughout. Higher spherical harmonics that are zero throughout are dropped.
    Infinite opacity logits are 0 and 1.

    Raises:
        FormatError: "ply-header", "ply-count", "ply-truncated", "ply-body", "ply-unsupported",
            "ply-not-splats", "ply-missing-property", "ply-not-finite" (NaN or infinite values),
            "ply-scale-range" (scales beyond float32), "ply-zero-quaternion".
    """
    parsed = header.parse(data)
    element = next((item for item in parsed.elements if item.name == names.ELEMENT), None)
    present = {item.name for item in element.properties} if element else set()
    if compressed.MARK in present:
        return compressed.decode(data, parsed)
    rest_names = _check_properties(present)
    columns = read_columns(data, parsed, element)
    # Stored channel by channel, all of red's coefficients first; wanted coefficient by coefficient.
    higher = len(rest_names) // 3
    values = _gather(columns, [*names.BASE, *(name for i in range(higher) for name in rest_names[i::higher])])
    if not values[:, 3:].any():
        values, higher = values[:, :3], 0
    sh = values.reshape(len(values), higher + 1, 3)
    used = {*_REQUIRED, *rest_names, names.PART}
    if not any(columns[name].any() for name in present.intersection(names.NORMALS)):
        used.update(names.NORMALS)
    return Gaussians(
        _gather(columns, names.MEANS),
        _scales(columns),
        _rotations(columns),
        _opacities(columns),
        sh,
        known_parts(columns[names.PART]) if names.PART in present else None,
        # Copies: a view would keep the whole file in memory.
        {name: column.astype(column.dtype.newbyteorder("=")) for name, column in columns.items() if name not in used},
    )


def _check_properties(present: set[str]) -> tuple[str, ...]:
    """Return the names of the higher harmonics; raise when these properties are no splats."""
    if not present & _SPLAT_MARKS:
        raise FormatError(
            "This PLY file holds a mesh or plain points, not Gaussian splats.",
            "Choose a splat file, or import this one as a mesh.",
            code="ply-not-splats",
        )
    found = sum(name.startswith(names.REST_PREFIX) for name in present)
    expected = next((count for count in _REST_COUNTS if count >= found), _REST_COUNTS[-1])
    rest_names = names.rest(expected)
    missing = sorted({*_REQUIRED, *rest_names} - present)
    if missing or found > expected:
        what = f"“{missing[0]}”" if missing else "a known number of spherical harmonics"
        raise FormatError(
            f"The splat file lacks {what}.",
            "Export it again with the standard 3DGS properties.",
            code="ply-missing-property",
            missing=missing,
        )
    return rest_names


def _gather(columns: Columns, wanted: Sequence[str], finite: bool = True) -> np.ndarray:
    """Return columns as one [N, len(wanted)] float32 array.

    Raises:
        FormatError: "ply-not-finite"; infinities are let through unless ``finite``.
    """
    values = columns.gather(wanted)
    # A finite sum needs finite values, and is cheaper than a look at each.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return values
    good = np.isfinite(values) if finite else ~np.isnan(values)
    if not good.all():
        bad = len(values) - np.count_nonzero(good.all(axis=1))
        raise FormatError(
            f"{bad:,} of {len(values):,} splats hold invalid numbers (NaN or infinite) in “{wanted[0]}” or its kin.",
            "Clean the file in a splat editor, or export it again.",
            code="ply-not-finite",
            bad=bad,
        )
    return values


def _opacities(columns: Columns) -> np.ndarray:
    logits = _gather(columns, names.OPACITY, finite=False)[:, 0]
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-logits))


def _scales(columns: Columns) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        scales = np.exp(_gather(columns, names.SCALES, finite=False))
    if np.isinf(scales).any():
        raise FormatError(
            "The file holds splats of infinite size.",
            "Clean the file in a splat editor; scales must be stored as natural logarithms.",
            code="ply-scale-range",
        )
    return np.maximum(scales, np.float32(MIN_SCALE))


def _rotations(columns: Columns) -> np.ndarray:
    rotations = _gather(columns, names.ROTATIONS)
    # In float64, where no square of a float32 overflows.
    lengths = np.sqrt(np.einsum("ij,ij->i", rotations, rotations, dtype=np.float64))
    bad = np.count_nonzero(lengths < _MIN_ROTATION_LENGTH)
    if bad:
        raise FormatError(
            f"{bad:,} of {len(lengths):,} splats have no rotation (a zero quaternion).",
            "Clean the file in a splat editor, or export it again.",
            code="ply-zero-quaternion",
            bad=int(bad),
        )
    return np.divide(rotations, lengths[:, None], out=rotations, casting="same_kind")
