"""A glTF file's JSON and buffers. Nothing in it is believed before it was checked."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from ...errors import FormatError
from .names import BINARY_CHUNK, COMPONENT_TYPES, JSON_CHUNK, KIND, MAGIC, VERSION, WIDTHS

_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<II")
_DATA_MARK = "data:"
_BASE64_MARK = ";base64"


def broken(what: str) -> FormatError:
    """Return the error for a file that contradicts itself or the specification."""
    return FormatError(
        f"The glTF file is damaged: {what}.", "Export it again, or copy it again.", code=f"{KIND}-damaged"
    )


def unsupported(what: str) -> FormatError:
    """Return the error for a valid file that can't be read here."""
    return FormatError(
        f"The glTF file {what}, which can't be read here.",
        "Export it again as uncompressed splats with KHR_gaussian_splatting's ellipse kernel.",
        code=f"{KIND}-unsupported",
    )


class Document:
    """The parsed file.

    Attributes:
        root: The JSON's outermost object.
        size: Bytes of all buffers that were opened so far.
    """

    def __init__(self, data: bytes, folder: Path | None) -> None:
        """Parse a .glb or .gltf file; buffers are opened when they are first asked for.

        Args:
            data: The file.
            folder: Where buffers of their own lie; None when there is no such place.

        Raises:
            FormatError: "gltf-damaged", "gltf-unsupported" (another version of glTF).
        """
        self._folder = folder
        self._buffers: dict[int, bytes] = {}
        text, self._binary = _chunks(data) if data[:4] == MAGIC else (data, None)
        try:
            root = json.loads(text)
        except (ValueError, RecursionError):
            raise broken("its description is no JSON") from None
        if not isinstance(root, dict):
            raise broken("its description is no JSON object")
        self.root = root
        asset = root.get("asset")
        version = asset.get("version") if isinstance(asset, dict) else None
        if not isinstance(version, str) or not version.startswith("2."):
            raise unsupported("is not of version 2")

    @property
    def size(self) -> int:
        """Bytes of all buffers opened so far."""
        return sum(map(len, self._buffers.values()))

    def items(self, name: str) -> list[Any]:
        """Return one of the root's lists, empty if absent."""
        return listed(self.root, name)

    def item(self, name: str, index: Any) -> dict[str, Any]:
        """Return the object at ``index`` of one of the root's lists."""
        items = self.items(name)
        if not is_count(index) or index >= len(items) or not isinstance(items[index], dict):
            raise broken(f"it refers to “{name}” that it doesn't have")
        return items[index]

    def accessor(self, index: Any) -> np.ndarray:
        """Return an accessor's values as stored, [N] or [N, width], a view into its buffer.

        Raises:
            FormatError: "gltf-damaged", "gltf-unsupported", "gltf-missing-buffer".
        """
        accessor = self.item("accessors", index)
        code, width = COMPONENT_TYPES.get(_key(accessor, "componentType")), WIDTHS.get(_key(accessor, "type"))
        count, start = accessor.get("count", -1), accessor.get("byteOffset", 0)
        if code is None or width is None or not is_count(count) or not is_count(start):
            raise broken("a column's description makes no sense")
        if "sparse" in accessor or "bufferView" not in accessor:
            raise unsupported("has sparse columns")
        view = self.item("bufferViews", accessor["bufferView"])
        if "extensions" in view:
            raise unsupported("has compressed columns")
        offset, length = view.get("byteOffset", 0), view.get("byteLength", -1)
        dtype = np.dtype("<" + code)
        stride = view.get("byteStride", dtype.itemsize * width)
        if not all(map(is_count, (offset, length, stride))) or stride < dtype.itemsize * width:
            raise broken("a column's place makes no sense")
        buffer = self._buffer(view.get("buffer"))
        needed = start + (count - 1) * stride + dtype.itemsize * width if count else 0
        if needed > length or offset + length > len(buffer):
            raise broken("a column reaches beyond its data")
        shape, strides = [count, width], [stride, dtype.itemsize]
        if width == 1:
            shape, strides = shape[:1], strides[:1]
        if not count:
            return np.empty(shape, dtype)
        return np.ndarray(shape, dtype, buffer, offset + start, strides)

    def floats(self, index: Any) -> np.ndarray:
        """Return an accessor's values as float32, normalised integers as 0..1 or -1..1.

        Values that are stored so are a view into the buffer.
        """
        values = self.accessor(index)
        floats = values.astype(np.float32, copy=False)
        if values.dtype.kind != "f" and self.item("accessors", index).get("normalized") is True:
            floats = np.maximum(floats / np.float32(np.iinfo(values.dtype).max), np.float32(-1))
        return floats

    def _buffer(self, index: Any) -> bytes:
        buffer = self.item("buffers", index)
        if index not in self._buffers:
            uri = buffer.get("uri")
            if uri is None:
                if index or self._binary is None:
                    raise broken("a part of its data is missing")
                self._buffers[index] = self._binary
            elif not isinstance(uri, str):
                raise broken("the name of a file makes no sense")
            else:
                self._buffers[index] = _embedded(uri) if uri.startswith(_DATA_MARK) else self._sibling(uri)
        return self._buffers[index]

    def _sibling(self, uri: str) -> bytes:
        """Read a file beside this one. Only there: a file may not make us read elsewhere."""
        name = unquote(uri)
        parts = name.replace("\\", "/").split("/")
        if self._folder is None or ":" in name or "\0" in name or not parts[0] or ".." in parts:
            raise _missing(name)
        try:
            return self._folder.joinpath(*parts).read_bytes()
        except OSError:
            raise _missing(name) from None


def listed(parent: dict[str, Any], name: str) -> list[Any]:
    """Return a list of an object, empty if absent."""
    items = parent.get(name, [])
    if not isinstance(items, list):
        raise broken(f"“{name}” is no list")
    return items


def is_count(value: Any) -> bool:
    """Whether a JSON value is a whole number of 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _key(parent: dict[str, Any], name: str) -> Any:
    """Return a value that can be looked up, None for lists and objects."""
    value = parent.get(name)
    return value if isinstance(value, (int, str)) else None


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON and binary chunks of a .glb file."""
    if len(data) < _HEADER.size:
        raise broken("its header is cut off")
    _, version, length = _HEADER.unpack_from(data)
    if version != VERSION:
        raise unsupported("is not of version 2")
    if length > len(data):
        raise broken("it is cut off")
    chunks: dict[int, bytes] = {}
    offset = _HEADER.size
    while offset + _CHUNK.size <= length:
        size, kind = _CHUNK.unpack_from(data, offset)
        offset += _CHUNK.size
        if offset + size > length:
            raise broken("it is cut off")
        if kind in (JSON_CHUNK, BINARY_CHUNK) and kind not in chunks:
            chunks[kind] = data[offset : offset + size]
        offset += size
    if JSON_CHUNK not in chunks:
        raise broken("its description is missing")
    return chunks[JSON_CHUNK], chunks.get(BINARY_CHUNK)


def _embedded(uri: str) -> bytes:
    """Return the content of a data URI."""
    head, comma, content = uri.partition(",")
    if not comma or not head.endswith(_BASE64_MARK):
        raise broken("embedded data is not as it should be")
    try:
        return base64.b64decode(content)
    except (binascii.Error, ValueError):
        raise broken("embedded data is not as it should be") from None


def _missing(name: str) -> FormatError:
    return FormatError(
        f"The glTF file needs “{name[:80]}”, which is not beside it.",
        "Put the files into one folder as they were exported, or use a .glb file.",
        code=f"{KIND}-missing-buffer",
    )
