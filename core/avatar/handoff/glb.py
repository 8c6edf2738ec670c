"""A GLB file as its JSON and its binary chunk."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

MAGIC, VERSION, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 2, 0x4E4F534A, 0x004E4942


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON and the binary chunk, empty where there is none, of a GLB file that Blender wrote."""
    length, kind = struct.unpack_from("<II", data, 12)
    if struct.unpack_from("<II", data) != (MAGIC, VERSION) or kind != JSON_CHUNK:
        raise ValueError("this is no GLB file")
    begin = 20 + length
    binary = data[begin + 8 : begin + 8 + struct.unpack_from("<I", data, begin)[0]] if begin < len(data) else b""
    return json.loads(data[20:begin]), binary


def join(document: dict[str, Any], binary: bytes) -> bytes:
    """Return the GLB file of a JSON and a binary chunk."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    chunks = b""
    for kind, content, filler in ((JSON_CHUNK, text, b" "), (BINARY_CHUNK, binary, b"\0")):
        if content:
            content += filler * (-len(content) % 4)
            chunks += struct.pack("<II", len(content), kind) + content
    return struct.pack("<III", MAGIC, VERSION, 12 + len(chunks)) + chunks


def node_named(document: dict[str, Any], name: str) -> int:
    """Return the number of the node with a name.

    Raises:
        KeyError: there is none.
    """
    for number, node in enumerate(document["nodes"]):
        if node.get("name") == name:
            return number
    raise KeyError(name)


def worlds(document: dict[str, Any]) -> dict[int, np.ndarray]:
    """Return the [4, 4] matrix from each node of the scene to the scene."""
    found: dict[int, np.ndarray] = {}
    waiting = [(root, np.eye(4)) for root in document["scenes"][document.get("scene", 0)]["nodes"]]
    while waiting:
        number, above = waiting.pop()
        node = document["nodes"][number]
        found[number] = above @ _local(node)
        waiting += [(child, found[number]) for child in node.get("children", ())]
    return found


def place(node: dict[str, Any], local: np.ndarray) -> None:
    """Give a node a local transform, a [4, 4] matrix without shear."""
    scale = np.linalg.norm(local[:3, :3], axis=0)
    node.pop("matrix", None)
    node["translation"] = local[:3, 3].tolist()
    node["rotation"] = Rotation.from_matrix(local[:3, :3] / scale).as_quat().tolist()
    node["scale"] = scale.tolist()


def _local(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    turn = Rotation.from_quat(node.get("rotation", (0, 0, 0, 1))).as_matrix()
    matrix[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix
