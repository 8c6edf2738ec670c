"""What an SPZ file holds: its headers, and the bytes that each attribute takes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ...errors import FormatError
from ..assembly import check_count
from ..axes import Axes

KIND = "spz"
MAGIC = 0x5053474E
"""The bytes NGSP."""
MAX_FILE_DEGREE = 4
"""Degree of harmonics that files may have; degree 4 is skipped."""

_COMMON = struct.Struct("<IIIBBBB")
"""magic, version, count, degree, fractional bits, flags, and: reserved (2, 3) or number of streams (4)."""
_STREAMED_REST = struct.Struct("<I12x")
"""Version 4 only: where the table of contents begins."""
GZIP_HEADER_SIZE = _COMMON.size
STREAMED_HEADER_SIZE = _COMMON.size + _STREAMED_REST.size
ENTRY = struct.Struct("<QQ")
"""An entry of version 4's table of contents: packed and unpacked bytes of a stream."""
GZIP_VERSIONS, STREAMED_VERSIONS = (2, 3), (4,)
_HAS_EXTENSIONS = 0x2
"""A flag: records follow, after the attributes (2, 3) or before the table of contents (4)."""
_RECORD = struct.Struct("<II")
"""Before each record: its type, and the bytes that it takes."""
_COORDINATE_SYSTEM = 0xADBE0003
"""SPZ_ADOBE_coordinate_system: the number of the frame that the attributes are stored in."""
_FRAMES = tuple(map(Axes, "RUB LDB RDB LUB RUB LDF RDF LUF RUF LFD RFD LFU RFU LBD RBD LBU RBU".split()))
"""By number; 0 is unspecified, which means the format's own. Source: the library's splat-types.h."""
MAX_EXTENSION_BYTES = 1 << 16
"""What is looked at of the records; those known take a few bytes."""


@dataclass(frozen=True)
class Header:
    """The facts of a file's header.

    Attributes:
        version: 2, 3 or 4.
        count: Number of splats.
        degree: Degree of the harmonics, 0..4.
        fractional_bits: Positions are whole numbers of 2^-fractional_bits.
        has_extensions: Whether records follow.
    """

    version: int
    count: int
    degree: int
    fractional_bits: int
    has_extensions: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of positions, alphas, colours, scales, rotations and higher harmonics, in that order."""
        rotation = 3 if self.version == 2 else 4
        return tuple(self.count * width for width in (9, 1, 3, 3, rotation, 3 * ((self.degree + 1) ** 2 - 1)))

    def packed_alone(self) -> bytes:
        """Return the 16 bytes before the attributes of versions 2 and 3."""
        return _COMMON.pack(MAGIC, self.version, self.count, self.degree, self.fractional_bits, 0, 0)

    def packed_streamed(self, streams: int) -> bytes:
        """Return version 4's 32 bytes, for a table of contents that follows at once."""
        common = _COMMON.pack(MAGIC, self.version, self.count, self.degree, self.fractional_bits, 0, streams)
        return common + _STREAMED_REST.pack(STREAMED_HEADER_SIZE)


def parse(head: bytes, available: int) -> Header:
    """Read the part of the header that all versions share.

    Args:
        head: The first bytes.
        available: Bytes of the packed file, against which the number of splats is checked.

    Raises:
        FormatError: "spz-header", "spz-version", "spz-too-large".
    """
    if len(head) < _COMMON.size:
        raise broken("its header is cut off")
    magic, version, count, degree, bits, flags, _ = _COMMON.unpack_from(head)
    if magic != MAGIC:
        raise broken("it doesn't begin as SPZ files do")
    if version not in (*GZIP_VERSIONS, *STREAMED_VERSIONS):
        raise FormatError(
            f"This SPZ file is of version {version}; versions 2 to 4 can be read here.",
            "Save it again with a newer program." if version < 2 else "Save it again as version 3 or 4.",
            code="spz-version",
            version=version,
        )
    if degree > MAX_FILE_DEGREE or bits > 24:
        raise broken("its header makes no sense")
    header = Header(version, count, degree, bits, bool(flags & _HAS_EXTENSIONS))
    check_count(KIND, count, sum(header.sizes), available)
    return header


def frame(records: bytes) -> tuple[Axes, tuple[str, ...]]:
    """Return the frame that a file's extension records name, the format's own if none does, and notes.

    Damaged records, like those of unknown kinds, are skipped: the splats are whole without them.
    """
    offset = 0
    while offset + _RECORD.size <= len(records):
        kind, size = _RECORD.unpack_from(records, offset)
        offset += _RECORD.size
        if kind == _COORDINATE_SYSTEM and size == 4 and offset + size <= len(records):
            number = int.from_bytes(records[offset : offset + size], "little")
            if number < len(_FRAMES):
                return _FRAMES[number], ()
            return Axes.RUB, (f"The file names a coordinate system that is not known ({number}): +Y is taken for up.",)
        offset += size
    return Axes.RUB, ()


def stream_table(data: bytes) -> tuple[int, int]:
    """Return version 4's number of streams and where its table of contents begins.

    Raises:
        FormatError: "spz-header".
    """
    if len(data) < STREAMED_HEADER_SIZE:
        raise broken("its header is cut off")
    streams = _COMMON.unpack_from(data)[-1]
    (table,) = _STREAMED_REST.unpack_from(data, _COMMON.size)
    if table < STREAMED_HEADER_SIZE or table + streams * ENTRY.size > len(data):
        raise broken("its table of contents is missing")
    return streams, table


def broken(what: str) -> FormatError:
    """Return the error for a header that is none."""
    return FormatError(f"This is no SPZ file, or it is damaged: {what}.", "Export it again.", code="spz-header")


def truncated() -> FormatError:
    """Return the error for a file with fewer splats than it announces."""
    return FormatError(
        "The SPZ file is cut off: it holds fewer splats than it announces.",
        "Copy or download the file again.",
        code="spz-truncated",
    )


def undecodable() -> FormatError:
    """Return the error for packed data that can't be unpacked."""
    return FormatError(
        "The SPZ file is damaged: its packed data can't be unpacked.",
        "Copy or download the file again.",
        code="spz-compression",
    )
