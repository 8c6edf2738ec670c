"""How large a wheel on a server is once unpacked, from its directory alone."""

from __future__ import annotations

import io
import zipfile

from core.runtime.package_settings import open_url

READ_AHEAD = 1 << 19
"""Bytes fetched at once: most wheels' directories fit."""


class _RemoteFile(io.RawIOBase):
    """A file on a server that answers ranges, readable in any order."""

    def __init__(self, url: str, size: int) -> None:
        self._url, self._size, self._position = url, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        span = {"Range": f"bytes={self._position}-{end - 1}"}
        with open_url(self._url, span) as answer:
            if answer.status != 206:
                raise OSError(f"{self._url} does not serve ranges")
            data = answer.read()
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def remote_size(url: str) -> int:
    """Return the size of a file on a server.

    Raises:
        OSError: the server can't be reached or does not tell.
    """
    with open_url(url, method="HEAD") as answer:
        size = answer.headers.get("Content-Length")
    if size is None:
        raise OSError(f"{url} has no size")
    return int(size)


def unpacked_bytes(url: str, size: int) -> int:
    """Return the bytes that a wheel's files take when unpacked.

    Args:
        url: Address of the wheel.
        size: Its size.

    Raises:
        OSError: the server can't be reached or serves no ranges.
        zipfile.BadZipFile: it is no wheel.
    """
    buffered = io.BufferedReader(_RemoteFile(url, size), READ_AHEAD)
    with zipfile.ZipFile(buffered) as archive:
        return sum(member.file_size for member in archive.infolist())
