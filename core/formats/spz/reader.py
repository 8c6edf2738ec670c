"""From SPZ files to Gaussians."""

from __future__ import annotations

import zlib

import numpy as np

from ...gaussians import Gaussians
from ..assembly import assemble
from . import packing, zstd
from .layout import (
    ENTRY,
    GZIP_HEADER_SIZE,
    KIND,
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


def decode(data: bytes) -> Gaussians:
    """Read an SPZ file of version 2, 3 (gzip) or 4 (zstd), in its own axes.

    Harmonics of degree 4 and extensions are skipped; higher harmonics that are zero throughout are dropped.

    Raises:
        FormatError: "spz-header", "spz-version", "spz-too-large", "spz-truncated",
            "spz-compression" (damaged packed data), "zstd-missing" (version 4 needs a library),
            "spz-not-finite", "spz-zero-quaternion".
    """
    if data[:2] == _GZIP_MARK:
        header, attributes = _unpack_gzip(data)
    elif data[:4] == MAGIC.to_bytes(4, "little"):
        header, attributes = _unpack_streams(data)
    else:
        raise broken("it doesn't begin as SPZ files do")
    positions, alphas, colors, scales, rotations, higher = attributes
    unpack_rotations = packing.unpack_first_three if header.version == 2 else packing.unpack_smallest_three
    return assemble(
        KIND,
        packing.unpack_positions(positions, header.fractional_bits),
        packing.unpack_scales(scales),
        unpack_rotations(rotations),
        packing.unpack_opacities(alphas),
        packing.unpack_harmonics(colors, higher, header.degree),
    )


def _unpack_gzip(data: bytes) -> tuple[Header, list[np.ndarray]]:
    """Return header and attributes of versions 2 and 3: one gzip stream of both."""
    engine = zlib.decompressobj(_GZIP)
    try:
        header = parse(engine.decompress(data, GZIP_HEADER_SIZE), (2, 3), len(data))
        size = sum(header.sizes)
        body = engine.decompress(engine.unconsumed_tail, size) if size else b""
        # The check sum comes after the last byte; more bytes than the attributes' are extensions.
        surplus = engine.decompress(engine.unconsumed_tail, 1)
    except zlib.error as error:
        raise undecodable() from error
    if len(body) < size or not (surplus or engine.eof):
        raise truncated()
    starts = np.cumsum((0, *header.sizes))
    return header, [np.frombuffer(body, np.uint8, n, first) for n, first in zip(header.sizes, starts[:-1], strict=True)]


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
        attributes.append(np.frombuffer(_unpacked(data[offset : offset + packed], size), np.uint8))
        offset += packed
    return header, attributes


def _unpacked(packed: bytes, size: int) -> bytes:
    try:
        body = zstd.decompress(packed, size)
    except zstd.DamagedData as error:
        raise undecodable() from error
    if len(body) < size:
        raise truncated()
    return body
