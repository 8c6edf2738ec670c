"""Where a glTF file's meshes stand: global matrices from the tree of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...geometry import quaternions
from .document import Document, broken, is_count, listed


def placed_meshes(document: Document) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the index and global matrix [4, 4] of every mesh of the default scene.

    Without scenes all nodes without a parent count; without nodes all meshes stand where they are.

    Raises:
        FormatError: "gltf-damaged".
    """
    nodes = document.items("nodes")
    if not nodes:
        yield from ((index, np.eye(4)) for index in range(len(document.items("meshes"))))
        return
    waiting = [(index, np.eye(4)) for index in _roots(document)]
    seen: set[int] = set()
    while waiting:
        index, above = waiting.pop()
        node = document.item("nodes", index)
        if index in seen:
            raise broken("a node has two parents")
        seen.add(index)
        matrix = above @ _local(node)
        if not np.isfinite(matrix).all():
            raise broken("a node's place is no finite number")
        if "mesh" in node:
            if not is_count(node["mesh"]):
                raise broken("a node's mesh makes no sense")
            yield node["mesh"], matrix
        waiting += [(child, matrix) for child in reversed(listed(node, "children"))]


def _roots(document: Document) -> list[Any]:
    if document.items("scenes"):
        return listed(document.item("scenes", document.root.get("scene", 0)), "nodes")[::-1]
    nodes = [node for node in document.items("nodes") if isinstance(node, dict)]
    children = {child for node in nodes for child in listed(node, "children") if is_count(child)}
    return [index for index in reversed(range(len(document.items("nodes")))) if index not in children]


def _local(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        # Stored column by column.
        return _numbers(node, "matrix", np.eye(4).ravel()).reshape(4, 4).T
    x, y, z, w = _numbers(node, "rotation", (0, 0, 0, 1))
    matrix = np.eye(4)
    turn = quaternions.to_matrices(quaternions.normalize(np.array([w, x, y, z])))
    matrix[:3, :3] = turn * _numbers(node, "scale", (1, 1, 1))
    matrix[:3, 3] = _numbers(node, "translation", (0, 0, 0))
    return matrix


def _numbers(node: dict[str, Any], name: str, default: Any) -> np.ndarray:
    values = node.get(name)
    if values is None:
        return np.asarray(default, np.float64)
    good = isinstance(values, list) and len(values) == len(default)
    if not good or not all(isinstance(value, (int, float)) and abs(value) < 1e30 for value in values):
        raise broken(f"a node's {name} makes no sense")
    return np.array(values, np.float64)
