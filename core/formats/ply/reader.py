"""From PLY files to Gaussians, block by block: one way from the file through the cache to the final arrays."""

from __future__ import annotations

from collections import Counter
from typing import BinaryIO

import numpy as np

from ... import blocks
from ... import spherical_harmonics as harmonics
from ...errors import FormatError
from ...gaussians import MIN_SCALE, Gaussians
from ..assembly import known_parts
from . import compressed, header, names
from .body import Gatherer, Table, open_table

_REQUIRED = (*names.MEANS, *names.BASE, *names.OPACITY, *names.SCALES, *names.ROTATIONS)
_SPLAT_MARKS = frozenset((*names.OPACITY, *names.SCALES, *names.ROTATIONS))
"""Properties that plain coloured points don't have."""
_REST_COUNTS = tuple(3 * ((degree + 1) ** 2 - 1) for degree in range(harmonics.MAX_DEGREE + 1))

_MIN_ROTATION_LENGTH = 1e-12
_INFINITE_SIZE, _NO_ROTATION = "infinite size", "no rotation"
"""What can be wrong with splats beside numbers that are none."""


def decode(stream: BinaryIO) -> Gaussians:
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
    parsed = header.parse(stream.read(header.MAX_HEADER_BYTES))
    element = next((item for item in parsed.elements if item.name == names.ELEMENT), None)
    present = {item.name for item in element.properties} if element else set()
    if compressed.MARK in present:
        return compressed.decode(stream, parsed)
    rest_names = _check_properties(present)
    table = open_table(stream, parsed, element)
    others = [name for name in table.dtype.names if name not in {*_REQUIRED, *rest_names, names.PART}]
    making = _Making(table, rest_names if _any(table, rest_names) else (), others)
    bad = sum(blocks.mapped(making.fill, table.count), Counter())
    if bad:
        raise _damaged(bad, table.count)
    return making.finished()


class _Making:
    """Splats in the making.

    The arrays of the result, and how each block of rows gets into them.
    """

    def __init__(self, table: Table, rest_names: tuple[str, ...], others: list[str]) -> None:
        """Prepare for the rows of ``table`` with these higher harmonics and further columns."""
        self._table = table
        # Stored channel by channel, all of red's coefficients first; wanted coefficient by coefficient.
        higher = len(rest_names) // 3
        colors = [*names.BASE, *(name for i in range(higher) for name in rest_names[i::higher])]
        groups = (names.MEANS, names.SCALES, names.ROTATIONS, names.OPACITY, colors)
        self._gather = [Gatherer(table.dtype, group) for group in groups]
        count = table.count
        self._means, self._scales = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
        self._rotations, self._opacities = np.empty((count, 4), np.float32), np.empty(count, np.float32)
        self._sh = np.empty((count, len(colors) // 3, 3), np.float32)
        has_parts = names.PART in table.dtype.names
        self._parts = np.empty(count, np.int8) if has_parts else None
        # Of columns that stay zero the system never makes real memory.
        self._extras = {name: np.zeros(count, table.dtype[name].newbyteorder("=")) for name in others}
        self._has_normals = False
        self._is_float = all(table.dtype[name] == np.float32 for name in table.dtype.names)

    def fill(self, place: slice) -> Counter[str]:
        """Read some rows and store what they hold; return how many splats have which fault."""
        rows = self._table.rows(place)
        means, scales, rotations, opacities, colors = self._gather
        centers = means(rows, self._means[place])
        sh = colors(rows, self._sh[place].reshape(len(rows), -1))
        logs, logits, quaternions = scales(rows), opacities(rows)[:, 0], rotations(rows)
        bad: Counter[str] = Counter()
        # One look at all columns, where they are of one type, is cheaper than one at each group.
        if not (self._is_float and np.isfinite(rows.view(np.float32)).all()):
            bad += _faults(names.MEANS, ~np.isfinite(centers))
            bad += _faults(names.BASE, ~np.isfinite(sh))
            bad += _faults(names.SCALES, np.isnan(logs))
            bad += _faults(names.OPACITY, np.isnan(logits))
            bad += _faults(names.ROTATIONS, ~np.isfinite(quaternions))
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            found = np.exp(logs, out=self._scales[place])
            np.maximum(found, np.float32(MIN_SCALE), out=found)
            if np.isinf(found.max()):
                bad += Counter({_INFINITE_SIZE: np.count_nonzero(np.isinf(found))})
            odds = np.exp(-logits)
            odds += 1
            np.reciprocal(odds, out=self._opacities[place])
            # In float64, where no square of a float32 overflows; all w together, all x, ...: long rows are fast.
            wide = quaternions.T.astype(np.float64, order="C")
            lengths = np.sqrt(np.einsum("ij,ij->j", wide, wide))
            bad += Counter({_NO_ROTATION: np.count_nonzero(lengths < _MIN_ROTATION_LENGTH)})
            wide /= lengths
            self._rotations[place] = wide.T
        if self._parts is not None:
            self._parts[place] = known_parts(rows[names.PART])
        for name, column in self._extras.items():
            values = rows[name]
            if np.count_nonzero(values):
                column[place] = values
                self._has_normals |= name in names.NORMALS
        return bad

    def finished(self) -> Gaussians:
        """Return the splats when all rows are stored."""
        extras = self._extras
        if not self._has_normals:
            extras = {name: column for name, column in extras.items() if name not in names.NORMALS}
        return Gaussians(self._means, self._scales, self._rotations, self._opacities, self._sh, self._parts, extras)


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


def _any(table: Table, wanted: tuple[str, ...]) -> bool:
    """Whether any of these properties is other than zero anywhere; mostly the first rows tell."""
    if not wanted:
        return False
    gather = Gatherer(table.dtype, wanted)
    return any(np.count_nonzero(gather(table.rows(place))) for place in blocks.slices(table.count))


def _faults(group: tuple[str, ...], wrong: np.ndarray) -> Counter[str]:
    """Return how many rows of a group of properties hold a wrong value, under the first one's name."""
    return Counter({group[0]: np.count_nonzero(wrong.reshape(len(wrong), -1).any(axis=1))})


def _damaged(bad: Counter[str], count: int) -> FormatError:
    """Return the error for splats that can't be."""
    if bad.keys() <= {_INFINITE_SIZE}:
        return FormatError(
            "The file holds splats of infinite size.",
            "Clean the file in a splat editor; scales must be stored as natural logarithms.",
            code="ply-scale-range",
        )
    advice = "Clean the file in a splat editor, or export it again."
    what, number = next(item for item in bad.items() if item[0] != _INFINITE_SIZE)
    if what == _NO_ROTATION:
        message = f"{number:,} of {count:,} splats have no rotation (a zero quaternion)."
        return FormatError(message, advice, code="ply-zero-quaternion", bad=number)
    message = f"{number:,} of {count:,} splats hold invalid numbers (NaN or infinite) in “{what}” or its kin."
    return FormatError(message, advice, code="ply-not-finite", bad=number)
