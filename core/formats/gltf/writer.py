"""From Gaussians to glTF files."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from io import BufferedIOBase
from typing import Any

import numpy as np

from ...colors import to_linear
from ...errors import FormatError
from ...gaussians import Gaussians
from . import names

_GENERATOR = "FaceLift"
_NOT_IN_NAMES = re.compile(r"\W+")
_ARRAY_BUFFER = 34962
_MAX_GLB_BYTES = (1 << 32) - 1
_COMPONENTS = {dtype: code for code, dtype in names.COMPONENT_TYPES.items() if dtype != "u4"}
"""Attributes may be of every type but this."""
_TYPE_NAMES = {width: name for name, width in names.WIDTHS.items()}


class _Content:
    """The file as it grows: columns one behind another, and their description."""

    def __init__(self) -> None:
        self.blocks: list[np.ndarray] = []
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []
        self.size = 0

    def add(self, values: np.ndarray, normalized: bool = False, bounds: bool = False) -> int:
        """Append a column [N] or [N, width] and return its accessor's index."""
        table = values.reshape(len(values), -1)
        row = table.shape[1] * table.itemsize
        # Every vertex of a column begins at a multiple of four bytes.
        padded = np.ascontiguousarray(table, table.dtype.newbyteorder("<")).view(np.uint8)
        if row % 4:
            padded = np.pad(padded, ((0, 0), (0, -row % 4)))
        view = {"buffer": 0, "byteOffset": self.size, "byteLength": padded.size, "target": _ARRAY_BUFFER}
        if padded.shape[1] != row:
            view["byteStride"] = padded.shape[1]
        accessor = {
            "bufferView": len(self.views),
            "componentType": _COMPONENTS[table.dtype.str[1:]],
            "count": len(table),
            "type": _TYPE_NAMES[table.shape[1]],
        }
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor |= {"min": table.min(axis=0).tolist(), "max": table.max(axis=0).tolist()}
        self.views.append(view)
        self.accessors.append(accessor)
        self.blocks.append(padded)
        self.size += padded.size
        return len(self.accessors) - 1


def encode_binary(gaussians: Gaussians, stream: BufferedIOBase) -> None:
    """Write Gaussians, given in glTF's axes, as a .glb file.

    Base colours are also written as ``COLOR_0``, for programs that only show points. Parts (where any
    is known) and extra columns of up to four values become attributes with an underscore before their
    name, types that glTF has no attributes of become float32.

    Raises:
        FormatError: "gltf-too-large" (the format's limit of 4 GiB), "gltf-empty".
        ValueError: an extra column is not numeric.
    """
    content, root = _described(gaussians)
    text = _json(root)
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + content.size
    if total > _MAX_GLB_BYTES:
        raise FormatError(
            "These are more splats than a .glb file can hold (4 GiB).",
            "Export fewer splats, lower harmonics, or a .ply file.",
            code=f"{names.KIND}-too-large",
        )
    stream.write(struct.pack("<4sII", names.MAGIC, names.VERSION, total))
    stream.write(struct.pack("<II", len(text), names.JSON_CHUNK) + text)
    stream.write(struct.pack("<II", content.size, names.BINARY_CHUNK))
    for block in content.blocks:
        stream.write(block.data)


def encode_text(gaussians: Gaussians, stream: BufferedIOBase) -> None:
    """Write Gaussians as a .gltf file that carries its data inside; otherwise like :func:`encode_binary`."""
    content, root = _described(gaussians)
    data = b"".join(block.tobytes() for block in content.blocks)
    root["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(data).decode("ascii")
    stream.write(_json(root))


def _json(root: dict[str, Any]) -> bytes:
    return json.dumps(root, separators=(",", ":")).encode()


def _described(gaussians: Gaussians) -> tuple[_Content, dict[str, Any]]:
    if not len(gaussians):
        raise FormatError(
            "There are no splats to write.", "Select splats, or loosen the filters.", code=f"{names.KIND}-empty"
        )
    content = _Content()
    attributes = {
        names.POSITION: content.add(gaussians.means, bounds=True),
        names.COLOR: content.add(_point_colors(gaussians), normalized=True),
        names.ROTATION: content.add(gaussians.rotations[:, (1, 2, 3, 0)]),
        names.SCALE: content.add(gaussians.scales),
        names.OPACITY: content.add(np.clip(gaussians.opacities, 0, 1)),
    }
    for i, name in enumerate(names.harmonics(gaussians.sh_degree)):
        attributes[name] = content.add(gaussians.sh[:, i])
    if gaussians.parts.any():
        attributes[names.PART] = content.add(gaussians.parts.view(np.uint8))
    for key, values in gaussians.extras.items():
        for name, column in _columns(key, np.asarray(values)):
            while name in attributes:
                name += "_"
            attributes[name] = content.add(column)
    splats = {"kernel": names.KERNEL, "colorSpace": names.COLOR_SPACE}
    primitive = {"attributes": attributes, "mode": names.POINTS, "extensions": {names.EXTENSION: splats}}
    return content, {
        "asset": {"version": "2.0", "generator": _GENERATOR},
        "extensionsUsed": [names.EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "splats", "mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": content.accessors,
        "bufferViews": content.views,
        "buffers": [{"byteLength": content.size}],
    }


def _point_colors(gaussians: Gaussians) -> np.ndarray:
    """Return RGBA [N, 4] bytes; glTF's vertex colours are linear."""
    colors = np.clip(gaussians.colors, 0, 1)
    rgba = np.concatenate([to_linear(colors), np.clip(gaussians.opacities, 0, 1)[:, None]], axis=1)
    return np.rint(rgba * 255).astype(np.uint8)


def _columns(key: str, values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return an extra column as attributes: one of up to four values, else one for each value."""
    if values.dtype.kind not in "biuf":
        raise ValueError(f"extra column {key!r} of type {values.dtype} is not numeric")
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    elif values.dtype.str[1:] not in _COMPONENTS:
        values = values.astype(np.float32)
    name = "_" + _NOT_IN_NAMES.sub("_", key)
    table = values.reshape(len(values), math.prod(values.shape[1:]))
    if table.shape[1] in _TYPE_NAMES:
        return [(name, table)]
    return [(f"{name}_{i}", column) for i, column in enumerate(table.T)]
