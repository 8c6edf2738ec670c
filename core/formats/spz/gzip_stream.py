"""Writing one gzip member with several threads, in blocks that refer to each other as pigz' do."""

from __future__ import annotations

import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BufferedIOBase

_LEVEL = 6
"""zlib's own default."""
_BLOCK = 1 << 18
_WINDOW = 1 << 15
"""How far back deflate can refer."""
_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
"""Deflate, no flags, no time, unknown system (RFC 1952)."""


def write(data: bytes, stream: BufferedIOBase) -> None:
    """Write ``data`` packed; every reader of gzip takes it."""
    starts = range(0, max(len(data), 1), _BLOCK)
    stream.write(_HEADER)
    with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1)) as pool:
        for packed in pool.map(lambda start: _deflate(data, start), starts):
            stream.write(packed)
    stream.write(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))


def _deflate(data: bytes, start: int) -> bytes:
    """Return the block at ``start``, ended so that the next can follow at a byte."""
    before = data[max(0, start - _WINDOW) : start]
    engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=before)
    last = start + _BLOCK >= len(data)
    return engine.compress(data[start : start + _BLOCK]) + engine.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
