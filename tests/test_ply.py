"""PLY files: round trips and files of other writers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plyfile import PlyData, PlyElement

from core import formats
from core.parts import Part
from tests.gaussian_helpers import random_gaussians
from tests.ply_helpers import STANDARD, assert_same, element, raw_columns, written


@pytest.mark.parametrize("degree", range(4))
def test_round_trip(degree, tmp_path):
    parts = np.arange(300) % len(Part)
    gaussians = random_gaussians(300, degree, parts=parts, extras={"confidence": np.linspace(0, 1, 300, dtype="f4")})
    formats.save(gaussians, tmp_path / "head.PLY")
    back = formats.load(tmp_path / "head.PLY")
    assert_same(gaussians, back)
    assert list(back.extras) == ["confidence"]
    np.testing.assert_array_equal(back.extras["confidence"], gaussians.extras["confidence"])
    assert back.extras["confidence"].dtype == np.float32


@settings(max_examples=80)
@given(
    degree=st.integers(0, 3),
    layout=st.sampled_from([("<", False), (">", False), ("=", True)]),
    dtype=st.sampled_from(["f4", "f8"]),
    shuffle=st.randoms(use_true_random=False),
    count=st.integers(0, 30),
)
def test_any_order_type_and_endianness(degree, layout, dtype, shuffle, count):
    gaussians = random_gaussians(max(count, 1), degree, seed=count).select(slice(0, count))
    names = list(raw_columns(gaussians))
    shuffle.shuffle(names)
    columns = {name: raw_columns(gaussians)[name] for name in names}
    data = written(element(columns, dtype=dtype), text=layout[1], byte_order=layout[0])
    back = formats.loads(data)
    if count:
        assert_same(gaussians, back)
    assert len(back) == count


def test_written_file_is_what_inria_writes():
    gaussians = random_gaussians(50, 3)
    vertex = PlyData.read(io.BytesIO(formats.dumps(gaussians)))["vertex"]
    names = [item.name for item in vertex.properties]
    assert names == STANDARD[:9] + [f"f_rest_{i}" for i in range(45)] + STANDARD[9:]
    assert {item.val_dtype for item in vertex.properties} == {"f4"}
    for name, column in raw_columns(gaussians).items():
        np.testing.assert_allclose(vertex[name], column, rtol=2e-6, atol=1e-6)
    assert not any(vertex[name].any() for name in ("nx", "ny", "nz"))


def test_degree_zero_header():
    header = formats.dumps(random_gaussians(7)).split(b"end_header\n")[0].decode().splitlines()
    assert header == ["ply", "format binary_little_endian 1.0", "element vertex 7"] + [
        f"property float {name}" for name in STANDARD
    ]


def test_facelift_file(shared):
    """FaceLift's writer: 8-bit colours among the floats, no normals, 45 zero harmonics."""
    path = shared / "facelift-parity" / "parity-tiny.ply"
    gaussians = formats.load(path)
    vertex = PlyData.read(path)["vertex"]
    assert len(gaussians) == len(vertex["x"]) and gaussians.sh_degree == 0
    np.testing.assert_array_equal(gaussians.means, np.stack([vertex[name] for name in "xyz"], axis=1))
    np.testing.assert_array_equal(gaussians.sh[:, 0], np.stack([vertex[f"f_dc_{i}"] for i in range(3)], axis=1))
    np.testing.assert_allclose(gaussians.opacities, 1 / (1 + np.exp(-vertex["opacity"].astype("f8"))), rtol=1e-6)
    scales = np.exp(np.stack([vertex[f"scale_{i}"] for i in range(3)], axis=1).astype("f8"))
    np.testing.assert_allclose(gaussians.scales, scales, rtol=1e-6)
    rotations = np.stack([vertex[f"rot_{i}"] for i in range(4)], axis=1).astype("f8")
    rotations /= np.linalg.norm(rotations, axis=1, keepdims=True)
    np.testing.assert_allclose(gaussians.rotations, rotations, atol=1e-7)
    assert set(gaussians.extras) == {"red", "green", "blue"}
    np.testing.assert_array_equal(gaussians.extras["red"], vertex["red"])
    again = formats.loads(formats.dumps(gaussians))
    assert_same(gaussians, again)
    assert again.extras["red"].dtype == np.uint8


@pytest.mark.parametrize("text", [False, True])
def test_other_elements_comments_and_lists(text):
    gaussians = random_gaussians(20)
    faces = np.empty(3, [("vertex_indices", "O"), ("flag", "u1")])
    for i in range(3):
        faces[i] = (np.arange(i + 1, dtype="i4"), i)
    lists = PlyElement.describe(faces, "face", len_types={"vertex_indices": "u1"}, val_types={"vertex_indices": "i4"})
    camera = element({"f": np.array([1.5, 2.5]), "id": np.array([3, 4])}, "camera", dtype="f8")
    vertex = element(raw_columns(gaussians))
    for order in (
        [vertex, lists, camera],
        [lists, vertex],
        [camera, lists, vertex, element(raw_columns(gaussians), "b")],
    ):
        stream = io.BytesIO()
        PlyData(order, text=text, byte_order="=" if text else ">", obj_info=["end_header"]).write(stream)
        data = stream.getvalue().replace(
            b"\nelement", "\ncomment Grüße Å …\ncomment element vertex 99\nelement".encode(), 1
        )
        assert_same(gaussians, formats.loads(data))


@pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
@pytest.mark.parametrize("first", [b"\n", b"\r", b"a"])
def test_other_line_ends(newline, first):
    """The body may begin with a byte that looks like a line end."""
    gaussians = random_gaussians(5)
    head, body = formats.dumps(gaussians).split(b"end_header\n")
    data = head.replace(b"\n", newline) + b"end_header" + newline + first + body[1:]
    assert formats.loads(data).means[0, 0] == np.frombuffer(first + body[1:4], "<f4")[0]


def test_text_with_blank_lines_and_windows_line_ends():
    gaussians = random_gaussians(9)
    data = written(element(raw_columns(gaussians), dtype="f8"), text=True).replace(b"\n", b"\r\n") + b"\r\n\r\n"
    assert_same(gaussians, formats.loads(data))


def test_long_text_is_read_in_windows():
    gaussians = random_gaussians(1500)
    data = written(element(raw_columns(gaussians), dtype="f8"), text=True)
    assert len(data) > 3 << 16
    assert_same(gaussians, formats.loads(data))


def test_integer_columns_and_parts():
    gaussians = random_gaussians(4)
    columns = raw_columns(gaussians) | {
        "x": np.array([1, -2, 3, 4], "i2"),
        "part": np.array([1, 2, 9, -1], "i4"),
        "label": np.array([70000, 1, 2, 3], "u4"),
        "nx": np.array([0, 0, 0.5, 0], "f4"),
    }
    for text in (False, True):
        back = formats.loads(written(element(columns, dtype=None), text=text))
        np.testing.assert_array_equal(back.means[:, 0], [1, -2, 3, 4])
        np.testing.assert_array_equal(back.parts, [Part.SKIN, Part.HAIR, Part.UNKNOWN, Part.UNKNOWN])
        assert set(back.extras) == {"label", "nx"} and back.extras["label"].dtype == np.uint32
        assert back.extras["label"].flags.owndata
        vertex = PlyData.read(io.BytesIO(formats.dumps(back)))["vertex"]
        np.testing.assert_array_equal(vertex["nx"], columns["nx"])
        np.testing.assert_array_equal(vertex["label"], columns["label"])
        assert [item.name for item in vertex.properties].count("nx") == 1


def test_extra_columns_of_every_kind():
    extras = {
        "normal": np.arange(6.0).reshape(2, 3),
        "selected": np.array([True, False]),
        "id": np.array([5, -6], np.int64),
        "huge": np.array([1 << 40, 0], np.int64),
        "half": np.array([0.5, 2], np.float16),
        "x": np.array([7.0, 8.0]),
        "my näme": np.array([1, 2], np.int8),
        "part": np.array([0.25, 0.5]),
        "empty": np.zeros((2, 0)),
    }
    gaussians = random_gaussians(2, extras=extras)
    back = formats.loads(formats.dumps(gaussians))
    np.testing.assert_array_equal(back.means, gaussians.means)
    assert not back.parts.any()
    assert {name: (column.dtype.str[1:], column.tolist()) for name, column in back.extras.items()} == {
        "normal_0": ("f8", [0, 3]),
        "normal_1": ("f8", [1, 4]),
        "normal_2": ("f8", [2, 5]),
        "selected": ("u1", [1, 0]),
        "id": ("i4", [5, -6]),
        "huge": ("f8", [1 << 40, 0]),
        "half": ("f4", [0.5, 2]),
        "x_": ("f8", [7, 8]),
        "my_n_me": ("i1", [1, 2]),
        "part_": ("f8", [0.25, 0.5]),
    }
    with pytest.raises(ValueError, match="not numeric"):
        formats.dumps(gaussians.replace(extras={"name": np.array(["a", "b"])}))


def test_extreme_opacities_and_scales_survive():
    gaussians = random_gaussians(4, opacities=[0, 1, 1e-30, 1 - 2**-24], scales=np.tile([0, 1e-30, 1e30], (4, 1)))
    data = formats.dumps(gaussians)
    assert all(np.isfinite(PlyData.read(io.BytesIO(data))["vertex"][name]).all() for name in STANDARD)
    back = formats.loads(data)
    assert back.opacities[1] == 1 and back.opacities[0] < 1e-37
    np.testing.assert_allclose(back.opacities[2:], gaussians.opacities[2:], rtol=1e-5)
    np.testing.assert_allclose(back.scales[:, 1:], gaussians.scales[:, 1:], rtol=1e-5)
    assert (back.scales > 0).all()


def test_infinite_logits_are_the_ends():
    columns = raw_columns(random_gaussians(4)) | {"opacity": np.array([-np.inf, np.inf, -200.0, 200.0])}
    for text in (False, True):
        back = formats.loads(written(element(columns), text=text))
        np.testing.assert_array_equal(back.opacities, [0, 1, 0, 1])


def test_result_does_not_keep_the_file_alive():
    data = bytearray(formats.dumps(random_gaussians(10, extras={"a": np.arange(10)})))
    gaussians = formats.loads(data)
    before = [gaussians.means.copy(), gaussians.extras["a"].copy()]
    data[-600:] = bytes(600)
    data.extend(b"resizing fails while arrays still look into it")
    np.testing.assert_array_equal(gaussians.means, before[0])
    np.testing.assert_array_equal(gaussians.extras["a"], before[1])
