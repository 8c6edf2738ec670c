"""Splat files. One module a format; a new one is that module and one entry in ``FORMATS``.

Values are returned and taken in our frame (+Z up, the face looks to -Y) where a format has axes of
its own, and as they are where it has none (``Format.axes`` says which; see :mod:`.axes`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import FormatError
from ..files import replacing
from ..gaussians import Gaussians
from . import gltf, ply, splat, spz, usd
from .axes import Axes, from_ours
from .counting import Counting
from .registry import Format, Loss, Option

_SPZ_VERSION = Option(
    "version",
    "Version",
    ((3, "3: most readers"), (4, "4: smaller, for recent readers"), (2, "2: coarser, for old readers")),
    "Which version of SPZ to write",
)

FORMATS = (
    Format("ply", "Splat PLY", (".ply",), Axes.UNSTATED, ply.decode, ply.encode),
    Format(
        "compressed-ply",
        "Compressed Splat PLY",
        (".compressed.ply",),
        Axes.UNSTATED,
        ply.decode,
        ply.encode_compressed,
        losses=(Loss.PARTS, Loss.EXTRAS),
    ),
    Format("splat", "Splat", (".splat",), Axes.UNSTATED, splat.decode, splat.encode, losses=tuple(Loss)),
    Format(
        "spz",
        "SPZ",
        (".spz",),
        Axes.Y_UP,
        spz.decode,
        spz.encode,
        (_SPZ_VERSION,),
        losses=(Loss.PARTS, Loss.EXTRAS),
        turns=True,
    ),
    Format("glb", "glTF Binary", (".glb",), Axes.Y_UP, gltf.decode, gltf.encode_binary, has_siblings=True),
    Format("gltf", "glTF", (".gltf",), Axes.Y_UP, gltf.decode, gltf.encode_text, has_siblings=True),
    Format("usdc", "USD Binary", (".usdc", ".usd"), Axes.Z_UP, usd.decode, usd.encode_binary),
    Format("usda", "USD Text", (".usda",), Axes.Z_UP, usd.decode, usd.encode_text),
    Format("usdz", "USD Package", (".usdz",), Axes.Z_UP, usd.decode, usd.encode_package),
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


def format_of(name: str | os.PathLike) -> Format:
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


def load(path: str | os.PathLike, on_bytes: Callable[[int], object] | None = None) -> Gaussians:
    """Read a splat file; its suffix says which kind it is.

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
            return kind.read(Counting(stream, on_bytes) if on_bytes else stream, path.parent)
    except OSError as error:
        raise FormatError(
            f"{path.name} could not be opened: {error.strerror or error}.",
            "Check that the file exists and that you may read it.",
            code="file-unreadable",
            path=str(path),
        ) from error


def save(
    gaussians: Gaussians, path: str | os.PathLike, on_bytes: Callable[[int], object] | None = None, **options: Any
) -> None:
    """Write a splat file; its suffix says which kind. An existing file is replaced in one step.

    Args:
        gaussians: What to write.
        path: Where to.
        on_bytes: Takes the number of bytes of each piece that was written; when it raises, the old file stays.
        options: Those of the format (``format_of(path).options``), by name.

    Raises:
        FormatError: the suffix is not known ("unknown-format"), or a library that the format
            needs is missing.
        FaceLiftError: the file can't be written ("disk-full", "file-unwritable").
    """
    kind = format_of(path)
    with replacing(path) as stream:
        kind.encode(from_ours(gaussians, kind.axes), Counting(stream, on_bytes) if on_bytes else stream, **options)


def loads(data: bytes, suffix: str = ".ply") -> Gaussians:
    """Read a splat file's bytes; files beside it are out of reach.

    Raises:
        FormatError: as :func:`load`.
    """
    return format_of(suffix).read(io.BytesIO(data), None)


def dumps(gaussians: Gaussians, suffix: str = ".ply", **options: Any) -> bytes:
    """Return the bytes of a splat file.

    Raises:
        FormatError: as :func:`save`.
    """
    kind = format_of(suffix)
    stream = io.BytesIO()
    kind.encode(from_ours(gaussians, kind.axes), stream, **options)
    return stream.getvalue()
