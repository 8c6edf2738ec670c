"""What a file format is to the rest of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from ..gaussians import Gaussians
from .axes import Axes, Unit, from_ours
from .reading import Reading


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


class Statement(Enum):
    """How files of a format tell which way is up."""

    BY_FORMAT = "by format"
    """All files have the same axes, or a field for them that every program reads."""
    BY_COMMENT = "by comment"
    """A comment may tell; ``encode`` takes ``axes`` and ``unit`` to say so."""
    NONE = "none"
    """There is no place for it."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        id: Stable identifier.
        label: Name in menus, without the suffixes.
        suffixes: Lower case with the dot, the one to propose first; may have two dots.
        axes: Those that are written when nothing else is asked for: what other programs expect.
        decode: Takes a binary stream that can be searched, at its beginning; raises FormatError and
            nothing else for damaged data. Formats with ``has_siblings`` also take the path of the file,
            beside which further files are read, or None.
        encode: Takes Gaussians in the file's axes, a binary stream, and ``options`` as keywords.
        options: What can be chosen when writing.
        losses: What of Gaussians files don't keep.
        has_siblings: Whether a file can refer to others beside it.
        statement: How files tell their axes. Only where that isn't by the format can others be written.
    """

    id: str
    label: str
    suffixes: tuple[str, ...]
    axes: Axes
    decode: Callable[..., Reading]
    encode: Callable[..., None]
    options: tuple[Option, ...] = ()
    losses: tuple[Loss, ...] = ()
    has_siblings: bool = False
    statement: Statement = Statement.BY_FORMAT

    def read(self, stream: BufferedIOBase, path: Path | None) -> Reading:
        """Return what the stream holds, in our frame where the file says its own.

        Args:
            stream: The file.
            path: Where it lies, None for a file that lies nowhere.
        """
        return (self.decode(stream, path) if self.has_siblings else self.decode(stream)).upright()

    def write(
        self,
        gaussians: Gaussians,
        stream: BufferedIOBase,
        axes: Axes | None = None,
        unit: Unit = Unit.UNSTATED,
        **options: Any,
    ) -> None:
        """Write Gaussians of our frame.

        Args:
            gaussians: What to write.
            stream: Where to.
            axes: Of the file; None for the format's own.
            unit: What 1 means, to be said where there is a place for it.
            options: Those of the format.

        Raises:
            ValueError: the format's files have other axes.
        """
        axes = axes or self.axes
        if self.statement is Statement.BY_FORMAT and axes is not self.axes:
            raise ValueError(f"{self.label} files have the axes {self.axes.value}, not {axes.value}")
        if self.statement is Statement.BY_COMMENT:
            options = options | {"axes": axes, "unit": unit}
        self.encode(from_ours(gaussians, axes), stream, **options)
