"""Zstandard for SPZ version 4, through whichever library there is.

Blender brings ``zstandard``; Python has ``compression.zstd`` from 3.14 on.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ...errors import FormatError

LEVEL = 3
"""zstd's own default."""


class DamagedData(Exception):
    """What should be unpacked is no zstd data."""


def decompress(data: bytes | memoryview, out: np.ndarray) -> int:
    """Unpack into ``out``, uint8, and return how many bytes of it were filled: fewer when the data ends before.

    Into memory that is there already: whatever the data claims to be, no more is ever taken.

    Raises:
        DamagedData: this is no zstd data.
        FormatError: "zstd-missing".
    """
    library, is_standard = _library()
    filled = 0
    try:
        if is_standard:
            # A limit of 0 would mean none.
            found = library.ZstdDecompressor().decompress(data, len(out)) if len(out) else b""
            filled = len(found)
            out[:filled] = np.frombuffer(found, np.uint8)
        else:
            with library.ZstdDecompressor().stream_reader(data) as reader:
                while filled < len(out) and (size := reader.readinto(out[filled:])):
                    filled += size
    except library.ZstdError as error:
        raise DamagedData from error
    except EOFError:
        pass
    return filled


def compress(data: bytes) -> bytes:
    """Pack data into one zstd frame.

    Raises:
        FormatError: "zstd-missing".
    """
    library, is_standard = _library()
    return library.compress(data, LEVEL) if is_standard else library.ZstdCompressor(level=LEVEL).compress(data)


def _library() -> tuple[Any, bool]:
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
