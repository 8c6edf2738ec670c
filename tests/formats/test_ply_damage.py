"""Damaged and hostile PLY files end in named errors, at little cost."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plyfile import PlyElement

from core import formats
from core.errors import FormatError
from tests.helpers.gaussian import random_gaussians
from tests.helpers.ply import STANDARD, assert_same, code_of, element, raw_columns, written


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("x", np.nan, "ply-not-finite"),
        ("y", np.inf, "ply-not-finite"),
        ("f_dc_1", np.nan, "ply-not-finite"),
        ("f_rest_8", np.inf, "ply-not-finite"),
        ("rot_2", np.nan, "ply-not-finite"),
        ("opacity", np.nan, "ply-not-finite"),
        ("scale_0", np.nan, "ply-not-finite"),
        ("scale_0", np.inf, "ply-scale-range"),
        ("scale_2", 89.0, "ply-scale-range"),
    ],
)
def test_bad_numbers_are_named(name, value, code):
    columns = raw_columns(random_gaussians(5, 1))
    columns[name] = columns[name].astype("f8").copy()
    columns[name][3] = value
    sound = np.arange(5) != 3
    whole = formats.loads(written(element({key: column[sound] for key, column in columns.items()})))
    for text in (False, True):
        found = formats.reads(written(element(columns), text=text))
        assert_same(found.gaussians, whole)
        assert "1 of 5 splats left out" in found.notes[0]
    columns[name][:3] = value
    for text in (False, True):
        assert code_of(written(element(columns), text=text)) == code


def test_a_splat_without_a_size_does_not_hide_another_of_infinite_size():
    columns = raw_columns(random_gaussians(5))
    columns["scale_0"] = columns["scale_0"].copy()
    columns["scale_0"][[1, 3]] = np.nan, 89
    found = formats.reads(written(element(columns)))
    assert_same(found.gaussians, random_gaussians(5).select([0, 2, 4]))
    assert "2 of 5 splats left out" in found.notes[0]


def test_values_beyond_float32_are_named():
    columns = raw_columns(random_gaussians(5)) | {"z": np.full(5, 1e300)}
    assert code_of(written(element(columns, dtype="f8"))) == "ply-not-finite"


def test_zero_quaternions_are_named_and_long_ones_normalised():
    gaussians = random_gaussians(5)
    columns = raw_columns(gaussians)
    long = columns | {f"rot_{i}": columns[f"rot_{i}"] * 1e30 for i in range(4)}
    assert_same(gaussians, formats.loads(written(element(long))))
    some = columns | {f"rot_{i}": columns[f"rot_{i}"] * np.array([1, 0, 1, 1, 1]) for i in range(4)}
    found = formats.reads(written(element(some)))
    assert_same(found.gaussians, gaussians.select([0, 2, 3, 4]))
    assert "1 of 5 splats left out: 1 without a rotation" in found.notes[0]
    most = columns | {f"rot_{i}": columns[f"rot_{i}"] * np.array([1, 0, 0, 0, 1]) for i in range(4)}
    assert code_of(written(element(most))) == "ply-zero-quaternion"


def test_files_whose_end_was_never_written_are_refused():
    """Downloads that were cut off, in files that had their full size from the start."""
    data = written(element(raw_columns(random_gaussians(10))))
    for rows in (1, 4, 9, 10):
        size = rows * 14 * 4
        assert code_of(data[:-size] + bytes(size)) == "ply-truncated"


@pytest.mark.parametrize(
    ("remove", "code"),
    [
        (["z"], "ply-missing-property"),
        (["opacity"], "ply-missing-property"),
        (["rot_3"], "ply-missing-property"),
        (["f_dc_0", "f_dc_1", "f_dc_2"], "ply-missing-property"),
        (["f_rest_4"], "ply-missing-property"),
        (["opacity", *(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))], "ply-not-splats"),
    ],
)
def test_missing_properties_are_named(remove, code):
    columns = raw_columns(random_gaussians(3, 1))
    for name in remove:
        del columns[name]
    assert code_of(written(element(columns))) == code


def test_unknown_number_of_harmonics_is_named():
    columns = raw_columns(random_gaussians(3, 3)) | {f"f_rest_{i}": np.ones(3) for i in range(45, 71)}
    assert code_of(written(element(columns))) == "ply-missing-property"
    columns |= {f"f_rest_{i}": np.ones(3) for i in range(300)}
    assert code_of(written(element(columns))) == "ply-missing-property"


def test_meshes_points_and_halves_of_compressed_files_are_told_apart():
    points = {"x": np.zeros(3), "y": np.zeros(3), "z": np.zeros(3), "red": np.zeros(3)}
    assert code_of(written(element(points))) == "ply-not-splats"
    assert code_of(written(element(points, "point"))) == "ply-not-splats"
    packed = {"packed_position": np.zeros(3), "packed_scale": np.zeros(3)}
    assert code_of(written(element(packed))) == "ply-missing-property"
    data = formats.dumps(random_gaussians(1)).replace(b"property float nx", b"property list uchar int nx")
    assert code_of(data) == "ply-unsupported"


HEADERS = [
    (b"", "ply-header"),
    (b"\x89PNG\r\n", "ply-header"),
    (b"ply", "ply-header"),
    (b"ply\nformat binary_little_endian 1.0\n", "ply-header"),
    (b"ply\nelement vertex 1\nproperty float opacity\nend_header\n", "ply-header"),
    (b"ply\nformat binary_middle_endian 1.0\nend_header\n", "ply-header"),
    (b"ply\nformat ascii 1.0\nformat ascii 1.0\nend_header\n", "ply-header"),
    (b"ply\nformat ascii 1.0\nproperty float x\nend_header\n", "ply-header"),
    (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty quad x\nend_header\n", "ply-header"),
    (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty list float int x\nend_header\n", "ply-header"),
    (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty int x\nend_header\n", "ply-header"),
    (b"ply\nformat ascii 1.0\nelement vertex 1\nelement vertex 1\nend_header\n", "ply-header"),
    (b"ply\nformat ascii 1.0\nelement vertex -1\nend_header\n", "ply-count"),
    (b"ply\nformat ascii 1.0\nelement vertex 1e3\nend_header\n", "ply-count"),
    (b"ply\nformat ascii 1.0\nelement vertex \xc2\xb2\nend_header\n", "ply-count"),
    (b"ply\nformat ascii 1.0\nelement vertex " + b"9" * 5000 + b"\nend_header\n", "ply-count"),
    (b"ply\nformat ascii 1.0\nend_header\n", "ply-not-splats"),
    (b"ply\ncomment " + b"x" * 300_000 + b"\nformat ascii 1.0\nend_header\n", "ply-header"),
]


@pytest.mark.parametrize(("data", "code"), HEADERS, ids=range(len(HEADERS)))
def test_broken_headers_are_named(data, code):
    assert code_of(data) == code


@pytest.mark.parametrize("text", [False, True])
def test_truncated_files_are_named(text):
    data = written(element(raw_columns(random_gaussians(6))), text=text)
    start = data.index(b"end_header\n") + len(b"end_header\n")
    cuts = range(start, len(data))
    if text:
        # Only between numbers: a cut through one may leave another number, or a lone sign.
        cuts = [cut for cut in cuts[:-1] if data[cut : cut + 1].isspace()]
    assert {code_of(data[:cut]) for cut in cuts} == {"ply-truncated"}


@pytest.mark.parametrize("count", [1000, 10**9, 10**18 - 1])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("victim", ["vertex", "before", "list"])
def test_hostile_counts_cost_nothing(count, text, victim):
    vertex = element(raw_columns(random_gaussians(6)))
    before = element({"a": np.zeros(6)}, "before")
    rows = np.empty(6, [("list", "O")])
    rows["list"] = [np.zeros(2, "f8")] * 6
    lists = PlyElement.describe(rows, "list", len_types={"list": "i4"}, val_types={"list": "f8"})
    data = written(before, lists, vertex, text=text)
    data = data.replace(f"element {victim} 6".encode(), f"element {victim} {count}".encode())
    tracemalloc.start()
    try:
        code = code_of(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert code == "ply-truncated"
    assert peak < 300_000


def test_hostile_list_lengths_are_named():
    head = b"ply\nformat binary_little_endian 1.0\nelement face 2\nproperty list int double i\nelement vertex 0\n"
    properties = b"".join(b"property float " + name.encode() + b"\n" for name in STANDARD)
    for length in (b"\xff\xff\xff\x7f", b"\x03\x00\x00\x00", b""):
        assert code_of(head + properties + b"end_header\n" + length) == "ply-truncated"


def test_words_among_the_numbers_are_named():
    data = written(element(raw_columns(random_gaussians(3))), text=True)
    start = data.index(b"end_header\n") + len(b"end_header\n")
    assert code_of(data[:start] + b"hello " + data[start:]) == "ply-body"
    columns = raw_columns(random_gaussians(3)) | {"label": np.array([1, 2, 3], "u1")}
    data = written(element(columns, dtype=None), text=True)
    assert data.endswith(b" 3\n")
    for value in (b"x", b"300", b"-1", b"nan"):
        assert code_of(data[:-2] + value + b"\n") == "ply-body"


def _specimens() -> list[bytes]:
    """Valid files of every layout, to be damaged."""
    gaussians = random_gaussians(6, 1, parts=np.arange(6))
    faces = np.empty(2, [("list", "O")])
    faces["list"] = [np.arange(3, dtype="i4")] * 2
    lists = PlyElement.describe(faces, "face")
    vertex = element(raw_columns(gaussians))
    return [
        formats.dumps(gaussians),
        written(lists, vertex, byte_order=">"),
        written(lists, vertex, text=True),
    ]


SPECIMENS = _specimens()
TOKENS = [b"\n", b"\r", b" ", b"0", b"9", b"-", b"nan", b"inf", b"list ", b"uchar", b"double", b"end_header\n", b"\xff"]
TOKENS += [b"element vertex 6", b"property float x\n", b"\x00", b"999999999"]
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8))),
    min_size=1,
    max_size=4,
)


@settings(max_examples=600)
@given(specimen=st.sampled_from(SPECIMENS), edits=EDITS, header_only=st.booleans())
def test_damaged_files_end_in_format_errors_and_little_memory(specimen, edits, header_only):
    data = specimen
    for place, remove, insert in edits:
        reach = data.find(b"end_header") + 12 if header_only else len(data)
        at = int(place * reach)
        data = data[:at] + insert + data[at + remove :]
    tracemalloc.start()
    try:
        gaussians = formats.loads(data)
    except FormatError:
        pass
    else:
        for name in ("means", "scales", "rotations", "opacities", "sh"):
            assert np.isfinite(getattr(gaussians, name)).all()
        assert ((gaussians.opacities >= 0) & (gaussians.opacities <= 1)).all()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 400_000 + 20 * len(data)


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_noise_after_the_magic_word_ends_in_format_errors(noise):
    for data in (noise, b"ply\n" + noise, b"ply\nformat ascii 1.0\n" + noise + b"\nend_header\n"):
        with pytest.raises(FormatError):
            formats.loads(data)


def test_memory_of_reading_is_a_small_multiple_of_the_file():
    gaussians = random_gaussians(20_000, 1)
    columns = {name: np.zeros(20_000, "i1") for name in raw_columns(gaussians)} | {"rot_0": np.ones(20_000, "i1")}
    shortest_text = written(element(columns, dtype=None), text=True)
    for data, multiple in ((formats.dumps(gaussians), 4), (shortest_text, 16)):
        tracemalloc.start()
        try:
            formats.loads(data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < multiple * len(data) + 4_000_000
