"""The header of PLY files: which elements and properties the body holds, and how.

Source: Greg Turk, "The PLY Polygon File Format", 1994, with the sized type names (int8,
float32) that later writers use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ...errors import FormatError
from ..axes import Axes, Unit
from . import comments

MAX_HEADER_BYTES = 1 << 18
"""Far more than any splat file needs; what is longer is not a header."""
MAX_COUNT_DIGITS = 18

_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
TYPE_NAMES = {"i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort"} | {
    **{"i4": "int", "u4": "uint", "f4": "float", "f8": "double"}
}
"""PLY's name of each numpy type that it can store."""

_BYTE_ORDERS = {"ascii": None, "binary_little_endian": "<", "binary_big_endian": ">"}

_LINE_END = re.compile(r"\r\n|\n|\r")
"""str.splitlines would also split at characters that may stand in comments."""
_FIRST_LINE = re.compile(rb"ply[ \t]*(\r\n|\n|\r)")
_LAST_LINE = re.compile(rb"[\r\n]end_header[ \t\r]*\n")
_LAST_LINE_BARE_CR = re.compile(rb"\rend_header[ \t]*\r")


@dataclass(frozen=True)
class Property:
    """A column of an element.

    Attributes:
        name: As the file spells it.
        type: numpy type code without byte order ("f4"); of the items if this is a list.
        length_type: Type of a list's length, None for a plain value.
    """

    name: str
    type: str
    length_type: str | None = None


@dataclass(frozen=True)
class Element:
    """A table of the body: ``count`` rows with the same properties."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def has_lists(self) -> bool:
        """Whether rows differ in length."""
        return any(item.length_type for item in self.properties)

    def dtype(self, byte_order: str) -> np.dtype:
        """Return the numpy type of one binary row without lists."""
        return np.dtype([(item.name, byte_order + item.type) for item in self.properties])


@dataclass(frozen=True)
class Header:
    """A parsed header.

    Attributes:
        byte_order: "<" or ">" for a binary body, None for text.
        elements: In the order of the body.
        size: Bytes that the header takes; the body begins there.
        axes: The frame, as comments tell it.
        unit: The unit, as comments tell it.
    """

    byte_order: str | None
    elements: tuple[Element, ...]
    size: int
    axes: Axes = Axes.UNSTATED
    unit: Unit = Unit.UNSTATED


def parse(data: bytes) -> Header:
    """Read the header of a PLY file.

    Raises:
        FormatError: codes "ply-header" (not a PLY header, or a broken one) and "ply-count"
            (a number of rows that is none).
    """
    lines, size = _header_lines(data)
    byte_order: str | None = None
    format_seen = False
    elements: list[tuple[str, int, list[Property]]] = []
    for line in lines[1:]:
        match line.split():
            case [] | ["comment" | "obj_info", *_]:
                pass
            case ["format", name, _] if name in _BYTE_ORDERS and not format_seen:
                byte_order, format_seen = _BYTE_ORDERS[name], True
            case ["element", name, count] if all(name != other for other, *_ in elements):
                elements.append((name, _row_count(name, count), []))
            case ["property", "list", length_type, item_type, name] if elements:
                elements[-1][2].append(Property(name, _type(item_type), _length_type(length_type)))
            case ["property", item_type, name] if elements:
                elements[-1][2].append(Property(name, _type(item_type)))
            case _:
                raise _broken(f"it has a line that makes no sense there: “{line[:80]}”")
    if not format_seen:
        raise _broken("it doesn't say how the data is stored")
    for name, _, properties in elements:
        if len({item.name for item in properties}) < len(properties):
            raise _broken(f"a property of “{name[:80]}” appears twice")
    tables = tuple(Element(name, count, tuple(items)) for name, count, items in elements)
    return Header(byte_order, tables, size, *comments.read(lines))


def _header_lines(data: bytes) -> tuple[list[str], int]:
    """Return the header's lines without the last one, and its size in bytes."""
    head = bytes(data[:MAX_HEADER_BYTES])
    first = _FIRST_LINE.match(head)
    if first is None:
        raise FormatError(
            "This is not a PLY file.",
            "Choose a .ply file with Gaussian splats.",
            code="ply-header",
        )
    # Only the first line tells a bare CR apart from a CRLF whose LF is the body's first byte.
    last = (_LAST_LINE_BARE_CR if first[1] == b"\r" else _LAST_LINE).search(head)
    if last is None:
        raise _broken("its end is missing")
    text = head[: last.start()].decode("utf-8", "replace")
    return _LINE_END.split(text), last.end()


def _row_count(element: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_COUNT_DIGITS):
        raise FormatError(
            f"The file gives “{text[:40]}” as the number of its “{element[:40]}” entries.",
            "The file is damaged: export it again.",
            code="ply-count",
            element=element[:40],
        )
    return int(text)


def _type(name: str) -> str:
    try:
        return _TYPES[name]
    except KeyError:
        raise _broken(f"it names an unknown data type: “{name[:40]}”") from None


def _length_type(name: str) -> str:
    code = _type(name)
    if code.startswith("f"):
        raise _broken("it has a list whose length is not a whole number")
    return code


def _broken(what: str) -> FormatError:
    return FormatError(
        f"The PLY file's header is broken: {what}.",
        "Export the file again, or open it with the program that wrote it.",
        code="ply-header",
    )
