"""TIFF files that Pillow reads wrongly or not at all: planes one after the other, floats, 32 bits, and huge ones.

Pillow's libtiff unpacks any compression, but knows few layouts of samples. So the file's strips or tiles are
handed to it in small TIFFs that declare them as rows of plain bytes; predictor, byte order and planes are
undone here. That goes band by band, each reduced at once, so that memory stays small for any picture
(TIFF 6.0, sections 14 and 19; Adobe's technical note 3 for the floating-point predictor).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from .reduction import reduce_bands

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR, PREDICTOR = 273, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
ORIENTATION, ICC_PROFILE, DNG_VERSION = 274, 34675, 50706
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK = 0, 1, 2, 5
CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}
"""Colour channels of the photometric interpretations that are read here."""
KINDS = {(1, 8): "u1", (1, 16): "u2", (1, 32): "u4", (2, 8): "i1", (2, 16): "i2", (2, 32): "i4"} | {
    (3, 16): "f2", (3, 32): "f4", (3, 64): "f8"
}  # fmt: skip
"""(sample format, bits) -> numpy's type."""
BAND_BYTES = 32_000_000
"""Bytes of samples that are unpacked at once, where the file's strips allow."""


class UnsupportedTiff(Exception):
    """The file is a TIFF of a kind that is not read here; the text says which."""


@dataclass(frozen=True)
class Layout:
    """How a TIFF's first picture is stored.

    Attributes:
        tags: The directory's entries.
        order: Byte order, "<" or ">".
        size: (width, height) in pixels.
        samples: Numbers of a pixel, alpha and others included.
        kind: numpy's type of a number, or "" where it is none of :data:`KINDS`.
        planar: Whether each sample has a plane of its own.
        directory: Place of the directory in the file.
        is_big: Whether it is a BigTIFF.
    """

    tags: ImageFileDirectory_v2
    order: str
    size: tuple[int, int]
    samples: int
    kind: str
    planar: bool
    directory: int
    is_big: bool

    @property
    def channels(self) -> int:
        """Colour channels, 0 where the colours are of a kind that is not read here."""
        return CHANNELS.get(self.tags.get(PHOTOMETRIC, -1), 0)

    @property
    def is_plain(self) -> bool:
        """Whether Pillow reads it rightly by itself."""
        return not self.kind or self.kind == "u1" or not self.channels or (self.kind == "u2" and not self.planar)

    @property
    def is_camera_raw(self) -> bool:
        """Whether it is a camera's raw file, whose first picture is a thumbnail."""
        return DNG_VERSION in self.tags


def layout_of(data: bytes) -> Layout | None:
    """Return how a file is stored, or None if it is no TIFF or its directory can't be read."""
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    try:
        big = 43 in data[2:4]
        tags = ImageFileDirectory_v2(data[: 16 if big else 8])
        stream = io.BytesIO(data)
        directory = tags.next
        stream.seek(directory)
        tags.load(stream)
        bits, formats = set(_all(tags, BITS, 1)), set(_all(tags, SAMPLE_FORMAT, 1))
        kind = KINDS.get((formats.pop(), bits.pop()), "") if len(bits) == len(formats) == 1 else ""
        size = (int(tags[WIDTH]), int(tags[HEIGHT]))
        samples = int(tags.get(SAMPLES, 1))
        planar = tags.get(PLANAR) == 2 and samples > 1
        return Layout(tags, "<" if data[:1] == b"I" else ">", size, samples, kind, planar, directory, big)
    except Exception:  # Damaged directories raise nearly anything; Pillow will say what it thinks of the file.
        return None


def read(data: bytes, layout: Layout, factor: int) -> np.ndarray:
    """Return a TIFF's samples, reduced on the way.

    Args:
        data: The file.
        layout: Of :func:`layout_of`.
        factor: Each ``factor`` x ``factor`` pixels become one.

    Returns:
        [H / factor, W / factor, C] with the colour channels and, where the file has it, unassociated alpha. Whole
        numbers as uint8, floats as float32 in the file's own range, NaN as 0.

    Raises:
        UnsupportedTiff: the layout or the compression is of a kind that is not read here.
        Exception: whatever Pillow raises on damaged data.
    """
    if not layout.kind or not layout.channels:
        raise UnsupportedTiff("its colors are stored in an uncommon way")
    photo = reduce_bands(_bands(data, layout), layout.size, factor)
    colors, alpha = photo[..., : layout.channels], _alpha(photo, layout)
    top = 255 if photo.dtype == np.uint8 else 1
    if layout.tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        colors = top - colors
    if alpha is None:
        return np.ascontiguousarray(colors)
    if _all(layout.tags, EXTRA_SAMPLES, 0)[0] == 1:  # Colours times alpha.
        colors = np.clip(colors / np.maximum(alpha / top, 1e-6), 0, None if top == 1 else top).astype(photo.dtype)
    return np.concatenate([colors, alpha], axis=2)


def _alpha(photo: np.ndarray, layout: Layout) -> np.ndarray | None:
    """Return the first extra sample where the file says that it is alpha."""
    extra = _all(layout.tags, EXTRA_SAMPLES, 0)
    if layout.samples <= layout.channels or not extra or extra[0] not in (1, 2):
        return None
    return photo[..., layout.channels : layout.channels + 1]


def _all(tags: ImageFileDirectory_v2, tag: int, default: int) -> list[int]:
    """Return a tag's values as a list; Pillow gives single ones without a tuple."""
    value = tags.get(tag, default)
    return [int(one) for one in value] if isinstance(value, (tuple, list)) else [int(value)]


def _bands(data: bytes, layout: Layout) -> Iterator[np.ndarray]:
    """Yield the picture's rows from top to bottom, [h, W, samples] uint8 or float32."""
    planes = layout.samples if layout.planar else 1
    pieces = _Pieces.of(data, layout)
    for first in range(0, pieces.rows, pieces.rows_a_band):
        rows = range(first, min(first + pieces.rows_a_band, pieces.rows))
        unpacked = [_samples(pieces.unpack(rows, plane), layout, pieces) for plane in range(planes)]
        band = unpacked[0] if planes == 1 else np.concatenate(unpacked, axis=2)
        height = min(len(rows) * pieces.height, layout.size[1] - first * pieces.height)
        yield _to_range(band[:height, : layout.size[0]])


@dataclass(frozen=True)
class _Pieces:
    """The strips or tiles of a file; strips are tiles as wide as the picture.

    Attributes:
        data: The file.
        layout: Its layout.
        width, height: Of a piece in pixels.
        columns, rows: How many pieces there are side by side and below each other.
        offsets, counts: Place and length of each in the file, plane by plane, row by row.
    """

    data: bytes
    layout: Layout
    width: int
    height: int
    columns: int
    rows: int
    offsets: list[int]
    counts: list[int]

    @classmethod
    def of(cls, data: bytes, layout: Layout) -> _Pieces:
        """Read the pieces' places from the directory."""
        tags, (width, height) = layout.tags, layout.size
        if TILE_WIDTH in tags:
            tile = (int(tags[TILE_WIDTH]), int(tags[TILE_HEIGHT]))
            offsets, counts = _all(tags, TILE_OFFSETS, 0), _all(tags, TILE_COUNTS, 0)
        else:
            tile = (width, min(height, int(tags.get(ROWS_PER_STRIP, height)) or height))
            offsets, counts = _all(tags, STRIP_OFFSETS, 0), _all(tags, STRIP_COUNTS, len(data))
        columns, rows = -(-width // tile[0]), -(-height // tile[1])
        planes = layout.samples if layout.planar else 1
        if min(len(offsets), len(counts)) < planes * columns * rows:
            raise UnsupportedTiff("its directory does not name all parts of the picture")
        pieces = cls(data, layout, *tile, columns, rows, offsets, counts)
        return pieces._split() if TILE_WIDTH not in tags and tags.get(COMPRESSION, 1) == 1 else pieces

    @property
    def row_bytes(self) -> int:
        """Bytes of a piece's row."""
        samples = 1 if self.layout.planar else self.layout.samples
        return self.width * samples * np.dtype(self.layout.kind).itemsize

    @property
    def rows_a_band(self) -> int:
        """Rows of pieces that are unpacked at once."""
        return max(1, BAND_BYTES // (self.row_bytes * self.columns * self.height))

    def _split(self) -> _Pieces:
        """Take long uncompressed strips apart, which files with a single strip need."""
        rows = max(1, BAND_BYTES // self.row_bytes)
        if self.height <= rows:
            return self
        planes = range(self.layout.samples if self.layout.planar else 1)
        offsets, counts = [], []
        for plane in planes:
            for strip in range(self.rows):
                start, height = self.offsets[plane * self.rows + strip], self.layout.size[1] - strip * self.height
                for top in range(0, min(self.height, height), rows):
                    offsets.append(start + top * self.row_bytes)
                    counts.append(min(rows, self.height - top, height - top) * self.row_bytes)
        if self.rows > 1 and self.height % rows:
            return self  # Pieces of unequal height: rare, and each strip alone is small enough then.
        return _Pieces(self.data, self.layout, self.width, rows, 1, len(counts) // len(planes), offsets, counts)

    def unpack(self, rows: range, plane: int) -> np.ndarray:
        """Return rows of pieces as bytes, [pixel rows, columns, bytes of a piece's row] uint8."""
        start = (plane * self.rows + rows.start) * self.columns
        chosen = range(start, start + len(rows) * self.columns)
        bodies = [self.data[self.offsets[one] : self.offsets[one] + self.counts[one]] for one in chosen]
        # A byte is declared as a grey pixel; pieces stay pieces, so that each is unpacked by itself.
        tags = {
            WIDTH: self.row_bytes * self.columns,
            HEIGHT: len(rows) * self.height,
            BITS: 8,
            COMPRESSION: int(self.layout.tags.get(COMPRESSION, 1)),
            PHOTOMETRIC: BLACK_IS_ZERO,
            FILL_ORDER: int(self.layout.tags.get(FILL_ORDER, 1)),
            SAMPLES: 1,
            PLANAR: 1,
        }
        tiled = TILE_WIDTH in self.layout.tags
        if tiled:
            tags |= {TILE_WIDTH: self.row_bytes, TILE_HEIGHT: self.height}
        else:
            tags[ROWS_PER_STRIP] = self.height
            tags[HEIGHT] = min(tags[HEIGHT], self.layout.size[1] - rows.start * self.height)
        places = (TILE_OFFSETS, TILE_COUNTS) if tiled else (STRIP_OFFSETS, STRIP_COUNTS)
        with Image.open(io.BytesIO(_small_tiff(tags, places, bodies))) as picture:
            grey = np.asarray(picture)
        return grey.reshape(len(grey), self.columns, self.row_bytes)


def _small_tiff(tags: dict[int, int], places: tuple[int, int], bodies: list[bytes]) -> bytes:
    """Return a little-endian TIFF of one directory with the given entries, its strips or tiles last."""
    entries = sorted([*tags, *places])
    table = 8 + 2 + 12 * len(entries) + 4
    lists = table + (8 * len(bodies) if len(bodies) > 1 else 0)
    starts, position = [], lists
    for body in bodies:
        starts.append(position)
        position += len(body)
    columns = {places[0]: starts, places[1]: [len(body) for body in bodies]}
    directory, extra = struct.pack("<H", len(entries)), b""
    for tag in entries:
        values = columns.get(tag, [tags.get(tag)])
        place = values[0] if len(values) == 1 else table + len(extra)
        extra += b"" if len(values) == 1 else struct.pack(f"<{len(values)}I", *values)
        directory += struct.pack("<HHII", tag, 4, len(values), place)
    return b"".join([struct.pack("<2sHI", b"II", 42, 8), directory, struct.pack("<I", 0), extra, *bodies])


def _samples(packed: np.ndarray, layout: Layout, pieces: _Pieces) -> np.ndarray:
    """Return the numbers in rows of bytes [h, columns, bytes], predictor undone: [h, W, samples of a pixel here]."""
    samples, kind = (1 if layout.planar else layout.samples), np.dtype(layout.order + layout.kind)
    predictor = int(layout.tags.get(PREDICTOR, 1))
    shape = (*packed.shape[:2], pieces.width, samples)
    if predictor == 3:
        # Bytes are differences along the row; then all first bytes, all second bytes and so on, big end first.
        rows = packed.reshape(*packed.shape[:2], -1, samples)
        summed = np.add.accumulate(rows, axis=2, dtype=np.uint8).reshape(*packed.shape[:2], kind.itemsize, -1)
        values = np.ascontiguousarray(np.moveaxis(summed, 2, 3)).view(kind.newbyteorder(">")).reshape(shape)
    elif predictor in (1, 2):
        values = np.ascontiguousarray(packed).view(kind).reshape(shape)
        if predictor == 2:
            whole = np.dtype(f"{layout.order}u{kind.itemsize}")
            added = np.add.accumulate(values.view(whole), axis=2, dtype=whole.newbyteorder("="))
            values = added.view(kind.newbyteorder("="))
    else:
        raise UnsupportedTiff(f"its predictor {predictor} is unknown")
    return values.reshape(len(packed), -1, samples)


def _to_range(values: np.ndarray) -> np.ndarray:
    """Return whole numbers as uint8 of their type's positive range, floats as finite float32."""
    if values.dtype.kind == "f":
        return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=float(np.finfo(np.float16).max), neginf=0.0)
    if values.dtype.itemsize == 1 and values.dtype.kind == "u":
        return values
    scale = np.float32(255 / np.iinfo(values.dtype).max)
    return np.rint(np.clip(values, 0, None).astype(np.float32) * scale).astype(np.uint8)
