"""The body of PLY files: the columns of one element, binary or text.

Sizes that the header announces are checked against the data before anything is allocated.
"""

from __future__ import annotations

import re

import numpy as np

from ...errors import FormatError
from .header import Element, Header

_TEXT_WINDOW = 1 << 16
"""Bytes of text that are split into numbers at once: Python's strings take 20 times their size."""
_SPACE = re.compile(rb"\s")
_LINE_END = re.compile(rb"\r\n|\n|\r")


def read_columns(data: bytes, header: Header, element: Element) -> dict[str, np.ndarray]:
    """Return the columns of one of the header's elements by property name, each [count], in the file's types.

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
        return _read_text(data, _skip_lines(data, header.size, sum(item.count for item in before)), element)
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


def _read_binary(data: bytes, offset: int, element: Element, byte_order: str) -> dict[str, np.ndarray]:
    dtype = element.dtype(byte_order)
    available = (len(data) - offset) // dtype.itemsize
    if element.count > available:
        raise _truncated(element, available)
    rows = np.frombuffer(data, dtype, element.count, offset)
    return {item.name: rows[item.name] for item in element.properties}


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
