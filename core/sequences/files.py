"""The numbered files that one of them belongs to."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path

from .. import formats
from ..errors import FaceLiftError, unreadable

_NUMBER = re.compile(r"(?<!\d)(?:(?<=_)-)?\d{1,9}(?!\d)")
"""A minus counts after an underscore only, as exports of frames below 0 write it; others join words. What is longer is
a time or an identifier."""
Run = tuple[int, int]
"""The first and the last of numbers that follow each other."""
MOST_TOLD = 4
"""Runs of missing numbers that are named one by one."""


@dataclass(frozen=True)
class SplatSequence:
    """Splat files whose names differ in their number.

    Attributes:
        folder: Where they lie.
        pattern: Their name, with # for each digit of the first one's number.
        names: Name by number, in ascending order; at least one.
    """

    folder: Path
    pattern: str
    names: dict[int, str]

    @property
    def name(self) -> str:
        """What the names have in common before the number; may be empty."""
        return self.pattern.partition("#")[0].rstrip(" ._-")

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The numbers there are, ascending."""
        return tuple(self.names)

    @property
    def first(self) -> int:
        """The lowest number."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """The highest number."""
        return self.numbers[-1]

    @cached_property
    def gaps(self) -> tuple[Run, ...]:
        """The first and the last number of each run that has no file, between the first and the last one."""
        return tuple((low + 1, high - 1) for low, high in pairwise(self.numbers) if high > low + 1)

    def path(self, number: int) -> Path:
        """Return the file of a number that there is."""
        return self.folder / self.names[number]

    def closest(self, number: int) -> int:
        """Return the number there is that is nearest to one; of two as near, the earlier one."""
        return next(self.nearest(number))

    def nearest(self, number: int) -> Iterator[int]:
        """Yield all numbers there are, the ones nearest to a number first; of two as near, the earlier one."""
        after = bisect_right(self.numbers, number)
        before = after - 1
        while before >= 0 or after < len(self.numbers):
            earlier = before >= 0 and (
                after == len(self.numbers) or number - self.numbers[before] <= self.numbers[after] - number
            )
            yield self.numbers[before if earlier else after]
            before, after = (before - 1, after) if earlier else (before, after + 1)


def find(path: str | os.PathLike[str]) -> SplatSequence:
    """Return the sequence that a splat file belongs to.

    Of several numbers in its name, the one counts by which the most files differ, and the last of those. Numbers may
    have any number of digits.

    Args:
        path: One of the files; it need not exist any more, as long as others do.

    Raises:
        FaceLiftError: the name has no number ("not-numbered"), two files have the same number ("number-twice"), or
            numbers go on in files of another kind ("mixed-formats").
        FormatError: the suffix is not that of splats ("unknown-format"), there is no such file, or the folder can't
            be read ("file-unreadable").
    """
    path = Path(path)
    formats.format_of(path)
    try:
        listed = sorted(entry.name for entry in os.scandir(path.parent) if entry.is_file())
    except OSError as error:
        raise unreadable(FaceLiftError, path.parent.name, error, path=str(path.parent)) from error
    stem, suffix = _split(path.name)
    places = [match.span() for match in _NUMBER.finditer(stem)]
    if not places:
        raise FaceLiftError(
            f"{path.name} has no number of up to nine digits in its name.",
            "Choose one of several files with names such as head_0001.ply, or import it by itself.",
            code="not-numbered",
        )
    found = [_numbered(listed, stem[:start], stem[end:], suffix) for start, end in places]
    best = max(range(len(places)), key=lambda index: (len(found[index]), index))
    names, (start, end) = found[best], places[best]
    if not names:
        missing = FileNotFoundError(2, os.strerror(2))
        raise unreadable(FaceLiftError, path.name, missing, path=str(path))
    _refuse_mixed(listed, stem[:start], stem[end:], suffix, set(names))
    digits = len(next(iter(names.values()))) - len(path.name) + (end - start)
    return SplatSequence(path.parent, f"{stem[:start]}{'#' * digits}{stem[end:]}{path.name[len(stem) :]}", names)


def runs_of(numbers: Iterable[int]) -> tuple[Run, ...]:
    """Return the first and the last number of each run of ascending numbers."""
    found = []
    for _, members in groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        run = [number for _, number in members]
        found.append((run[0], run[-1]))
    return tuple(found)


def told(runs: Sequence[Run]) -> str:
    """Return runs of numbers in words: "3, 7 to 9"."""
    words = [str(first) if first == last else f"{first} to {last}" for first, last in runs[:MOST_TOLD]]
    more = len(runs) - MOST_TOLD
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")


def _split(name: str) -> tuple[str, str]:
    """Return a file's name without its suffix, which may have two dots, and the suffix in lower case."""
    suffix = max((known for known in formats.suffixes() if name.lower().endswith(known)), key=len)
    return name[: -len(suffix)], suffix


def _numbered(listed: list[str], before: str, after: str, suffix: str) -> dict[int, str]:
    """Return the names of files around a number, by that number.

    Raises:
        FaceLiftError: two have the same one.
    """
    pattern = re.compile(re.escape(before) + f"({_NUMBER.pattern})" + re.escape(after))
    found: dict[int, str] = {}
    for name in listed:
        if not name.lower().endswith(formats.suffixes()):
            continue
        stem, own = _split(name)
        match = pattern.fullmatch(stem)
        if match is None or own != suffix:
            continue
        number = int(match[1])
        if number in found:
            raise FaceLiftError(
                f"{found[number]} and {name} have the same number.",
                "Move one of them to another folder.",
                code="number-twice",
            )
        found[number] = name
    return dict(sorted(found.items()))


def _refuse_mixed(listed: list[str], before: str, after: str, suffix: str, numbers: set[int]) -> None:
    """Make sure that no other kind of file goes on with the numbers; the same numbers over again are another sequence.

    Raises:
        FaceLiftError: one does.
    """
    for other in formats.suffixes():
        if other == suffix:
            continue
        found = _numbered(listed, before, after, other)
        if found and numbers.isdisjoint(found):
            name = next(iter(found.values()))
            raise FaceLiftError(
                f"The numbers go on in files of another kind: {name} is none of the {suffix} files.",
                "Convert them to one format, or move the others to another folder.",
                code="mixed-formats",
            )
