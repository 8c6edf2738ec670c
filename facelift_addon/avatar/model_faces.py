"""Which of the head model's faces a base mesh has: those beyond the splats' end are left out."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np

from ...core.avatar import anatomy
from ...core.head.model import HeadModel


def of(mesh: bpy.types.Mesh, model: HeadModel) -> np.ndarray | None:
    """Return which of the model's faces a mesh has [F] bool; None where it has other vertices or faces."""
    if len(mesh.vertices) != len(model.mean):
        return None
    starts, sizes = np.empty(len(mesh.polygons), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    mesh.polygons.foreach_get("loop_total", sizes)
    if not np.isin(sizes, (3, 4)).all():
        return None
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    corners = np.full((len(sizes), 4), -1, np.int64)
    for corner in range(4):
        there = sizes > corner
        corners[there, corner] = vertices[starts[there] + corner]
    wanted, present = _keys(_corners(model), len(model.mean)), _keys(corners, len(model.mean))
    return np.isin(wanted, present) if np.isin(present, wanted).all() else None


def keep(mesh: bpy.types.Mesh, model: HeadModel, kept: np.ndarray | None, uv_map: str) -> None:
    """Give a mesh just the faces that it is to have; vertices, and what else faces that stay carry, do not change.

    Args:
        mesh: Outside Edit Mode; it has vertices and faces of the model only.
        model: The head model.
        kept: [F] bool; None for all.
        uv_map: Name of the layer of texture coordinates.
    """
    kept = np.ones(len(model.faces), bool) if kept is None else kept
    present = of(mesh, model)
    if (present == kept).all():
        return
    count, wanted = len(model.mean), _corners(model)
    material, keys = anatomy.face_materials(model), _keys(wanted, count)
    going = set(keys[present & ~kept].tolist())
    edit = bmesh.new()
    edit.from_mesh(mesh)
    edit.verts.ensure_lookup_table()
    rows = np.full((len(edit.faces), 4), -1, np.int64)
    for index, face in enumerate(edit.faces):
        rows[index, : len(face.verts)] = [vertex.index for vertex in face.verts]
    for face, key in zip(list(edit.faces), _keys(rows, count).tolist(), strict=True):
        if key in going:
            edit.faces.remove(face)
    layer = edit.loops.layers.uv.get(uv_map)
    for index in np.flatnonzero(kept & ~present):
        corners = [corner for corner in wanted[index] if corner >= 0]
        face = edit.faces.new([edit.verts[corner] for corner in corners])
        face.material_index, face.smooth = int(material[index]), True
        if layer is not None:
            for loop, place in zip(face.loops, model.face_uvs[index], strict=False):
                loop[layer].uv = model.uvs[place]
    for edge in [edge for edge in edit.edges if not edge.link_faces]:
        edit.edges.remove(edge)
    edit.to_mesh(mesh)
    edit.free()


def _corners(model: HeadModel) -> np.ndarray:
    """Return the vertices of the model's faces [F, 4] int64; the last of a triangle is -1."""
    corners = model.faces.astype(np.int64)
    corners[corners[:, 2] == corners[:, 3], 3] = -1
    return corners


def _keys(corners: np.ndarray, count: int) -> np.ndarray:
    """Return a number for each face [F] that does not depend on where its corners [F, 4] begin."""
    return np.sort(corners + 1, axis=1) @ (count + 1) ** np.arange(4, dtype=np.int64)
