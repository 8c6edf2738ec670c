"""Splat files. One module a format; a new one is that module and one line in ``_FORMATS``.

A format module has ``decode(data) -> Gaussians``, which raises
:class:`~core.errors.FormatError` and nothing else for damaged data, and
``encode(gaussians, stream)``.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from ..errors import FormatError
from ..files import replacing
from ..gaussians import Gaussians
from . import ply

_FORMATS = {".ply": ply}


def suffixes() -> tuple[str, ...]:
    """Return the file suffixes that can be read and written, lower case with the dot."""
    return tuple(_FORMATS)


def load(path: str | os.PathLike) -> Gaussians:
    """Read a splat file; its suffix says which kind it is.

    Raises:
        FormatError: the file can't be opened ("file-unreadable"), its suffix is not known
            ("unknown-format"), or it is damaged (codes of the format's module).
    """
    path = Path(path)
    decode = _format_of(path.suffix).decode
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{path.name} could not be opened: {error.strerror or error}.",
            "Check that the file exists and that you may read it.",
            code="file-unreadable",
            path=str(path),
        ) from error
    return decode(data)


def save(gaussians: Gaussians, path: str | os.PathLike) -> None:
    """Write a splat file; its suffix says which kind. An existing file is replaced in one step.

    Raises:
        FormatError: the suffix is not known ("unknown-format").
        FaceLiftError: the file can't be written ("disk-full", "file-unwritable").
    """
    encode = _format_of(Path(path).suffix).encode
    with replacing(path) as stream:
        encode(gaussians, stream)


def loads(data: bytes, suffix: str = ".ply") -> Gaussians:
    """Read a splat file's bytes.

    Raises:
        FormatError: as :func:`load`.
    """
    return _format_of(suffix).decode(data)


def dumps(gaussians: Gaussians, suffix: str = ".ply") -> bytes:
    """Return the bytes of a splat file.

    Raises:
        FormatError: the suffix is not known ("unknown-format").
    """
    encode = _format_of(suffix).encode
    stream = io.BytesIO()
    encode(gaussians, stream)
    return stream.getvalue()


def _format_of(suffix: str):
    """Return the module for a suffix, in either case."""
    try:
        return _FORMATS[suffix.lower()]
    except KeyError:
        raise FormatError(
            f"“{suffix or 'no suffix'}” is not a kind of splat file that can be read or written here.",
            f"Use one of: {', '.join(suffixes())}.",
            code="unknown-format",
            suffix=suffix,
        ) from None
