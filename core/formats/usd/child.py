"""``python -m core.formats.usd.child SOURCE TARGET [ORIGINAL]``: read a USD file in a process of its own.

SOURCE is a copy of ORIGINAL, beside which further files may lie. Writes what was read to TARGET, or an error as
JSON to its output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ...errors import FormatError
from . import archive, stage
from .schema import damaged

_MEMORY, _MEMORY_PER_BYTE = 3 << 30, 30
"""Address space for the libraries, and for each byte of the file."""


def main(source: Path, target: Path, original: Path | None = None) -> None:
    """Read one file into another."""
    size = 0

    def allow(more: int) -> None:
        nonlocal size
        size += more
        _limit_memory(_MEMORY + _MEMORY_PER_BYTE * size)

    allow(source.stat().st_size)
    try:
        archive.pack(stage.read(source, original, allow), target)
    except FormatError as error:
        print(json.dumps(error.to_dict()))
    except MemoryError:
        print(json.dumps(damaged().to_dict()))


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:
        return  # Windows
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
