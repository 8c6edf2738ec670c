"""Large pictures in little memory: rows come in bands and are averaged at once."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES_OF_COLOR_TYPE = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""PNG's colour type -> numbers of a pixel."""
BAND_BYTES = 16_000_000
"""Bytes of a PNG's pixels that are unpacked at once."""


def reduce_bands(bands: Iterable[np.ndarray], size: tuple[int, int], factor: int) -> np.ndarray:
    """Return a picture of which each ``factor`` x ``factor`` pixels are averaged, fewer at its right and lower edge.

    Args:
        bands: Consecutive rows, each [h, W, C] uint8 or float32, of any heights.
        size: (width, height) of the whole picture.
        factor: At least 1.

    Returns:
        [ceil(H / factor), ceil(W / factor), C] of the bands' type.
    """
    result = np.zeros((0, 0, 0), np.uint8)
    waiting: np.ndarray | None = None
    filled = 0
    shape = (-(-size[1] // factor), -(-size[0] // factor))
    for band in bands:
        if not result.size:
            result = np.zeros((*shape, band.shape[2]), band.dtype)
        rows = band if waiting is None else np.concatenate([waiting, band])
        whole = len(rows) // factor * factor
        if whole:
            result[filled : filled + whole // factor] = _reduced(rows[:whole], factor)
            filled += whole // factor
        waiting = rows[whole:].copy() if whole < len(rows) else None
    if waiting is not None:
        result[filled] = _reduced(waiting, factor)[0]
    return result


def _reduced(rows: np.ndarray, factor: int) -> np.ndarray:
    """Average ``factor`` x ``factor`` pixels of [h, W, C]; alpha weighs the colours of 8 bits."""
    if factor == 1:
        return rows
    if rows.dtype == np.uint8:
        picture = Image.fromarray(rows[..., 0] if rows.shape[2] == 1 else rows)
        return np.asarray(picture.reduce(factor)).reshape(-(-len(rows) // factor), -1, rows.shape[2])
    starts = [np.arange(0, length, factor) for length in rows.shape[:2]]
    total = np.add.reduceat(np.add.reduceat(rows, starts[0], axis=0), starts[1], axis=1)
    counts = [np.diff(start, append=length) for start, length in zip(starts, rows.shape, strict=False)]
    return total / np.multiply.outer(*counts)[..., None].astype(rows.dtype)


def reduced_png(data: bytes, factor: int) -> np.ndarray | None:
    """Decode a PNG band by band, each ``factor`` x ``factor`` pixels averaged.

    Each band becomes a PNG of its own, whose first row is the row before it: PNG's filters look no further back.

    Args:
        data: The file.
        factor: At least 1.

    Returns:
        [H, W, 1 to 4] uint8: grey or RGB, with alpha where the file has it. None where the file is stored in a way
        that can't be taken apart: interlaced, or with less than 8 bits.

    Raises:
        Exception: whatever zlib and Pillow raise on damaged data.
    """
    chunks = list(_chunks(data))
    width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    if interlaced or depth < 8 or color_type not in SAMPLES_OF_COLOR_TYPE:
        return None
    return reduce_bands(_png_bands(chunks, width, height, depth, color_type), (width, height), factor)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield a PNG's chunks as (kind, body); a cut one ends them."""
    view, position = memoryview(data), len(SIGNATURE)
    while position + 8 <= len(view):
        length, kind = struct.unpack(">I4s", view[position : position + 8])
        yield kind, view[position + 8 : position + 8 + length]
        position += length + 12


def _png_bands(
    chunks: list[tuple[bytes, memoryview]], width: int, height: int, depth: int, color_type: int
) -> Iterator[np.ndarray]:
    """Yield rows [h, W, C] uint8 of a PNG."""
    row_bytes = width * SAMPLES_OF_COLOR_TYPE[color_type] * depth // 8
    colors = b"".join(_chunk(kind, body) for kind, body in chunks if kind in (b"PLTE", b"tRNS"))
    packed = _Unpacked(body for kind, body in chunks if kind == b"IDAT")
    before = bytes(row_bytes)
    rows = max(1, BAND_BYTES // row_bytes)
    for first in range(0, height, rows):
        count = min(rows, height - first)
        filtered = b"\0" + before + packed.read(count * (row_bytes + 1))
        header = struct.pack(">IIBBBBB", width, count + 1, depth, color_type, 0, 0, 0)
        body = _chunk(b"IDAT", zlib.compress(filtered, 0))
        band = SIGNATURE + _chunk(b"IHDR", header) + colors + body + _chunk(b"IEND", b"")
        with Image.open(io.BytesIO(band)) as picture:
            picture.load()
            pixels = np.asarray(picture)
            before = _row_bytes(pixels[-1], depth, row_bytes)
            if picture.mode == "P" or (color_type in (0, 2) and "transparency" in picture.info):
                pixels = np.asarray(picture.convert("RGBA" if "transparency" in picture.info else "RGB"))
        if pixels.dtype != np.uint8:
            pixels = (pixels >> 8).astype(np.uint8)
        yield pixels[1:] if pixels.ndim == 3 else pixels[1:, :, None]


def _row_bytes(row: np.ndarray, depth: int, size: int) -> bytes:
    """Return a decoded row as the next row's filter wants it.

    Of 16 bits Pillow keeps the upper 8 for colours. Filters work on each byte of a pixel by itself, so the lower
    ones may be anything.
    """
    if depth == 8 or row.dtype != np.uint8:
        return row.astype(">u2").tobytes() if depth == 16 else row.tobytes()
    wide = np.zeros(size, np.uint8)
    wide[::2] = row.ravel()
    return wide.tobytes()


def _chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


class _Unpacked:
    """A stream of a PNG's unpacked bytes."""

    def __init__(self, bodies: Iterator[memoryview]) -> None:
        self._bodies, self._unpacker = bodies, zlib.decompressobj()
        self._packed: bytes | memoryview = b""

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes.

        Raises:
            EOFError: the file ends before.
            zlib.error: it is damaged.
        """
        parts = []
        while size:
            if not self._packed:
                body = next(self._bodies, None)
                if body is None:
                    raise EOFError("the file ends in the middle of the picture")
                self._packed = body
            part = self._unpacker.decompress(self._packed, size)
            self._packed = self._unpacker.unconsumed_tail
            if not part and not self._packed and self._unpacker.eof:
                raise EOFError("the file ends in the middle of the picture")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
