"""The body of PLY files: the rows of one element, binary or text.

Sizes that the header announces are checked against the data before anything is allocated.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any, Literal

import numpy as np

from ...errors import FormatError
from .header import Element, Header

_TEXT_WINDOW = 1 << 16
"""Bytes of text that are split into numbers at once: Python's strings take 20 times their size."""
_SPACE = re.compile(rb"\s")
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Table:
    """The rows of an element, read when they are asked for.

    Attributes:
        count: Number of rows.
        dtype: Their structured type, a field a property.
        rows: Returns those of a slice; safe in any thread.
    """

    count: int
    dtype: np.dtype
    rows: Callable[[slice], np.ndarray]


class Gatherer:
    """Takes some properties out of rows, side by side as float32."""

    def __init__(self, dtype: np.dtype, wanted: Sequence[str]) -> None:
        """Prepare.

        Args:
            dtype: Of the rows.
            wanted: Names of properties, in the order of the result's columns.
        """
        self._wanted = tuple(wanted)
        known: Mapping[str, Any] = dtype.fields or {}
        fields = [known[name][:2] for name in wanted]
        whole = dtype.itemsize % 4 == 0
        # Rows of nothing but such values (or what takes the same place) can be taken as a table.
        self._is_table = whole and all(kind == np.float32 and offset % 4 == 0 for kind, offset in fields)
        places = [offset // 4 for _, offset in fields]
        neighbours = list(range(places[0], places[0] + len(places)))
        self._places = slice(places[0], places[0] + len(places)) if places == neighbours else np.array(places)

    def __call__(self, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the values of ``rows``, [n, len(wanted)].

        They are in ``out`` (contiguous) if there is one, otherwise new or a view of the rows.
        """
        if not self._is_table:
            out = np.empty((len(rows), len(self._wanted)), np.float32) if out is None else out
            with np.errstate(over="ignore", invalid="ignore"):
                for i, name in enumerate(self._wanted):
                    out[:, i] = rows[name]
            return out
        table = rows.view(np.float32).reshape(len(rows), -1)
        if not isinstance(self._places, slice):
            # Clipping changes nothing here; without it the result would pass through a buffer.
            return np.take(table, self._places, axis=1, out=out, mode="clip")
        if out is None:
            return table[:, self._places]
        out[:] = table[:, self._places]
        return out


class Body:
    """What follows a file's header. All its tables share one stream, and take turns at it."""

    def __init__(self, stream: BufferedIOBase, header: Header) -> None:
        """Prepare; nothing is read yet."""
        self._stream, self._header = stream, header
        self._turns = threading.Lock()

    def table(self, element: Element) -> Table:
        """Return the rows of one of the header's elements.

        Elements before the wanted one may hold lists; the wanted one may not, and has at least one
        property. Binary rows are read from the stream when they are asked for, text is read at once.

        Raises:
            FormatError: "ply-truncated" (fewer rows than announced; also from ``rows`` when the file
                shrank meanwhile), "ply-unsupported" (lists in the element), "ply-body" (text that is
                no number, a number its type can't hold).
        """
        header, stream = self._header, self._stream
        before = header.elements[: header.elements.index(element)]
        if element.has_lists:
            raise FormatError(
                f"The file's “{element.name}” entries hold lists, which splats never do.",
                "Choose a file with Gaussian splats.",
                code="ply-unsupported",
            )
        if header.byte_order is None:
            stream.seek(0)
            data = stream.read()
            rows = _read_text(data, _skip_lines(data, header.size, sum(item.count for item in before)), element)
            return Table(element.count, rows.dtype, rows.__getitem__)
        size = stream.seek(0, io.SEEK_END)
        offset = header.size
        for item in before:
            offset = _skip_binary(stream, size, offset, item, header.byte_order)
        dtype = element.dtype(header.byte_order)
        available = max(0, size - offset) // dtype.itemsize
        if element.count > available:
            raise _truncated(element, available)

        def rows_at(place: slice) -> np.ndarray:
            first, end, _ = place.indices(element.count)
            found = np.empty(end - first, dtype)
            with self._turns:
                stream.seek(offset + first * dtype.itemsize)
                if stream.readinto(found.view(np.uint8).data) < found.nbytes:
                    raise _truncated(element, first)
            return found

        return Table(element.count, dtype, rows_at)


def _truncated(element: Element, found: int) -> FormatError:
    return FormatError(
        f"The file is cut off: it announces {element.count:,} “{element.name}” entries and holds {found:,}.",
        "Copy or download the file again.",
        code="ply-truncated",
        announced=element.count,
        found=found,
    )


def _skip_binary(stream: BufferedIOBase, size: int, offset: int, element: Element, byte_order: str) -> int:
    """Return the offset behind an element of a file of ``size`` bytes."""
    if not element.has_lists:
        width = element.dtype(byte_order).itemsize
        if offset + element.count * width > size:
            raise _truncated(element, (size - offset) // width)
        return offset + element.count * width
    steps = [
        (np.dtype(item.type).itemsize, item.length_type and np.dtype(item.length_type)) for item in element.properties
    ]
    order: Literal["little", "big"] = "little" if byte_order == "<" else "big"
    stream.seek(0)
    data = stream.read()
    for row in range(element.count):
        for width, length_type in steps:
            length = 1
            if length_type:
                field = data[offset : offset + length_type.itemsize]
                length = int.from_bytes(field, order, signed=length_type.kind == "i")
                offset += length_type.itemsize
            offset += width * max(length, 0)
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


def _read_text(data: bytes, offset: int, element: Element) -> np.ndarray:
    """Return rows of text as a structured array."""
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
    rows = np.empty(element.count, element.dtype("="))
    for i, item in enumerate(element.properties):
        rows[item.name] = _typed(table[:, i], item.type)
    return rows


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
