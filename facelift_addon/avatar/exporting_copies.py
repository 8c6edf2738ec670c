"""Copies of what is exported, for as long as an export takes: under the originals' names, and gone afterwards."""

from __future__ import annotations

from collections.abc import Iterable

import bmesh
import bpy
import numpy as np
from mathutils import Matrix

ASIDE = "FaceLift exports this"
"""Name of originals while their copies have theirs."""


class Copies:
    """Objects and what they are made of, copied to be changed. A context manager: it leaves everything as it was."""

    def __init__(self) -> None:
        self._made: list[bpy.types.ID] = []
        self._renamed: list[tuple[bpy.types.ID, str]] = []

    def __enter__(self) -> Copies:
        return self

    def __exit__(self, *_: object) -> None:
        # Those made last use those made before.
        bpy.data.batch_remove(reversed(self._made))
        for original, name in reversed(self._renamed):
            original.name = name

    def keep(self, made: bpy.types.ID) -> bpy.types.ID:
        """Remove something new at the end; return it."""
        self._made.append(made)
        return made

    def of(self, original: bpy.types.ID) -> bpy.types.ID:
        """Return a copy of a data block that has its name."""
        name, copy = original.name, self.keep(original.copy())
        if original.is_editable:
            self._renamed.append((original, name))
            original.name = ASIDE
            copy.name = name
        return copy

    def call(self, copy: bpy.types.Object, name: str) -> None:
        """Give a copied object and its data another name."""
        copy.name = copy.data.name = name

    def twin(self, copy: bpy.types.Object, name: str) -> bpy.types.Object:
        """Return another copy of a copied object, with data of its own and a name of its own."""
        data, twin = self.keep(copy.data.copy()), self.keep(copy.copy())
        twin.data = data
        self.call(twin, name)
        return twin

    def object(self, original: bpy.types.Object) -> bpy.types.Object:
        """Return a copy of an object with data of its own, shape keys and their animation too; no parent moves it."""
        data = self.of(original.data)
        copy = self.of(original)
        copy.data = data
        copy.parent = None
        copy.matrix_world = original.matrix_world
        # What is shown in the scene does not decide what is exported.
        copy.hide_viewport = False
        return copy

    def skeleton(self, rig: bpy.types.Object, posed: bool = True) -> bpy.types.Object:
        """Return a copy of a rig's bones without its controls and constraints; they turn with the rig's, or rest."""
        copy = self.object(rig)
        copy.animation_data_clear()
        for key in list(copy.keys()):
            del copy[key]
        for bone in copy.pose.bones:
            while bone.constraints:
                bone.constraints.remove(bone.constraints[0])
            bone.custom_shape = None
            bone.matrix_basis = Matrix()
            if not posed:
                continue
            follow = bone.constraints.new("COPY_ROTATION")
            follow.target, follow.subtarget = rig, bone.name
            follow.target_space = follow.owner_space = "LOCAL"
        return copy


def carry(meshes: Iterable[bpy.types.Object], skeleton: bpy.types.Object, rig: bpy.types.Object) -> None:
    """Let copies of a rig's meshes be moved by its skeleton."""
    for mesh in meshes:
        for modifier in mesh.modifiers:
            if modifier.type == "ARMATURE" and modifier.object == rig:
                modifier.object = skeleton
        mesh.parent = skeleton
        mesh.matrix_parent_inverse = Matrix()
        mesh.matrix_basis = Matrix()


def drop_loose(mesh: bpy.types.Object) -> None:
    """Take a copy's vertices of no face away, which lie on its border; what all others carry stays."""
    used = np.empty(len(mesh.data.loops), np.int32)
    mesh.data.loops.foreach_get("vertex_index", used)
    loose = np.setdiff1d(np.arange(len(mesh.data.vertices)), used)
    if not len(loose):
        return
    edit = bmesh.new()
    edit.from_mesh(mesh.data)
    edit.verts.ensure_lookup_table()
    for vertex in [edit.verts[index] for index in loose.tolist()]:
        edit.verts.remove(vertex)
    edit.to_mesh(mesh.data)
    edit.free()


def at_rest(mesh: bpy.types.Object) -> None:
    """Take a copy's expression, and its keyframes, away."""
    keys = mesh.data.shape_keys
    if keys is not None:
        keys.animation_data_clear()
        for key in keys.key_blocks:
            key.value = 0.0


def apply_space(target: bpy.types.Object, space: Matrix) -> None:
    """Bring a copy's data from the world into a space in which the object itself has no transform."""
    matrix = space @ target.matrix_world
    if target.type == "MESH":
        target.data.transform(matrix, shape_keys=True)
        if matrix.determinant() < 0:
            target.data.flip_normals()
    else:
        target.data.transform(matrix)
    target.matrix_world = Matrix()
