"""Levels of detail of an exported mesh, as objects."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np

from ...core.avatar.handoff.lods import IMPORTANCE, SHARES, Corners, levels, poses_of
from ..splats.data import fits
from .exporting_copies import Copies
from .faces import expressions_of

SUFFIX = "_LOD"
"""Before a level's number at the end of a name: Unity makes a LOD Group of such meshes by itself."""


def add_levels(copies: Copies, full: bpy.types.Object, count: int) -> list[bpy.types.Object]:
    """Return reduced copies of a copied mesh, which gets the first level's name.

    Args:
        copies: Removes them at the end.
        full: A copy.
        count: How many, 1 at least.
    """
    name = full.name
    corners, uvs = _corners(full.data)
    neutral = fits.coordinates(full.data.vertices)
    shapes = {key: fits.coordinates(block.data) - neutral for key, block in expressions_of(full).items()}
    importance = np.ones(len(neutral))
    groups = {group.index: IMPORTANCE[group.name] for group in full.vertex_groups if group.name in IMPORTANCE}
    for vertex in full.data.vertices:
        importance[vertex.index] = max((groups.get(item.group, 0.0) for item in vertex.groups), default=0.0) or 1.0
    found = []
    reduced = levels(poses_of(neutral, shapes), corners, importance, SHARES[:count])
    for number, level in enumerate(reduced, start=1):
        target = copies.twin(full, f"{name}{SUFFIX}{number}")
        _rebuild(target.data, corners, level, uvs)
        found.append(target)
    copies.call(full, f"{name}{SUFFIX}0")
    return found


def _corners(mesh: bpy.types.Mesh) -> tuple[Corners, np.ndarray]:
    """Return a mesh as triangles with wedges, and the wedges' places in the UV map [W, 2]."""
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    loops, materials = np.empty(3 * count, np.int32), np.empty(count, np.int32)
    mesh.loop_triangles.foreach_get("loops", loops)
    mesh.loop_triangles.foreach_get("material_index", materials)
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    uvs = np.zeros(2 * len(mesh.loops), np.float32)
    if mesh.uv_layers.active is not None:
        mesh.uv_layers.active.uv.foreach_get("vector", uvs)
    uvs = uvs.reshape(-1, 2)
    rows = np.column_stack([vertices[loops], uvs[loops].view(np.int32), np.repeat(materials, 3)])
    unique, first, wedges = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return Corners(wedges.reshape(-1, 3), unique[:, 0], np.arange(count)), uvs[loops][first]


def _rebuild(mesh: bpy.types.Mesh, full: Corners, level: Corners, uvs: np.ndarray) -> None:
    """Give a copy of a mesh the triangles of a level; its vertices keep weights and shape keys."""
    materials = np.empty(len(full.wedges), np.int32)
    mesh.calc_loop_triangles()
    mesh.loop_triangles.foreach_get("material_index", materials)
    edit = bmesh.new()
    edit.from_mesh(mesh)
    for edge in list(edit.edges):
        edit.edges.remove(edge)
    edit.verts.ensure_lookup_table()
    layer = edit.loops.layers.uv.active
    for wedges, material in zip(level.wedges, materials[level.sources].tolist(), strict=True):
        face = edit.faces.new([edit.verts[vertex] for vertex in level.vertices[wedges]])
        face.material_index, face.smooth = material, True
        if layer is not None:
            for loop, wedge in zip(face.loops, wedges, strict=True):
                loop[layer].uv = uvs[wedge]
    for vertex in [vertex for vertex in edit.verts if not vertex.link_faces]:
        edit.verts.remove(vertex)
    edit.to_mesh(mesh)
    edit.free()
