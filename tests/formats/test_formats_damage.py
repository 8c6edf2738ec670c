"""Damaged and hostile files of every format: named errors, little memory."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import formats
from core.errors import FormatError
from tests.helpers.format import code_of, peak_of
from tests.helpers.gaussian import random_gaussians

GAUSSIANS = random_gaussians(12, 1, parts=np.arange(12) % 8)
ELSEWHERE = ("ply", "usdc", "usda", "usdz")
"""Formats whose damage has tests of its own: ``test_ply_damage``, ``test_formats_usd``."""
SUFFIXES = tuple(kind.suffixes[0] for kind in formats.FORMATS if kind.id not in ELSEWHERE)


def _specimens() -> list[tuple[str, bytes]]:
    found = [(suffix, formats.dumps(GAUSSIANS, suffix)) for suffix in SUFFIXES]
    found += [(".spz", formats.dumps(GAUSSIANS, ".spz", version=version)) for version in (2, 4)]
    # The body of the gzip files in the open: damage then reaches what lies behind the decompressor.
    return [*found, (".spz raw", gzip.decompress(formats.dumps(GAUSSIANS, ".spz")))]


SPECIMENS = _specimens()
TOKENS = [
    b"\x00",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\xc0\x7f",
    b"0",
    b"-1",
    b"1e99",
    b"null",
]
TOKENS += [b"[]", b"{}", b'"a"', b"[[", b",", b"999999999", b"true", b"NaN"]
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8))),
    min_size=1,
    max_size=3,
)


def _read_bounded(data: bytes, suffix: str) -> None:
    """Read; anything but a FormatError or finite splats fails, as does memory beyond a multiple of the file."""
    tracemalloc.start()
    try:
        gaussians = formats.loads(data, suffix)
    except FormatError as error:
        assert error.code != FormatError.code
    else:
        for name in ("means", "scales", "rotations", "opacities", "sh"):
            assert np.isfinite(getattr(gaussians, name)).all()
        assert (gaussians.scales > 0).all()
        np.testing.assert_allclose(np.linalg.norm(gaussians.rotations, axis=1), 1, atol=1e-5)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2_000_000 + 20 * len(data)


@settings(max_examples=800)
@given(specimen=st.sampled_from(SPECIMENS), edits=EDITS, cut=st.one_of(st.none(), st.floats(0, 1)))
def test_damaged_files_end_in_format_errors_and_little_memory(specimen, edits, cut):
    suffix, data = specimen
    for place, remove, insert in edits:
        at = int(place * len(data))
        data = data[:at] + insert + data[at + remove :]
    data = data[: int(cut * len(data))] if cut is not None else data
    if suffix == ".spz raw":
        suffix, data = ".spz", gzip.compress(data)
    _read_bounded(data, suffix)


@settings(max_examples=400)
@given(
    place=st.integers(0, 400),
    value=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2**70),
        st.floats(),
        st.text(max_size=4),
        st.just([]),
        st.just({}),
        st.just([0, "a", None]),
    ),
)
def test_wrong_values_in_gltf_descriptions_end_in_format_errors(place, value):
    root = json.loads(formats.dumps(GAUSSIANS, ".gltf"))
    places = []

    def visit(node):
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                visit(node[key])

    visit(root)
    node, key = places[place % len(places)]
    node[key] = value
    _read_bounded(json.dumps(root).encode(), ".gltf")


@settings(max_examples=150)
@given(st.sampled_from(SUFFIXES), st.binary(max_size=200))
def test_noise_ends_in_format_errors(suffix, noise):
    marks = {
        ".spz": (b"", b"\x1f\x8b", b"NGSP\x04\0\0\0"),
        ".glb": (b"", b"glTF\x02\0\0\0"),
        ".gltf": (b"", b'{"asset":'),
    }
    for mark in marks.get(suffix, (b"ply\n",) if suffix.endswith("ply") else (b"",)):
        data = mark + noise
        if suffix == ".splat" and len(data) % 32 == 0:
            data += b"x"
        with pytest.raises(FormatError):
            formats.loads(data, suffix)


def test_splat_files_are_checked():
    good = formats.dumps(GAUSSIANS, ".splat")
    assert code_of(b"", ".splat") == code_of(good[:-1], ".splat") == "splat-size"
    for place, value, code in (
        (0, np.float32(np.nan).tobytes(), "splat-not-finite"),
        (12, np.float32(-1).tobytes(), "splat-scale-range"),
        (28, b"\x80" * 4, "splat-zero-quaternion"),
    ):
        row = good[:place] + value + good[place + 4 : 32]
        assert code_of(row * 12, ".splat") == code
        found = formats.reads(row + good[32:], ".splat")
        assert len(found.gaussians) == 11 and "1 of 12 splats left out" in found.notes[0]


def test_gltf_files_that_multiply_their_splats_are_refused():
    gaussians = random_gaussians(20_000)
    root = json.loads(formats.dumps(gaussians, ".gltf"))
    root["nodes"] = [{"mesh": 0, "translation": [i, 0, 0]} for i in range(10_000)]
    root["scenes"] = [{"nodes": list(range(10_000))}]
    data = json.dumps(root).encode()
    assert code_of(data, ".gltf") == "gltf-too-large"
    assert peak_of(data, ".gltf") < 20 * len(data)


def test_deep_and_cyclic_gltf_files_are_named():
    assert code_of(b"[" * 200_000, ".gltf") == "gltf-damaged"
    assert code_of(b'{"asset":{"version":"1.0"}}', ".gltf") == "gltf-unsupported"
    assert code_of(b'{"asset":{"version":"2.0"}}', ".gltf") == "gltf-not-splats"
    root = json.loads(formats.dumps(GAUSSIANS, ".gltf"))
    root["nodes"] = [{"children": [1]}, {"children": [0], "mesh": 0}]
    assert code_of(json.dumps(root).encode(), ".gltf") == "gltf-damaged"
    root["nodes"] = [{"mesh": 0, "scale": [0, 0, 0]}]
    assert code_of(json.dumps(root).encode(), ".gltf") == "gltf-damaged"


def test_a_missing_usd_library_is_named(monkeypatch, tmp_path):
    """A package that can't be imported stands before the real one, here and in the reading process."""
    (tmp_path / "pxr").mkdir()
    (tmp_path / "pxr" / "__init__.py").write_text("raise ImportError")
    for name in [name for name in sys.modules if name == "pxr" or name.startswith("pxr.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    assert code_of(b"#usda 1.0\n", ".usda") == "usd-missing"
    with pytest.raises(FormatError) as caught:
        formats.dumps(GAUSSIANS, ".usda")
    assert caught.value.code == "usd-missing" and "usd-core" in caught.value.advice


def test_what_is_missing_for_usd_is_named(monkeypatch):
    """Which Python has no package, and where one comes from; not another Blender."""
    for name in [name for name in sys.modules if name.startswith("pxr.")]:
        monkeypatch.delitem(sys.modules, name)
    # What Python itself notes when a module can't be imported.
    monkeypatch.setitem(sys.modules, "pxr", None)
    for action in (lambda: formats.loads(b"#usda 1.0\n", ".usda"), lambda: formats.dumps(GAUSSIANS, ".usdc")):
        with pytest.raises(FormatError) as caught:
            action()
        assert caught.value.code == "usd-missing"
        assert "pxr" in caught.value.message and sys.executable in caught.value.message
        assert "usd-core" in caught.value.advice and ".glb" in caught.value.advice


@pytest.mark.parametrize("suffix", (".spz", ".glb", ".splat", ".compressed.ply"))
def test_memory_of_reading_is_a_small_multiple_of_what_is_read(suffix):
    gaussians = random_gaussians(20_000, 1)
    data = formats.dumps(gaussians, suffix)
    size = sum(getattr(gaussians, name).nbytes for name in ("means", "scales", "rotations", "opacities", "sh", "parts"))
    tracemalloc.start()
    try:
        formats.loads(data, suffix)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * size + 2_000_000


def test_compressed_ply_files_are_checked():
    good = formats.dumps(GAUSSIANS, ".compressed.ply")
    for old, new, code in (
        (b"element chunk 1", b"element chunk 0", "ply-body"),
        (b"element vertex 12", b"element vertex 13", "ply-body"),
        (b"element sh 12", b"element sh 11", "ply-body"),
        (b"element sh 12", b"element sh 99", "ply-body"),
        (b"property uchar f_rest_8\n", b"", "ply-body"),
        (b"property float max_scale_z\n", b"", "ply-missing-property"),
        (b"property uint packed_color\n", b"", "ply-missing-property"),
        (b"element chunk 1", b"element lump 1", "ply-missing-property"),
    ):
        assert old in good
        assert code_of(good.replace(old, new), ".ply") == code
    body = good.index(b"end_header\n") + 11
    assert code_of(good[: body + 20], ".ply") == "ply-truncated"
    # The bounds of the only chunk.
    assert code_of(good[:body] + np.float32(np.inf).tobytes() + good[body + 4 :], ".ply") == "ply-not-finite"


def test_compressed_ply_without_color_bounds_is_read():
    """As SuperSplat 1 wrote them: colours lie between 0 and 1."""
    gaussians = random_gaussians(5)
    data = formats.dumps(gaussians, ".compressed.ply")
    head, body = data.split(b"end_header\n", 1)
    for name in ("min_r", "min_g", "min_b", "max_r", "max_g", "max_b"):
        head = head.replace(f"property float {name}\n".encode(), b"")
    colors = formats.loads(head + b"end_header\n" + body[:48] + body[72:]).colors
    low, high = gaussians.colors.min(axis=0), gaussians.colors.max(axis=0)
    shares = (formats.loads(data).colors - low) / (high - low)
    np.testing.assert_allclose(colors, shares, atol=1e-5)


def test_broken_streams_when_writing_reach_the_caller():
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    for suffix in SUFFIXES:
        kind = formats.format_of(suffix)
        with pytest.raises(OSError):
            kind.encode(GAUSSIANS, Full())


def test_embedded_buffers_are_checked():
    root = json.loads(formats.dumps(GAUSSIANS, ".gltf"))
    for uri in (
        "data:application/octet-stream;base64,###",
        "data:,abc",
        "data:;base64," + base64.b64encode(b"x").decode(),
    ):
        root["buffers"][0]["uri"] = uri
        assert code_of(json.dumps(root).encode(), ".gltf") == "gltf-damaged"
