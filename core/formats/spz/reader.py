"""From SPZ files to Gaussians."""

from __future__ import annotations

import io
import zlib
from io import BufferedIOBase

import numpy as np

from ...gaussians import Gaussians
from ...splats import spherical_harmonics as harmonics
from ...system import blocks
from ..assembly import FREE_BYTES, MAX_RATIO
from ..axes import Axes, Turn
from ..reading import Reading
from . import packing, zstd
from .layout import (
    ENTRY,
    GZIP_HEADER_SIZE,
    MAX_EXTENSION_BYTES,
    STREAMED_HEADER_SIZE,
    STREAMED_VERSIONS,
    Header,
    broken,
    frame,
    parse,
    stream_table,
    truncated,
    undecodable,
)

_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MARK = b"\x1f\x8b"
_MAX_DEFLATE_RATIO = 1032
"""Deflate's best: 258 bytes for two bits."""
_PIECE = 1 << 18
"""Bytes that are unpacked at once."""
_ROWS = 1 << 14
"""Splats that a thread works on at once: their bytes are few, and threads that meet often wait for each other."""


def decode(stream: BufferedIOBase) -> Reading:
    """Read an SPZ file of version 2, 3 (gzip, or not packed at all) or 4 (zstd), and turn it into our frame.

    The frame is the one that the file names, by default +Y up. Harmonics of degree 4 and other extensions
    are skipped; higher harmonics that are zero throughout are dropped.

    Raises:
        FormatError: "spz-header", "spz-version", "spz-too-large", "spz-truncated",
            "spz-compression" (damaged packed data), "zstd-missing" (version 4 needs a library).
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    is_gzip = stream.read(len(_GZIP_MARK)) == _GZIP_MARK
    stream.seek(0)
    opened = _Unzipped(stream) if is_gzip else stream
    head = _exactly(opened, GZIP_HEADER_SIZE)
    header = parse(head, size)
    if header.version in STREAMED_VERSIONS:
        attributes, records = _unpack_streams(header, head + _rest(opened, size))
    else:
        attributes, records = _unpack_rows(header, opened, _MAX_DEFLATE_RATIO * size if is_gzip else size)
    axes, notes = frame(records)
    if header.degree > harmonics.MAX_DEGREE:
        notes = (*notes, f"Spherical harmonics above degree {harmonics.MAX_DEGREE} left out.")
    positions, alphas, colors, scales, rotations, higher = (
        values.reshape(header.count, -1) if header.count else values.reshape(0, 0) for values in attributes
    )
    unpack_rotations = packing.unpack_first_three if header.version == 2 else packing.unpack_smallest_three
    kept = packing.kept_harmonics(higher, header.degree)
    count = header.count
    means, sizes = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
    turns, opacities = np.empty((count, 4), np.float32), np.empty(count, np.float32)
    sh = np.empty((count, 1 + kept, 3), np.float32)

    turn = Turn.from_axes(axes, harmonics.degree_of(1 + kept))
    factor = packing.harmonics_factor(turn)

    def fill(place: slice) -> None:
        packing.unpack_positions(positions[place].ravel(), header.fractional_bits, turn, means[place])
        sizes[place] = packing.unpack_scales(scales[place].ravel())
        unpack_rotations(rotations[place].ravel(), turn, turns[place])
        opacities[place] = packing.unpack_opacities(alphas[place].ravel())
        packing.unpack_harmonics(colors[place], higher[place], factor, sh[place])

    blocks.fill(fill, header.count, _ROWS)
    # Bytes of any value make finite numbers, sizes above 0 and unit quaternions: there is nothing to check.
    return Reading(Gaussians(means, sizes, turns, opacities, sh), Axes.Z_UP, notes, file_axes=axes)


class _Unzipped:
    """The content of a gzip stream, read piece by piece."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream
        self._engine = zlib.decompressobj(_GZIP)
        self._packed = b""

    def read(self, limit: int) -> bytes:
        """Return at most ``limit`` further bytes, none at the end.

        Raises:
            FormatError: "spz-compression"; "spz-truncated" where the stream ends before its check sum.
        """
        try:
            while not self._engine.eof:
                self._packed = self._packed or self._stream.read(_PIECE)
                found = self._engine.decompress(self._packed, limit)
                is_over = not self._packed
                self._packed = self._engine.unconsumed_tail
                if found:
                    return found
                if is_over:
                    raise truncated()
        except zlib.error as error:
            raise undecodable() from error
        return b""


def _exactly(stream: BufferedIOBase | _Unzipped, size: int) -> bytes:
    """Return ``size`` bytes, or as many as there are."""
    data = b""
    while len(data) < size and (piece := stream.read(size - len(data))):
        data += piece
    return data


def _rest(stream: BufferedIOBase | _Unzipped, limit: int) -> bytes:
    """Return what is left, which may not be more than a multiple of the file's size."""
    pieces, total = [], 0
    while piece := stream.read(_PIECE):
        total += len(piece)
        if total > MAX_RATIO * limit + FREE_BYTES:
            raise broken("it unpacks to far more than it can hold")
        pieces.append(piece)
    return b"".join(pieces)


def _unpack_rows(header: Header, stream: BufferedIOBase | _Unzipped, available: int) -> tuple[list[np.ndarray], bytes]:
    """Return attributes and extension records of versions 2 and 3: one behind the other."""
    size = sum(header.sizes)
    if size > available:
        raise truncated()
    # Into memory that is there already: bytes that grow would be copied time and again.
    body = np.empty(size, np.uint8)
    filled = 0
    while filled < size and (piece := stream.read(min(_PIECE, size - filled))):
        body[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    if filled < size:
        raise truncated()
    # Reading on also checks gzip's sum, which comes after the last byte.
    records = _exactly(stream, MAX_EXTENSION_BYTES if header.has_extensions else 1)
    return np.split(body, np.cumsum(header.sizes)[:-1]), records if header.has_extensions else b""


def _unpack_streams(header: Header, data: bytes) -> tuple[list[np.ndarray], bytes]:
    """Return attributes and extension records of version 4: a zstd stream for each attribute."""
    streams, table = stream_table(data)
    sizes = header.sizes
    # Degree 0 has no harmonics, and writers leave the empty stream away.
    wanted = len([size for size in sizes if size]) if header.count else 0
    if streams < wanted:
        raise broken("attributes are missing")
    offset = table + streams * ENTRY.size
    attributes = []
    for index, size in enumerate(sizes):
        if index >= streams:
            attributes.append(np.empty(0, np.uint8))
            continue
        packed, unpacked = ENTRY.unpack_from(data, table + index * ENTRY.size)
        if unpacked != size:
            raise broken("the sizes in its table of contents contradict its header")
        if offset + packed > len(data):
            raise truncated()
        attributes.append(_unpacked(memoryview(data)[offset : offset + packed], size))
        offset += packed
    return attributes, data[STREAMED_HEADER_SIZE:table] if header.has_extensions else b""


def _unpacked(packed: memoryview, size: int) -> np.ndarray:
    body = np.empty(size, np.uint8)
    try:
        filled = zstd.decompress(packed, body)
    except zstd.DamagedData as error:
        raise undecodable() from error
    if filled < size:
        raise truncated()
    return body
