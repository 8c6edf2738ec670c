"""A file that tells how much of it was read or written."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO


class Counting:
    """A binary stream for readers and writers of formats, which tells the bytes of each piece that passes.

    Args:
        stream: The file.
        on_bytes: Takes a number of bytes, in whichever thread reads or writes; what it raises comes out there.
    """

    def __init__(self, stream: BinaryIO, on_bytes: Callable[[int], object]) -> None:
        self._stream = stream
        self._on_bytes = on_bytes
        self.seek = stream.seek

    def read(self, size: int = -1) -> bytes:
        """Read as streams do."""
        data = self._stream.read(size)
        self._on_bytes(len(data))
        return data

    def readinto(self, buffer: memoryview) -> int:
        """Read into memory as streams do."""
        count = self._stream.readinto(buffer)
        self._on_bytes(count)
        return count

    def write(self, data: bytes) -> int:
        """Write as streams do."""
        count = self._stream.write(data)
        self._on_bytes(count)
        return count
