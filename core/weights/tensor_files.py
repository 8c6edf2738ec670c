"""Safetensors files, read and written one tensor at a time with numpy.

Format (github.com/huggingface/safetensors): 8 bytes little-endian length of the header, the header
(JSON: name -> dtype, shape, data_offsets; optionally "__metadata__"), then the tensors' bytes.
Values are read and written in pieces, so that a file of many gigabytes needs no more memory than
one piece of one tensor.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
    # numpy has no bfloat16: its bits are the upper half of a float32's.
    "BF16": np.dtype("<u2"),
}
"""Names of the format -> numpy types."""
BFLOAT16 = "BF16"
HEADER_LIMIT = 100_000_000
"""Bytes; the format's own limit for headers."""
ALIGNMENT = 8
"""The tensors' bytes begin at a multiple of this."""


class TensorFileError(ValueError):
    """A file is no whole safetensors file."""


@dataclass(frozen=True)
class TensorInfo:
    """A tensor's place in a file.

    Attributes:
        dtype: Name of the format ("F32").
        shape: Its shape.
        begin, end: First byte and byte after the last one, counted from the file's start.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Return a file's tensors by name, after checking that the file is as long as they need.

    Raises:
        TensorFileError: the file is cut off, too long or of another kind.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or not 2 <= length <= min(HEADER_LIMIT, size - 8):
            raise TensorFileError(f"it ends within its header ({size:,} bytes)")
        try:
            header = json.loads(stream.read(length))
            entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
            start = 8 + length
            tensors = {
                name: TensorInfo(
                    entry["dtype"],
                    tuple(int(length) for length in entry["shape"]),
                    start + int(entry["data_offsets"][0]),
                    start + int(entry["data_offsets"][1]),
                )
                for name, entry in entries.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise TensorFileError("its header can't be read") from error
    for name, info in tensors.items():
        if info.dtype not in DTYPES or info.begin < start or min(info.shape, default=0) < 0:
            raise TensorFileError(f"the tensor {name} has an impossible type, place or shape")
        if info.end - info.begin != math.prod(info.shape) * DTYPES[info.dtype].itemsize:
            raise TensorFileError(f"the tensor {name} has an impossible size")
    end = max((info.end for info in tensors.values()), default=start)
    if size != end:
        raise TensorFileError(f"it has {size:,} bytes where its header asks for {end:,}")
    return tensors


class Sink(Protocol):
    """What bytes are written to: a binary stream, or somebody who watches one."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Write bytes."""
        ...


class Tensor(Protocol):
    """A tensor whose values come in pieces."""

    @property
    def dtype(self) -> str:
        """Name of the format; bfloat16 comes as its bits."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        ...

    def pieces(self, count: int) -> Iterator[np.ndarray]:
        """Yield the values in order, in flat arrays of at most ``count``."""
        ...


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file; nothing of it is in memory.

    Attributes:
        path: The file.
        dtype, shape: See :class:`Tensor`.
        begin: Its first byte in the file.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]
    begin: int

    def pieces(self, count: int) -> Iterator[np.ndarray]:
        """Yield the values in order, in flat arrays of at most ``count``."""
        left = math.prod(self.shape)
        with self.path.open("rb") as stream:
            stream.seek(self.begin)
            while left:
                values = np.fromfile(stream, DTYPES[self.dtype], min(count, left))
                yield values
                left -= len(values)


@dataclass(frozen=True, eq=False)
class ArrayTensor:
    """A tensor that is an array already, in memory or mapped.

    Attributes:
        dtype: See :class:`Tensor`.
        values: The array.
    """

    dtype: str
    values: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.values.shape

    def pieces(self, count: int) -> Iterator[np.ndarray]:
        """Yield the values in order, in flat arrays of at most ``count``."""
        flat = self.values.reshape(-1)
        for start in range(0, flat.size, count):
            yield flat[start : start + count]


def stored_tensors(path: Path) -> dict[str, StoredTensor]:
    """Return a file's tensors by name, in the order of their bytes.

    Raises:
        TensorFileError: the file is damaged.
    """
    infos = sorted(read_header(path).items(), key=lambda item: item[1].begin)
    return {name: StoredTensor(path, info.dtype, info.shape, info.begin) for name, info in infos}


def header_bytes(tensors: Mapping[str, tuple[str, tuple[int, ...]]], metadata: Mapping[str, str]) -> bytes:
    """Return the beginning of a file, up to its first tensor.

    Args:
        tensors: Name -> (dtype name, shape), in the order in which their bytes follow.
        metadata: Free text by name, stored in the header.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        size = math.prod(shape) * DTYPES[dtype].itemsize
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def write_tensors(
    stream: Sink,
    tensors: Mapping[str, tuple[str, tuple[int, ...]]],
    pieces: Iterable[np.ndarray],
    metadata: Mapping[str, str],
) -> None:
    """Write a file.

    Args:
        stream: Where to.
        tensors: Name -> (dtype name, shape), in order.
        pieces: The tensors' values in that order, each in one or more contiguous pieces.
        metadata: Free text by name.
    """
    stream.write(header_bytes(tensors, metadata))
    for piece in pieces:
        stream.write(np.ascontiguousarray(piece).data)
