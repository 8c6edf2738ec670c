"""SPZ files that lie about themselves: headers, sizes, bombs."""

from __future__ import annotations

import gzip
import struct
import sys
import tracemalloc
import zlib

import numpy as np
import pytest

from core import formats
from core.errors import FormatError
from core.formats import spz
from core.formats.spz import zstd
from tests.helpers.format import code_of, peak_of
from tests.helpers.gaussian import random_gaussians

GAUSSIANS = random_gaussians(12, 1, parts=np.arange(12) % 8)


def _spz(container: int, **header: int) -> bytes:
    """An SPZ file whose header says something else than its body."""
    if container == 4:
        data = bytearray(formats.dumps(GAUSSIANS, ".spz", version=4))
    else:
        data = bytearray(gzip.decompress(formats.dumps(GAUSSIANS, ".spz", version=container)))
    places = {"magic": (0, "<I"), "version": (4, "<I"), "count": (8, "<I"), "degree": (12, "B"), "bits": (13, "B")}
    for name, value in header.items():
        struct.pack_into(places[name][1], data, places[name][0], value)
    return bytes(data) if container == 4 else gzip.compress(bytes(data))


@pytest.mark.parametrize("container", (3, 4))
def test_spz_headers_are_checked(container):
    for header, code in (
        ({"magic": 1}, "spz-header"),
        ({"version": 9}, "spz-version"),
        ({"version": 1}, "spz-version"),
        ({"degree": 5}, "spz-header"),
        ({"bits": 25}, "spz-header"),
        ({"count": 2**32 - 1}, "spz-too-large"),
        ({"count": 13}, "spz-truncated" if container == 3 else "spz-header"),
    ):
        assert code_of(_spz(container, **header), ".spz") == code
    assert code_of(b"ply\n", ".spz") == "spz-header"


def test_cut_and_altered_spz_files_are_named():
    for version in spz.VERSIONS:
        good = formats.dumps(GAUSSIANS, ".spz", version=version)
        for length in (1, 5, 20, len(good) // 2, len(good) - 9, len(good) - 1):
            assert code_of(good[:length], ".spz") in ("spz-truncated", "spz-header", "spz-compression")
    gzipped = bytearray(formats.dumps(GAUSSIANS, ".spz"))
    gzipped[-6] ^= 1
    assert code_of(bytes(gzipped), ".spz") == "spz-compression"
    streamed = formats.dumps(GAUSSIANS, ".spz", version=4)
    start = 32 + 6 * 16
    assert code_of(streamed[:start] + b"\0\0\0\0" + streamed[start + 4 :], ".spz") == "spz-compression"


def test_extensions_and_degree_four_of_spz_are_skipped():
    plain = gzip.decompress(formats.dumps(GAUSSIANS, ".spz"))
    expected = formats.loads(formats.dumps(GAUSSIANS, ".spz"), ".spz")
    extended = bytearray(plain + struct.pack("<II4s", 0xADBE0002, 4, b"abcd"))
    extended[14] |= 2
    np.testing.assert_array_equal(formats.loads(gzip.compress(bytes(extended)), ".spz").sh, expected.sh)
    body, higher = plain[: 16 + 12 * 20], np.full((12, 24, 3), 128, np.uint8)
    higher[:, :3] = np.frombuffer(plain[16 + 12 * 20 :], np.uint8).reshape(12, 3, 3)
    higher[:, 15:] = 7
    deep = bytearray(body + higher.tobytes())
    deep[12] = 4
    found = formats.loads(gzip.compress(bytes(deep)), ".spz")
    assert found.sh_degree == 3
    np.testing.assert_array_equal(found.sh[:, :4], expected.sh)
    assert not found.sh[:, 4:].any()
    streamed = formats.dumps(GAUSSIANS, ".spz", version=4)
    moved = bytearray(streamed[:32] + struct.pack("<II4s", 0xADBE0002, 4, b"abcd") + streamed[32:])
    moved[14] |= 2
    struct.pack_into("<I", moved, 16, 44)
    np.testing.assert_array_equal(formats.loads(bytes(moved), ".spz").sh, expected.sh)


def test_bombs_are_defused():
    """A few kilobytes that would unpack to gigabytes, with headers that announce them and without."""
    count = 60_000_000
    header = struct.pack("<IIIBBBB", 0x5053474E, 3, count, 0, 12, 0, 0)
    engine = zlib.compressobj(9, wbits=31)
    bomb = engine.compress(header) + engine.compress(bytes(50_000_000)) + engine.flush()
    assert code_of(bomb, ".spz") == "spz-too-large" and peak_of(bomb, ".spz") < 1_000_000
    # The header is honest about twelve splats; what follows is never unpacked.
    engine = zlib.compressobj(9, wbits=31)
    modest = gzip.decompress(formats.dumps(GAUSSIANS, ".spz"))
    long = engine.compress(modest) + engine.compress(bytes(50_000_000)) + engine.flush()
    tracemalloc.start()
    assert len(formats.loads(long, ".spz")) == 12
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    # Streams of version 4: announced by the header, or larger than their table of contents says.
    streams = [count * 9, count, count * 3, count * 3, count * 4]
    head = struct.pack("<IIIBBBBI12x", 0x5053474E, 4, count, 0, 12, 0, 5, 32)
    table = b"".join(struct.pack("<QQ", 10, size) for size in streams)
    assert peak_of(head + table + bytes(50), ".spz") < 1_000_000
    good = formats.dumps(GAUSSIANS.replace(sh=GAUSSIANS.sh[:, :1]), ".spz", version=4)
    packed = zstd.compress(bytes(50_000_000))
    first = struct.unpack_from("<Q", good, 32)[0]
    swapped = good[:32] + struct.pack("<Q", len(packed)) + good[40 : 32 + 80] + packed + good[32 + 80 + first :]
    tracemalloc.start()
    assert len(formats.loads(swapped, ".spz")) == 12
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


def test_a_missing_zstd_library_is_named(monkeypatch):
    data = formats.dumps(GAUSSIANS, ".spz", version=4)
    for name in ("zstandard", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    assert code_of(data, ".spz") == "zstd-missing"
    with pytest.raises(FormatError) as caught:
        formats.dumps(GAUSSIANS, ".spz", version=4)
    assert caught.value.code == "zstd-missing" and "version 3" in caught.value.advice
    assert len(formats.loads(formats.dumps(GAUSSIANS, ".spz"), ".spz")) == 12
