"""From bytes to rows of cells: encodings, separators, decimal commas, rows without a face."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from dataclasses import dataclass

import numpy as np

from ..arkit import ARKIT_NAMES
from .take import RecordingError

MOST_COLUMNS = 4096
_BYTE_ORDER_MARKS = (
    *((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
    *((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
)
"""Longer ones first: UTF-32's begins with UTF-16's."""
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
"""What no text of a single-byte encoding has."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""With which Excel is told how a file separates its cells."""
_DELIMITERS = ",;\t|"
_HEADER_LINES = 20
"""Lines in which the header may be; programs write their own name and a date before it."""
_NOTHING = frozenset(("", "nan", "null", "none", "n/a", "na", "-"))
"""What trackers write where they see no face."""


@dataclass(frozen=True)
class Table:
    """A table's cells.

    Attributes:
        name: Of the file.
        header: Titles of the columns.
        rows: Cells, as many as there are titles; short rows are filled up with empty ones.
        widths: Cells that each row has in the file.
        first: Number of the first row in the file, counted from 1.
    """

    name: str
    header: list[str]
    rows: list[list[str]]
    widths: list[int]
    first: int

    def column(self, index: int) -> list[str]:
        """Return the cells of a column."""
        return [row[index] for row in self.rows]

    def numbers(self, index: int) -> np.ndarray:
        """Return a column [T] float64, NaN where a cell holds no finite number."""
        cells = self.column(index)
        try:
            values = np.array([float(cell) for cell in cells])
        except ValueError:
            values = np.array([number(cell) for cell in cells])
        values[np.isinf(values)] = np.nan
        return values


def plain(title: str) -> str:
    """Return a column's name without case, punctuation and the program's prefix."""
    return re.sub(r"[^a-z0-9]", "", title.rpartition(".")[2].lower())


def number(cell: str) -> float:
    """Return a cell's number, NaN if it holds none; a comma may stand for the point, a percent sign behind."""
    cell = cell.strip().removesuffix("%").rstrip()
    if "," in cell:
        cell = cell.replace(".", "").replace(",", ".") if cell.rfind(",") > cell.rfind(".") else cell.replace(",", "")
    try:
        return float(cell)
    except ValueError:
        return math.nan


def is_nothing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in _NOTHING


def read(data: bytes, name: str) -> Table:
    """Read a table.

    Raises:
        RecordingError: this is no text, or no table.
    """
    text = _text(data, name)
    lines = text.splitlines()[:_HEADER_LINES]
    start = next((index for index, line in enumerate(lines) if _names_expressions(line)), 0)
    separator = next((match[1] for line in lines[:start] if (match := _SEPARATOR_LINE.fullmatch(line.strip()))), None)
    delimiter = separator or max(_DELIMITERS, key=lines[start].count if lines else text.count)
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise RecordingError(f"{name} is damaged: {error}.", "Export the take again.") from error
    header, rows = (found[start], found[start + 1 :]) if len(found) > start else ([], [])
    if not any(header) or len(header) > MOST_COLUMNS:
        raise RecordingError(f"{name} holds no table.", "Choose the CSV file of a take.")
    rows = [row for row in rows if any(row)]
    if not rows:
        raise RecordingError(f"{name} holds no moment.", "Export the take again.")
    widths = [len(row) for row in rows]
    return Table(name, header, [row + [""] * (len(header) - len(row)) for row in rows], widths, start + 2)


def _text(data: bytes, name: str) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            unit = 4 if "32" in encoding else 2 if "16" in encoding else 1
            # A take that was cut off may end within a character.
            data = data[len(mark) : len(data) - (len(data) - len(mark)) % unit]
            return _decoded(data, encoding, name, "ignore" if unit > 1 else "strict")
    head = data[:256]
    if head.count(0) * 3 > len(head):
        # Every second byte of Latin letters in UTF-16 is 0.
        encoding = "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
        return _decoded(data[: len(data) // 2 * 2], encoding, name, "ignore")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if _CONTROL.search(data):
            raise _no_text(name) from None
        return _decoded(data, "cp1252", name, "replace")


def _decoded(data: bytes, encoding: str, name: str, errors: str) -> str:
    try:
        return data.decode(encoding, errors)
    except UnicodeDecodeError:
        raise _no_text(name) from None


def _no_text(name: str) -> RecordingError:
    return RecordingError(f"{name} is not a text file.", "Choose the CSV file of a take.")


_PLAIN_NAMES = tuple(plain(name) for name in ARKIT_NAMES)


def _names_expressions(line: str) -> bool:
    bare = re.sub(r"[^a-z0-9]", "", line.lower())
    return any(name in bare or name.replace("left", "l").replace("right", "r") in bare for name in _PLAIN_NAMES)
