"""What a file format is to the rest of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from ..gaussians import Gaussians
from .axes import Axes, to_ours


@dataclass(frozen=True)
class Option:
    """A choice that a person has when writing a format.

    Attributes:
        name: Keyword of the format's ``encode``.
        label: Name in interfaces.
        choices: Allowed values with a label each; the first is the default.
        doc: One sentence, for a tooltip.
    """

    name: str
    label: str
    choices: tuple[tuple[Any, str], ...]
    doc: str

    @property
    def default(self) -> Any:
        """The value when nothing is chosen."""
        return self.choices[0][0]


class Loss(Enum):
    """What a format has no place for; the value is what interfaces show."""

    PARTS = "Parts"
    EXTRAS = "Further attributes"
    HIGHER_HARMONICS = "Colors that change with the view"


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        id: Stable identifier.
        label: Name in menus, without the suffixes.
        suffixes: Lower case with the dot, the one to propose first; may have two dots.
        axes: The frame of files, of ``encode``'s argument, and of ``decode``'s result unless ``turns``.
        decode: Takes a binary stream that can be searched, at its beginning; returns Gaussians in the
            file's axes or ours, raises FormatError and nothing else for damaged data. Formats with
            ``has_siblings`` also take the folder that further files are read from, or None.
        encode: Takes Gaussians in the file's axes, a binary stream, and ``options`` as keywords.
        options: What can be chosen when writing.
        losses: What of Gaussians files don't keep.
        has_siblings: Whether a file can refer to others beside it.
        turns: Whether ``decode`` turns what it reads into our frame.
    """

    id: str
    label: str
    suffixes: tuple[str, ...]
    axes: Axes
    decode: Callable[..., Gaussians]
    encode: Callable[..., None]
    options: tuple[Option, ...] = ()
    losses: tuple[Loss, ...] = ()
    has_siblings: bool = False
    turns: bool = False

    def read(self, stream: BinaryIO, folder: Path | None) -> Gaussians:
        """Return what the stream holds, in our frame where the format has a frame of its own."""
        found = self.decode(stream, folder) if self.has_siblings else self.decode(stream)
        return found if self.turns else to_ours(found, self.axes, reuse=True)
