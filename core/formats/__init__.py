"""Splat files. One module a format; a new one is that module and one entry in ``FORMATS``.

Values are returned and taken in our frame (+Z up, the face looks to -Y). PLY files may say what their axes
are; of those that don't, and of .splat files, :func:`read` returns the values as they are.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import FormatError, unreadable
from ..gaussians import Gaussians
from ..system.files import replacing
from . import gltf, ply, splat, spz, usd
from .axes import Axes, Unit, to_ours
from .counting import Counting
from .reading import Reading
from .registry import Format, Loss, Option, Statement

_SPZ_VERSION = Option(
    "version",
    "Version",
    ((3, "3: most readers"), (4, "4: smaller, for recent readers"), (2, "2: coarser, for old readers")),
    "Which version of SPZ to write",
)

FORMATS = (
    Format("ply", "Splat PLY", (".ply",), Axes.Y_DOWN, ply.decode, ply.encode, statement=Statement.BY_COMMENT),
    Format(
        "compressed-ply",
        "Compressed Splat PLY",
        (".compressed.ply",),
        Axes.Y_DOWN,
        ply.decode,
        ply.encode_compressed,
        losses=(Loss.PARTS, Loss.EXTRAS),
        statement=Statement.BY_COMMENT,
    ),
    Format(
        "splat",
        "Splat",
        (".splat",),
        Axes.Y_DOWN,
        splat.decode,
        splat.encode,
        losses=tuple(Loss),
        statement=Statement.NONE,
    ),
    Format(
        "spz", "SPZ", (".spz",), Axes.Y_UP, spz.decode, spz.encode, (_SPZ_VERSION,), losses=(Loss.PARTS, Loss.EXTRAS)
    ),
    Format("glb", "glTF Binary", (".glb",), Axes.Y_UP, gltf.decode, gltf.encode_binary, has_siblings=True),
    Format("gltf", "glTF", (".gltf",), Axes.Y_UP, gltf.decode, gltf.encode_text, has_siblings=True),
    Format("usdc", "USD Binary", (".usdc", ".usd"), Axes.Z_UP, usd.decode, usd.encode_binary, has_siblings=True),
    Format("usda", "USD Text", (".usda",), Axes.Z_UP, usd.decode, usd.encode_text, has_siblings=True),
    Format("usdz", "USD Package", (".usdz",), Axes.Z_UP, usd.decode, usd.encode_package, has_siblings=True),
)
"""Every kind of file, in the order in which interfaces show them."""


def readable_suffixes() -> tuple[str, ...]:
    """Return the suffixes of files that can be read, lower case with the dot."""
    return tuple(suffix for item in FORMATS for suffix in item.suffixes)


def writable_suffixes() -> tuple[str, ...]:
    """Return the suffixes of files that can be written, lower case with the dot."""
    return readable_suffixes()


def suffixes() -> tuple[str, ...]:
    """Return the file suffixes that can be both read and written, lower case with the dot."""
    return readable_suffixes()


def format_of(name: str | os.PathLike[str]) -> Format:
    """Return the format that a file name, a path or a bare suffix says, in either case.

    Raises:
        FormatError: the suffix is not known ("unknown-format").
    """
    name = Path(name).name.lower()
    found = [(len(suffix), item) for item in FORMATS for suffix in item.suffixes if name.endswith(suffix)]
    if not found:
        suffix = name if name.startswith(".") else Path(name).suffix
        raise FormatError(
            f"“{suffix or 'no suffix'}” is not a kind of splat file that can be read or written here.",
            f"Use one of: {', '.join(suffixes())}.",
            code="unknown-format",
            suffix=suffix,
        )
    return max(found, key=lambda pair: pair[0])[1]


def read(path: str | os.PathLike[str], on_bytes: Callable[[int], object] | None = None) -> Reading:
    """Read a splat file, with what there is to tell of it; its suffix says which kind it is.

    Args:
        path: The file.
        on_bytes: Takes the number of bytes of each piece that was read; when it raises, reading ends with that.

    Raises:
        FormatError: the file can't be opened ("file-unreadable"), its suffix is not known
            ("unknown-format"), or it is damaged (codes of the format's module).
    """
    path = Path(path)
    kind = format_of(path)
    try:
        with path.open("rb") as stream:
            return kind.read(Counting(stream, on_bytes) if on_bytes else stream, path)
    except OSError as error:
        raise unreadable(FormatError, path.name, error, path=str(path)) from error


def load(path: str | os.PathLike[str], on_bytes: Callable[[int], object] | None = None) -> Gaussians:
    """Return the splats of a file, in our frame where that is known; see :func:`read`.

    .splat files have no place to say their axes; those of the viewer they were made for are assumed. PLY
    files without a word about it come from engines and trainings with different axes: they stay as they are.
    """
    return _settled(read(path, on_bytes), format_of(path))


def save(
    gaussians: Gaussians,
    path: str | os.PathLike[str],
    on_bytes: Callable[[int], object] | None = None,
    *,
    axes: Axes | None = None,
    unit: Unit = Unit.UNSTATED,
    **options: Any,
) -> None:
    """Write a splat file; its suffix says which kind. An existing file is replaced in one step.

    Args:
        gaussians: What to write, in our frame.
        path: Where to.
        on_bytes: Takes the number of bytes of each piece that was written; when it raises, the old file stays.
        axes: Of the file, for PLY and .splat; by default what other programs expect.
        unit: What 1 means; PLY files say it, SPZ, glTF and USD mean metres.
        options: Those of the format (``format_of(path).options``), by name.

    Raises:
        FormatError: the suffix is not known ("unknown-format"), or a library that the format
            needs is missing.
        FaceLiftError: the file can't be written ("disk-full", "file-unwritable").
    """
    kind = format_of(path)
    with replacing(path) as stream:
        kind.write(gaussians, Counting(stream, on_bytes) if on_bytes else stream, axes, unit, **options)


def reads(data: bytes, suffix: str = ".ply") -> Reading:
    """Read a splat file's bytes; files beside it are out of reach.

    Raises:
        FormatError: as :func:`read`.
    """
    return format_of(suffix).read(io.BytesIO(data), None)


def loads(data: bytes, suffix: str = ".ply") -> Gaussians:
    """Return the splats of a file's bytes; see :func:`load` and :func:`reads`."""
    return _settled(reads(data, suffix), format_of(suffix))


def dumps(
    gaussians: Gaussians, suffix: str = ".ply", *, axes: Axes | None = None, unit: Unit = Unit.UNSTATED, **options: Any
) -> bytes:
    """Return the bytes of a splat file.

    Raises:
        FormatError: as :func:`save`.
    """
    stream = io.BytesIO()
    format_of(suffix).write(gaussians, stream, axes, unit, **options)
    return stream.getvalue()


def _settled(reading: Reading, kind: Format) -> Gaussians:
    if reading.axes is Axes.UNSTATED and kind.statement is Statement.NONE:
        return to_ours(reading.gaussians, kind.axes, reuse=True)
    return reading.gaussians
