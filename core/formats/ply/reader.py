"""From PLY files to Gaussians, block by block: one way from the file through the cache to the final arrays."""

from __future__ import annotations

from io import BufferedIOBase

import numpy as np

from ...gaussians import MIN_SCALE, Gaussians
from ...splats import spherical_harmonics as harmonics
from ...splats.parts import unknown_parts
from ...system import blocks
from ..assembly import known_parts
from ..reading import Reading
from ..soundness import MIN_ROTATION_LENGTH, Fault, check, mark
from . import compressed, header, names
from .body import Body, Gatherer, Table
from .dialects import Layout, layout_of
from .header import Element

KIND = "ply"
_FLAT = 1e-4
"""The third size of flat splats, as a share of their smaller one."""


def decode(stream: BufferedIOBase) -> Reading:
    """Read a PLY file with splats, compressed ones (:mod:`.compressed`) and dialects (:mod:`.dialects`) included.

    Properties are found by name, in any order and numeric type. ``part`` becomes the parts;
    other properties without a meaning for splats become extra columns, except normals that
    are zero throughout. Higher spherical harmonics that are zero throughout are dropped.
    Infinite opacity logits are 0 and 1. A few broken splats are left out, and noted.

    Raises:
        FormatError: "ply-header", "ply-count", "ply-truncated", "ply-body", "ply-unsupported",
            "ply-not-splats", "ply-missing-property"; where as many splats are broken as whole
            "ply-not-finite" (NaN or infinite values), "ply-scale-range" (scales beyond float32),
            "ply-zero-quaternion".
    """
    parsed = header.parse(stream.read(header.MAX_HEADER_BYTES))
    element = next((item for item in parsed.elements if item.name == names.ELEMENT), Element(names.ELEMENT, 0, ()))
    present = [item.name for item in element.properties]
    if compressed.MARK in present:
        return compressed.decode(stream, parsed)
    layout = layout_of(present)
    table = Body(stream, parsed).table(element)
    making = _Making(table, layout, layout.rest if _any(table, layout.rest) else ())
    blocks.fill(making.fill, table.count)
    gaussians, notes = making.finished()
    return Reading(gaussians, parsed.axes, (*layout.notes, *notes), parsed.unit)


class _Making:
    """Splats in the making.

    The arrays of the result, and how each block of rows gets into them.
    """

    def __init__(self, table: Table, layout: Layout, rest: tuple[str, ...]) -> None:
        """Prepare for the rows of ``table`` with these higher harmonics."""
        self._table, self._layout = table, layout
        # Stored channel by channel, all of red's coefficients first; wanted coefficient by coefficient.
        higher = len(rest) // 3
        colors = [*layout.base, *(name for i in range(higher) for name in rest[i::higher])]
        groups = (layout.means, layout.scales, layout.rotations, layout.opacity, colors)
        self._gather = [Gatherer(table.dtype, group) for group in groups]
        count = table.count
        self._means, self._scales = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
        self._rotations, self._opacities = np.empty((count, 4), np.float32), np.empty(count, np.float32)
        self._sh = np.empty((count, len(colors) // 3, 3), np.float32)
        self._parts = np.empty(count, np.int8) if layout.part else unknown_parts(count)
        # Of columns that stay zero the system never makes real memory.
        self._extras = {
            name: np.zeros(count, table.dtype[spelled].newbyteorder("=")) for name, spelled in layout.others.items()
        }
        self._has_normals = False
        self._is_float = all(table.dtype[name] == np.float32 for name in table.dtype.names or ())
        self._color_range = np.float32(1)
        if layout.is_color and (kind := table.dtype[layout.base[0]]).kind in "iu":
            self._color_range = np.float32(np.iinfo(kind).max)
        self._faults = np.zeros(count, np.uint8)

    def fill(self, place: slice) -> None:
        """Read some rows, store what they hold, and note which splats are broken."""
        rows, faults = self._table.rows(place), self._faults[place]
        means, scales, rotations, opacities, colors = self._gather
        centers = means(rows, self._means[place])
        sh = colors(rows, self._sh[place].reshape(len(rows), -1))
        logs, logits, quaternions = scales(rows), opacities(rows)[:, 0], rotations(rows)
        # One look at all columns, where they are of one type, is cheaper than one at each group.
        if not (self._is_float and np.isfinite(rows.view(np.float32)).all()):
            for wrong in (~np.isfinite(centers), ~np.isfinite(sh), np.isnan(logs), np.isnan(logits)):
                mark(faults, wrong, Fault.NOT_FINITE)
            mark(faults, ~np.isfinite(quaternions), Fault.NOT_FINITE)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            found = self._scales[place]
            np.exp(logs, out=found[:, : logs.shape[1]])
            if logs.shape[1] == 2:
                np.multiply(found[:, :2].min(axis=1), np.float32(_FLAT), out=found[:, 2])
            np.maximum(found, np.float32(MIN_SCALE), out=found)
            # A NaN, of a splat that is broken anyway, would hide an infinite size from the largest value.
            if not np.isfinite(found.max()):
                mark(faults, np.isinf(found), Fault.SIZE)
            odds = np.exp(-logits)
            odds += 1
            np.reciprocal(odds, out=self._opacities[place])
            # In float64, where no square of a float32 overflows; all w together, all x, ...: long rows are fast.
            wide = quaternions.T.astype(np.float64, order="C")
            lengths = np.sqrt(np.einsum("ij,ij->j", wide, wide))
            mark(faults, lengths < MIN_ROTATION_LENGTH, Fault.NO_ROTATION)
            wide /= lengths
            self._rotations[place] = wide.T
        if self._layout.is_color:
            sh[:, :3] = (sh[:, :3] / self._color_range - np.float32(0.5)) / np.float32(harmonics.C0)
        if self._layout.part:
            self._parts[place] = known_parts(rows[self._layout.part])
        for name, column in self._extras.items():
            values = rows[self._layout.others[name]]
            if np.count_nonzero(values):
                column[place] = values
                self._has_normals |= name in names.NORMALS
        unturned = faults == Fault.NO_ROTATION
        if unturned.any():
            faults[unturned] = np.where(_are_empty(rows[unturned]), Fault.EMPTY, Fault.NO_ROTATION)

    def finished(self) -> tuple[Gaussians, tuple[str, ...]]:
        """Return the sound splats when all rows are stored, and notes on the others."""
        sound, notes = check(KIND, self._faults)
        extras = self._extras
        if not self._has_normals:
            extras = {name: column for name, column in extras.items() if name not in names.NORMALS}
        made = Gaussians(self._means, self._scales, self._rotations, self._opacities, self._sh, self._parts, extras)
        return (made if sound is None else made.select(sound)), notes


def _are_empty(rows: np.ndarray) -> np.ndarray:
    """Return which rows [n] hold nothing but zeros."""
    return np.all([rows[name] == 0 for name in rows.dtype.names or ()], axis=0)


def _any(table: Table, wanted: tuple[str, ...]) -> bool:
    """Whether any of these properties is other than zero anywhere; mostly the first rows tell."""
    if not wanted:
        return False
    gather = Gatherer(table.dtype, wanted)
    return any(np.count_nonzero(gather(table.rows(place))) for place in blocks.slices(table.count))
