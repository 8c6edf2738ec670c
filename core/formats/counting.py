"""A file that tells how much of it was read or written."""

from __future__ import annotations

from collections.abc import Callable
from io import SEEK_SET, BufferedIOBase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Python 3.11 has no name for what memory can be read from or written to.
    from typing_extensions import Buffer


class Counting(BufferedIOBase):
    """A binary stream for readers and writers of formats, which tells the bytes of each piece that passes.

    Args:
        stream: The file.
        on_bytes: Takes a number of bytes, in whichever thread reads or writes; what it raises comes out there.
    """

    def __init__(self, stream: BufferedIOBase, on_bytes: Callable[[int], object]) -> None:
        self._stream = stream
        self._on_bytes = on_bytes

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """Go elsewhere as streams do."""
        return self._stream.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as streams do."""
        data = self._stream.read(size)
        self._on_bytes(len(data))
        return data

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into memory as streams do."""
        count = self._stream.readinto(buffer)
        self._on_bytes(count)
        return count

    def write(self, data: Buffer, /) -> int:
        """Write as streams do."""
        count = self._stream.write(data)
        self._on_bytes(count)
        return count
