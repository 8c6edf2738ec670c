"""Zstandard for SPZ version 4, through whichever library there is.

Blender brings ``zstandard``; Python has ``compression.zstd`` from 3.14 on.
"""

from __future__ import annotations

import importlib

from ...errors import FormatError

LEVEL = 3
"""zstd's own default."""


class DamagedData(Exception):
    """What should be unpacked is no zstd data."""


def decompress(data: bytes, size: int) -> bytes:
    """Unpack at most ``size`` bytes; fewer come back when the data ends before.

    Raises:
        DamagedData: this is no zstd data.
        FormatError: "zstd-missing".
    """
    library, is_standard = _library()
    try:
        if is_standard:
            return library.ZstdDecompressor().decompress(data, size) if size else b""
        with library.ZstdDecompressor().stream_reader(data) as reader:
            return reader.read(size) if size else b""
    except library.ZstdError as error:
        raise DamagedData from error
    except EOFError:
        return b""


def compress(data: bytes) -> bytes:
    """Pack data into one zstd frame.

    Raises:
        FormatError: "zstd-missing".
    """
    library, is_standard = _library()
    return library.compress(data, LEVEL) if is_standard else library.ZstdCompressor(level=LEVEL).compress(data)


def _library():
    """Return the library, and whether it is Python's own."""
    for name in ("zstandard", "compression.zstd"):
        try:
            return importlib.import_module(name), name != "zstandard"
        except ImportError:
            continue
    raise FormatError(
        "SPZ version 4 needs the Python package “zstandard”, which is missing here.",
        "Use SPZ version 3, or install “zstandard” into this Python.",
        code="zstd-missing",
    )
