"""From SPZ files to Gaussians."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

import numpy as np

from ... import blocks
from ... import spherical_harmonics as harmonics
from ...gaussians import Gaussians
from ..axes import Turn
from . import packing, zstd
from .layout import (
    ENTRY,
    GZIP_HEADER_SIZE,
    MAGIC,
    Header,
    broken,
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


def decode(stream: BinaryIO) -> Gaussians:
    """Read an SPZ file of version 2, 3 (gzip) or 4 (zstd), and turn it into our frame.

    Harmonics of degree 4 and extensions are skipped; higher harmonics that are zero throughout are dropped.

    Raises:
        FormatError: "spz-header", "spz-version", "spz-too-large", "spz-truncated",
            "spz-compression" (damaged packed data), "zstd-missing" (version 4 needs a library).
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    mark = stream.read(4)
    stream.seek(0)
    if mark[:2] == _GZIP_MARK:
        header, attributes = _unpack_gzip(stream, size)
    elif mark == MAGIC.to_bytes(4, "little"):
        header, attributes = _unpack_streams(stream.read())
    else:
        raise broken("it doesn't begin as SPZ files do")
    positions, alphas, colors, scales, rotations, higher = (
        values.reshape(header.count, -1) if header.count else values.reshape(0, 0) for values in attributes
    )
    unpack_rotations = packing.unpack_first_three if header.version == 2 else packing.unpack_smallest_three
    kept = packing.kept_harmonics(higher, header.degree)
    shapes = {"means": (3,), "scales": (3,), "rotations": (4,), "opacities": (), "sh": (1 + kept, 3)}
    found = {name: np.empty((header.count, *shape), np.float32) for name, shape in shapes.items()}

    turn = Turn.from_y_up(harmonics.degree_of(1 + kept))
    factor = packing.harmonics_factor(turn)

    def fill(place: slice) -> None:
        packing.unpack_positions(positions[place].ravel(), header.fractional_bits, turn, found["means"][place])
        found["scales"][place] = packing.unpack_scales(scales[place].ravel())
        unpack_rotations(rotations[place].ravel(), turn, found["rotations"][place])
        found["opacities"][place] = packing.unpack_opacities(alphas[place].ravel())
        packing.unpack_harmonics(colors[place], higher[place], factor, found["sh"][place])

    blocks.fill(fill, header.count, _ROWS)
    # Bytes of any value make finite numbers, sizes above 0 and unit quaternions: there is nothing to check.
    return Gaussians(**found)


def _unpack_gzip(stream: BinaryIO, available: int) -> tuple[Header, list[np.ndarray]]:
    """Return header and attributes of versions 2 and 3: one gzip stream of ``available`` bytes with both."""
    engine = zlib.decompressobj(_GZIP)
    packed = b""

    def unpacked(limit: int) -> bytes:
        """Return at most ``limit`` further bytes, none at the end."""
        nonlocal packed
        while not engine.eof:
            packed = packed or stream.read(_PIECE)
            found = engine.decompress(packed, limit)
            is_over = not packed
            packed = engine.unconsumed_tail
            if found or is_over:
                return found
        return b""

    try:
        head = b""
        while len(head) < GZIP_HEADER_SIZE and (piece := unpacked(GZIP_HEADER_SIZE - len(head))):
            head += piece
        header = parse(head, (2, 3), available)
        if sum(header.sizes) > _MAX_DEFLATE_RATIO * available:
            raise truncated()
        # Into memory that is there already: bytes that grow would be copied time and again.
        body = np.empty(sum(header.sizes), np.uint8)
        filled = 0
        while filled < len(body) and (piece := unpacked(min(_PIECE, len(body) - filled))):
            body[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        # The check sum comes after the last byte; more bytes than the attributes' are extensions.
        surplus = unpacked(1)
    except zlib.error as error:
        raise undecodable() from error
    if filled < len(body) or not (surplus or engine.eof):
        raise truncated()
    return header, np.split(body, np.cumsum(header.sizes)[:-1])


def _unpack_streams(data: bytes) -> tuple[Header, list[np.ndarray]]:
    """Return header and attributes of version 4: a zstd stream each."""
    header = parse(data, (4,), len(data))
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
    return header, attributes


def _unpacked(packed: memoryview, size: int) -> np.ndarray:
    body = np.empty(size, np.uint8)
    try:
        filled = zstd.decompress(packed, body)
    except zstd.DamagedData as error:
        raise undecodable() from error
    if filled < size:
        raise truncated()
    return body
