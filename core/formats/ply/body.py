"""The body of PLY files: the columns of one element, binary or text.

Sizes that the header announces are checked against the data before anything is allocated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ...errors import FormatError
from .header import Element, Header

_TEXT_WINDOW = 1 << 16
"""Bytes of text that are split into numbers at once: Python's strings take 20 times their size."""
_SPACE = re.compile(rb"\s")
_LINE_END = re.compile(rb"\r\n|\n|\r")


_ROWS = 1 << 11
"""Rows gathered at once: what they take fits into a processor's cache."""


class Columns(dict[str, np.ndarray]):
    """The columns of an element by property name, each [count], in the file's types."""

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        super().__init__(columns)
        self._tables: dict[str, tuple[np.ndarray, int]] = {}

    @classmethod
    def of_rows(cls, rows: np.ndarray) -> Columns:
        """Return the columns of a structured array, as views."""
        columns = cls({name: rows[name] for name in rows.dtype.names})
        run: list[str] = []
        end = -1
        for name in rows.dtype.names:
            dtype, offset = rows.dtype.fields[name]
            is_float = dtype == np.float32
            if not is_float or offset != end:
                columns._add_table(rows, run)
                run = []
            if is_float:
                run.append(name)
                end = offset + dtype.itemsize
        columns._add_table(rows, run)
        return columns

    def _add_table(self, rows: np.ndarray, run: list[str]) -> None:
        """Remember neighbouring float32 columns as one array [count, len(run)]."""
        if run:
            first = self[run[0]]
            table = np.lib.stride_tricks.as_strided(first, (len(rows), len(run)), (*first.strides, first.itemsize))
            self._tables.update({name: (table, i) for i, name in enumerate(run)})

    def gather(self, wanted: Sequence[str]) -> np.ndarray:
        """Return columns side by side, [count, len(wanted)] float32."""
        count = len(self[wanted[0]])
        values = np.empty((count, len(wanted)), np.float32)
        found = [self._tables.get(name, (None, 0)) for name in wanted]
        table = found[0][0]
        if table is not None and all(other is table for other, _ in found):
            places = [place for _, place in found]
            for first in range(0, count, _ROWS):
                rows = slice(first, first + _ROWS)
                # Clipping changes nothing here; without it the result would pass through a buffer.
                np.take(table[rows], places, axis=1, out=values[rows], mode="clip")
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, count, _ROWS):
                rows = slice(first, first + _ROWS)
                for i, name in enumerate(wanted):
                    values[rows, i] = self[name][rows]
        return values


def read_columns(data: bytes, header: Header, element: Element) -> Columns:
    """Return the columns of one of the header's elements.

    Columns of binary files are views into ``data``. Elements before the wanted one may hold
    lists; the wanted one may not, and has at least one property.

    Raises:
        FormatError: "ply-truncated" (fewer rows than announced), "ply-unsupported" (lists in
            the element), "ply-body" (text that is no number, a number its type can't hold).
    """
    before = header.elements[: header.elements.index(element)]
    if element.has_lists:
        raise FormatError(
            f"The file's “{element.name}” entries hold lists, which splats never do.",
            "Choose a file with Gaussian splats.",
            code="ply-unsupported",
        )
    if header.byte_order is None:
        offset = _skip_lines(data, header.size, sum(item.count for item in before))
        return Columns(_read_text(data, offset, element))
    offset = header.size
    for item in before:
        offset = _skip_binary(data, offset, item, header.byte_order)
    return _read_binary(data, offset, element, header.byte_order)


def _truncated(element: Element, found: int) -> FormatError:
    return FormatError(
        f"The file is cut off: it announces {element.count:,} “{element.name}” entries and holds {found:,}.",
        "Copy or download the file again.",
        code="ply-truncated",
        announced=element.count,
        found=found,
    )


def _read_binary(data: bytes, offset: int, element: Element, byte_order: str) -> Columns:
    dtype = element.dtype(byte_order)
    available = (len(data) - offset) // dtype.itemsize
    if element.count > available:
        raise _truncated(element, available)
    return Columns.of_rows(np.frombuffer(data, dtype, element.count, offset))


def _skip_binary(data: bytes, offset: int, element: Element, byte_order: str) -> int:
    """Return the offset behind an element."""
    if not element.has_lists:
        size = element.dtype(byte_order).itemsize
        if offset + element.count * size > len(data):
            raise _truncated(element, (len(data) - offset) // size)
        return offset + element.count * size
    steps = [
        (np.dtype(item.type).itemsize, item.length_type and np.dtype(item.length_type)) for item in element.properties
    ]
    order = "little" if byte_order == "<" else "big"
    for row in range(element.count):
        for size, length_type in steps:
            length = 1
            if length_type:
                field = data[offset : offset + length_type.itemsize]
                length = int.from_bytes(field, order, signed=length_type.kind == "i")
                offset += length_type.itemsize
            offset += size * max(length, 0)
        if offset > len(data):
            raise _truncated(element, row)
    return offset


def _skip_lines(data: bytes, offset: int, count: int) -> int:
    """Return the offset behind ``count`` lines of text, or the data's end."""
    for _ in range(count):
        end = _LINE_END.search(data, offset)
        if end is None:
            return len(data)
        offset = end.end()
    return offset


def _read_text(data: bytes, offset: int, element: Element) -> dict[str, np.ndarray]:
    width = len(element.properties)
    # A number and the space behind it take two bytes at least.
    available = (len(data) - offset + 1) // (2 * width)
    if element.count > available:
        raise _truncated(element, available)
    values = np.empty(element.count * width)
    filled = 0
    while filled < len(values) and offset < len(data):
        gap = _SPACE.search(data, offset + _TEXT_WINDOW)
        end = gap.start() if gap else len(data)
        words = bytes(data[offset:end]).split()[: len(values) - filled]
        values[filled : filled + len(words)] = _numbers(words)
        filled, offset = filled + len(words), end
    if filled < len(values):
        raise _truncated(element, filled // width)
    table = values.reshape(element.count, width)
    return {item.name: _typed(table[:, i], item.type) for i, item in enumerate(element.properties)}


def _numbers(words: list[bytes]) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        raise _not_a_number() from None


def _typed(column: np.ndarray, code: str) -> np.ndarray:
    """Return text values in their announced type."""
    if code.startswith("f"):
        with np.errstate(over="ignore"):
            return column.astype(code)
    limits = np.iinfo(code)
    if not ((column >= limits.min) & (column <= limits.max)).all():
        raise _not_a_number()
    return column.astype(code)


def _not_a_number() -> FormatError:
    return FormatError(
        "The file holds text where a number should be, or a number of the wrong kind.",
        "The file is damaged: export it again.",
        code="ply-body",
    )
