"""FBX files as ufbx reads them, which is no code of Blender's.

Its Python bindings (0.0.5) give elements free too early: whatever is asked of them is kept until the process ends, and
that process is one of its own. ``python -m tests.helpers.fbx IN OUT [SECONDS...]`` writes what
:func:`read_fbx` returns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def read_fbx(path: Path, times: tuple[float, ...] = ()) -> dict:
    """Return what a file holds: units, axes, nodes, meshes, images, and the scene at some times in seconds."""
    out = path.with_name(path.name + ".json")
    command = [sys.executable, "-m", "tests.helpers.fbx", str(path), str(out), *map(str, times)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(out.read_text())


def mesh_places(mesh: dict) -> np.ndarray:
    """Return a mesh's vertices [V, 3] in the file's world."""
    return np.array(mesh["vertices"]) @ np.array(mesh["matrix"])[:, :3].T + np.array(mesh["matrix"])[:, 3]


def mesh_moves(mesh: dict, name: str) -> np.ndarray:
    """Return the displacements [V, 3] of a blend shape in the file's world."""
    vertices, offsets = mesh["shapes"][name]
    moves = np.zeros((len(mesh["vertices"]), 3))
    moves[np.array(vertices, int)] = np.array(offsets).reshape(-1, 3)
    return moves @ np.array(mesh["matrix"])[:, :3].T


class _Kept:
    """Values that must not be given free."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def each(self, owner: object, name: str) -> list:
        found = self(owner, name)
        values = [found[index] for index in range(len(found))]
        self.values.extend(values)
        return values

    def __call__(self, owner: object, name: str):
        value = getattr(owner, name)
        self.values.append(value)
        return value


def _rows(vectors) -> list:
    return [list(vector) for vector in vectors]


def _matrix(kept: _Kept, node) -> list:
    matrix = kept(node, "node_to_world")
    return np.array([list(column) for column in matrix]).T.tolist()


def _node(kept: _Kept, node) -> dict:
    parent = kept(node, "parent")
    return {
        "name": node.name,
        "parent": parent.name if parent is not None else None,
        "scale": list(kept(node, "local_transform").scale),
        "rotation": list(kept(node, "local_transform").rotation),
        "matrix": _matrix(kept, node),
    }


def _mesh(kept: _Kept, mesh) -> dict:
    (node,) = kept.each(mesh, "instances")
    shapes, bones = {}, {}
    for blend in kept.each(mesh, "blend_deformers"):
        for channel in kept.each(blend, "channels"):
            (key,) = kept.each(channel, "keyframes")
            shape = kept(key, "shape")
            offsets = _rows(kept(shape, "position_offsets"))
            shapes[channel.name] = [list(kept(shape, "offset_vertices")), offsets, channel.weight]
    for skin in kept.each(mesh, "skin_deformers"):
        for cluster in kept.each(skin, "clusters"):
            bone = kept(cluster, "bone_node")
            bones[bone.name] = [list(kept(cluster, "vertices")), list(kept(cluster, "weights"))]
    uv = kept(mesh, "vertex_uv")
    return {
        "name": node.name,
        "matrix": _matrix(kept, node),
        "vertices": _rows(kept(mesh, "vertices")),
        "faces": mesh.num_faces,
        "corners": list(kept(mesh, "vertex_indices")),
        "uvs": _rows(kept(uv, "values")) if uv.exists else [],
        "uv_corners": list(kept(uv, "indices")) if uv.exists else [],
        "materials": [material.name for material in kept.each(mesh, "materials")],
        "shapes": {name: values[:2] for name, values in shapes.items()},
        "bones": bones,
    }


def _state(kept: _Kept, scene) -> dict:
    weights = {channel.name: channel.weight for channel in kept.each(scene, "blend_channels")}
    return {"weights": weights, "nodes": {node.name: _matrix(kept, node) for node in kept.each(scene, "nodes")}}


def _main(source: str, target: str, times: list[float]) -> None:
    import ufbx

    kept = _Kept()
    scene = ufbx.load_file(source)
    kept.values.append(scene)
    settings = kept(scene, "settings")
    stacks = kept.each(scene, "anim_stacks")
    states = [ufbx.evaluate_scene(scene, kept(stacks[0], "anim"), time) for time in times]
    kept.values.extend(states)
    result = {
        "unit_meters": settings.unit_meters,
        "axes": {name: axis.name for name, axis in kept(settings, "axes")._asdict().items()},
        "nodes": {node.name: _node(kept, node) for node in kept.each(scene, "nodes")},
        "meshes": {node["name"]: node for node in (_mesh(kept, mesh) for mesh in kept.each(scene, "meshes"))},
        "textures": {item.name: item.relative_filename for item in kept.each(scene, "textures")},
        "curves": len(kept.each(scene, "anim_curves")),
        "states": [_state(kept, state) for state in states],
    }
    Path(target).write_text(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], [float(time) for time in sys.argv[3:]])
