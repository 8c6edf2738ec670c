"""Safetensors files by hand, against the safetensors package, and the choice of float16."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.weights import half
from core.weights.tensor_files import (
    ArrayTensor,
    StoredTensor,
    TensorFileError,
    read_header,
    stored_tensors,
    write_tensors,
)

safetensors = pytest.importorskip("safetensors.numpy")
SafetensorError = pytest.importorskip("safetensors").SafetensorError


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "a.weight": rng.standard_normal((7, 5, 3)).astype(np.float32),
        "b": rng.standard_normal(3),
        "c": rng.integers(-5, 5, (2, 2)).astype(np.int64),
        "d": rng.standard_normal((3, 1)).astype(np.float16),
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 4), np.float32),
    }


def read(tensor: StoredTensor, count: int) -> np.ndarray:
    """All values of a tensor, read in pieces of at most ``count``."""
    pieces = [np.empty(0), *tensor.pieces(count)]
    assert max(piece.size for piece in pieces) <= count
    return np.concatenate(pieces)


def test_reads_what_safetensors_writes(tmp_path):
    expected = tensors()
    safetensors.save_file(expected, tmp_path / "x.safetensors")
    found = stored_tensors(tmp_path / "x.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.shape == expected[name].shape
        np.testing.assert_array_equal(read(tensor, 4), expected[name].reshape(-1))


def test_safetensors_reads_what_is_written(tmp_path):
    expected = tensors()
    names = {np.float32: "F32", np.float64: "F64", np.int64: "I64", np.float16: "F16"}
    layout = {name: (names[values.dtype.type], values.shape) for name, values in expected.items()}
    pieces = (piece for values in expected.values() for piece in np.array_split(values.reshape(-1), 2))
    with (tmp_path / "x.safetensors").open("wb") as stream:
        write_tensors(stream, layout, pieces, {"format": "pt"})
    found = safetensors.load_file(tmp_path / "x.safetensors")
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


# Why the package itself does not do it. When one of these two fails, it may serve: see CONTRIBUTING.


def test_the_package_wants_every_tensor_in_memory_before_it_writes_the_first(tmp_path):
    path, asked = tmp_path / "x.safetensors", []

    class Watched(np.ndarray):
        @property
        def ctypes(self):
            asked.append(path.exists())
            return super().ctypes

    safetensors.save_file({name: np.ones(3, np.float32).view(Watched) for name in "abc"}, path)
    assert asked == [False] * 3 and path.exists()


def test_the_package_reads_no_bfloat16_with_numpy(tmp_path):
    path, exact = tmp_path / "x.safetensors", np.array([1.0, -2.5, 0.15625], np.float32)
    bits = (exact.view(np.uint32) >> 16).astype(np.uint16)
    with path.open("wb") as stream:
        write_tensors(stream, {"x": ("BF16", (3,))}, [bits], {})
    with pytest.raises((TypeError, AttributeError, SafetensorError)):
        safetensors.load_file(path)
    tensor = stored_tensors(path)["x"]
    np.testing.assert_array_equal(np.concatenate(list(half.converted(tensor, "F32"))), exact)


@pytest.fixture(scope="module")
def contents(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "x.safetensors"
    safetensors.save_file(tensors(), path)
    return path.read_bytes()


@given(data=st.data())
def test_cut_file_is_never_taken_for_whole(contents, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "x.safetensors"
    path.write_bytes(contents[: data.draw(st.integers(0, len(contents) - 1))])
    with pytest.raises(TensorFileError):
        read_header(path)


@given(position=st.integers(0, 400), value=st.integers(0, 255))
def test_damaged_header_raises_nothing_else(contents, tmp_path_factory, position, value):
    path = tmp_path_factory.mktemp("damaged") / "x.safetensors"
    path.write_bytes(contents[:position] + bytes([value]) + contents[position + 1 :])
    try:
        for tensor in stored_tensors(path).values():
            read(tensor, 100)
    except TensorFileError:
        pass


@pytest.mark.parametrize(
    "entry",
    [
        '{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}',
        '{"dtype":"F32","shape":[1],"data_offsets":[-8,-4]}',
        '{"dtype":"F99","shape":[1],"data_offsets":[0,4]}',
        '{"dtype":"F32","shape":"x","data_offsets":[0,4]}',
        '{"dtype":"F32","shape":[1],"data_offsets":[0]}',
        '{"dtype":"F32","shape":[99999999999],"data_offsets":[0,4]}',
        "[]",
    ],
)
def test_hostile_header_is_refused(tmp_path, entry):
    header = f'{{"x":{entry}}}'.encode()
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"1234")
    with pytest.raises(TensorFileError):
        read_header(tmp_path / "x.safetensors")


def as_half(dtype: str, values: np.ndarray) -> tuple[str, np.ndarray]:
    tensor = ArrayTensor(dtype, values)
    chosen = half.choose_dtype(tensor)
    return chosen, np.concatenate(list(half.converted(tensor, chosen)))


def test_matrices_become_float16_and_vectors_stay(monkeypatch):
    monkeypatch.setattr(half, "PIECE", 10)
    matrix = np.random.default_rng(0).standard_normal((9, 7)).astype(np.float32)
    dtype, values = as_half("F32", matrix)
    assert dtype == "F16"
    np.testing.assert_array_equal(values, matrix.astype(np.float16).reshape(-1))
    for shape in ((63,), (1, 63), (63, 1, 1)):
        assert half.choose_dtype(ArrayTensor("F32", matrix.reshape(shape))) == "F32"
    assert half.choose_dtype(ArrayTensor("I64", matrix.astype(np.int64))) == "I64"
    assert half.choose_dtype(ArrayTensor("F16", matrix.astype(np.float16))) == "F16"


@pytest.mark.parametrize("value", [65520.0, -1e6, np.inf, np.nan])
def test_values_beyond_float16_stay(value):
    matrix = np.ones((4, 4), np.float32)
    matrix[2, 3] = value
    dtype, values = as_half("F32", matrix)
    assert dtype == "F32"
    np.testing.assert_array_equal(values, matrix.reshape(-1))


def test_largest_float16_fits():
    assert half.choose_dtype(ArrayTensor("F32", np.full((2, 2), 65504.0, np.float32))) == "F16"


def test_values_too_small_for_float16_stay():
    small = 1e-6 * np.random.default_rng(0).standard_normal((50, 50)).astype(np.float32)
    assert half.choose_dtype(ArrayTensor("F32", small)) == "F32"
    assert half.choose_dtype(ArrayTensor("F32", small * 1e4)) == "F16"
    assert half.choose_dtype(ArrayTensor("F32", np.zeros((5, 5), np.float32))) == "F16"


def test_bfloat16_is_read_as_its_bits():
    exact = np.array([[1.0, -2.5], [0.15625, 3.0]], np.float32)
    bits = (exact.view(np.uint32) >> 16).astype(np.uint16)
    dtype, values = as_half("BF16", bits)
    assert dtype == "F16"
    np.testing.assert_array_equal(values, exact.reshape(-1))
