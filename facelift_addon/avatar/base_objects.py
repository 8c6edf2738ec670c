"""Base meshes as objects: made of a fit, found again, and read back.

A base mesh is the child of its head, in the local space that the head had when the mesh was made. Its
vertices are the head model's in their order, and its faces the model's quads but for those beyond the
splats' end. The Basis shape is the face without expression; the shape keys, under their ARKit names, are
the expressions. Their values are those of the photo, or zero for the neutral face.
"""

from __future__ import annotations

import bpy
import numpy as np

from ...core.avatar import anatomy
from ...core.avatar.base_mesh import BaseMesh
from ...core.colors import to_linear
from ...core.errors import FaceLiftError
from ...core.head.model import HeadModel, load_head_model
from ...core.head.pose import Pose
from ...core.head.shape import HeadShape
from .. import compat
from ..splats.data import fits, heads
from . import model_faces

BASE_KEY = "facelift_base_of"
"""Custom property of a base mesh object: the id of its head."""
POSE_KEY = "facelift_pose"
"""Custom property of a base mesh object: 13 numbers, :meth:`Pose.to_list`."""
EXPRESSION_KEY = "facelift_expression"
"""Custom property of a base mesh object: the photo's expression, a coefficient for each of the model's."""
UV_MAP = "UVMap"


def find(head: bpy.types.Object) -> bpy.types.Object | None:
    """Return a head's base mesh, if it still exists in a scene. A duplicated head has none of its own at first."""
    for target in bpy.data.objects:
        if is_base_mesh(target) and target[BASE_KEY] == head.get(heads.ID_KEY) and target.users_scene:
            if target.parent == head or not heads.is_head(target.parent):
                return target
    return None


def is_base_mesh(target: bpy.types.Object | None) -> bool:
    """Whether an object is a base mesh."""
    return target is not None and target.type == "MESH" and BASE_KEY in target


def head_of(target: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the head that an object is or belongs to, or None."""
    if is_base_mesh(target):
        parent = target.parent
        return parent if heads.is_head(parent) else heads.find(target[BASE_KEY])
    return target if heads.is_head(target) else None


def mesh_of(target: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the base mesh that an object is or has, or None."""
    if target is None or is_base_mesh(target):
        return target
    return find(target)


def give(head: bpy.types.Object, base: BaseMesh, neutral: bool) -> bpy.types.Object:
    """Give a head its base mesh. One that it has keeps its materials, modifiers and texture, and takes the new shape.

    Args:
        head: A head; its collections are where the mesh goes.
        base: In the head's local space.
        neutral: Show the face without expression, rather than the photo's.
    """
    target = find(head)
    if target is not None and model_faces.of(target.data, base.model) is None:
        # The user made something else of it: that stays, as an object of its own.
        del target[BASE_KEY]
        target = None
    if target is None:
        target = bpy.data.objects.new(f"{head.name} base mesh", _mesh(f"{head.name} base mesh", base.model))
        for collection in head.users_collection:
            collection.objects.link(target)
        target.parent = head
        target[BASE_KEY] = head[heads.ID_KEY]
        _add_groups(target, base.model)
        _add_shape_keys(target, base.model)
    elif target.data.users > 1:
        target.data = target.data.copy()
    relative = to_head(target, head)
    if (relative != np.eye(4)).any():
        # Tools that changed the head's local space left the mesh where it was in the world.
        base = base.transformed(np.linalg.inv(relative))
    model_faces.keep(target.data, base.model, base.kept, UV_MAP)
    target[POSE_KEY] = base.pose.to_list()
    target[EXPRESSION_KEY] = base.expression.tolist()
    _set_shape(target, base)
    show_expression(target, neutral)
    return target


def show_expression(target: bpy.types.Object, neutral: bool) -> None:
    """Set a base mesh's shape keys to the neutral face, or to the photo's expression."""
    blocks = _key_blocks(target)
    for name, value in zip(load_head_model().expression_names, target[EXPRESSION_KEY], strict=True):
        if name in blocks:
            blocks[name].value = 0.0 if neutral else value


def read(target: bpy.types.Object, head: bpy.types.Object | None = None) -> BaseMesh:
    """Return the base mesh of an object, sculpted as it may be, in its head's local space.

    Args:
        target: A base mesh object.
        head: In whose local space; the mesh's own if None.

    Raises:
        FaceLiftError: vertices or faces were added, or vertices removed ("base-mesh-changed").
    """
    model = load_head_model()
    kept = model_faces.of(target.data, model)
    if kept is None:
        raise FaceLiftError(
            f"Vertices of {target.name!r} were added or removed: it is no base mesh any more.",
            "Delete it or keep it as it is, then fit a new base mesh.",
            code="base-mesh-changed",
        )
    if target.mode == "EDIT":
        target.update_from_editmode()
    pose = Pose.from_list(target[POSE_KEY])
    expression = np.array(target[EXPRESSION_KEY], np.float32)
    blocks = _key_blocks(target)
    neutral = fits.coordinates(blocks[0].data if len(blocks) else target.data.vertices)
    expressions = BaseMesh.from_shape(HeadShape(neutral, np.zeros_like(expression), pose), model).expressions
    for index, name in enumerate(model.expression_names):
        if name in blocks:
            expressions[index] = fits.coordinates(blocks[name].data) - neutral
    base = BaseMesh(model, neutral, expressions, expression, pose, None if kept.all() else kept)
    if head is None:
        return base
    return base.transformed(to_head(target, head))


def to_head(target: bpy.types.Object, head: bpy.types.Object) -> np.ndarray:
    """Return the [4, 4] matrix from a base mesh's local space to a head's.

    Where its own mesh was moved to by itself does not count: it was fitted in place, maybe while the head was
    hidden, and splats that are bound to it go where it is.
    """
    if target.parent == head:
        return np.array(target.matrix_parent_inverse)
    return np.linalg.inv(np.array(head.matrix_world)) @ np.array(target.matrix_world)


def _key_blocks(target: bpy.types.Object):
    """Return a mesh object's shape keys by name; empty where the user removed them all."""
    keys = target.data.shape_keys
    return keys.key_blocks if keys is not None else {}


def _mesh(name: str, model: HeadModel) -> bpy.types.Mesh:
    """Return the model's mesh with texture coordinates and materials; its shape follows."""
    mesh = bpy.data.meshes.new(name)
    # Triangles repeat their last vertex in the model.
    corners = np.ones(model.faces.shape, bool)
    corners[:, 3] = model.faces[:, 2] != model.faces[:, 3]
    sizes = corners.sum(axis=1)
    mesh.vertices.add(len(model.mean))
    mesh.vertices.foreach_set("co", model.mean.ravel())
    mesh.loops.add(int(sizes.sum()))
    mesh.loops.foreach_set("vertex_index", model.faces[corners])
    mesh.polygons.add(len(sizes))
    mesh.polygons.foreach_set("loop_start", (np.cumsum(sizes) - sizes).astype(np.int32))
    mesh.polygons.foreach_set("material_index", anatomy.face_materials(model).astype(np.int32))
    mesh.update(calc_edges=True)
    mesh.uv_layers.new(name=UV_MAP).uv.foreach_set("vector", model.uvs[model.face_uvs[corners]].ravel())
    mesh.shade_smooth()
    for material in anatomy.MATERIALS:
        mesh.materials.append(_plain_material(f"{name} {material.lower()}", material))
    return mesh


def _plain_material(name: str, kind: str) -> bpy.types.Material:
    """Return a new material for what :data:`anatomy.MATERIALS` names."""
    material = bpy.data.materials.new(name)
    linear = (*to_linear(np.array(anatomy.PLAIN_COLORS[kind], np.float32)).tolist(), 1.0)
    material.diffuse_color = linear
    compat.give_nodes_4_5(material)
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = linear
    shader.inputs["Roughness"].default_value = anatomy.ROUGHNESS[kind]
    return material


def _add_groups(target: bpy.types.Object, model: HeadModel) -> None:
    for name, vertices in anatomy.vertex_groups(model).items():
        target.vertex_groups.new(name=name).add(vertices.tolist(), 1.0, "REPLACE")


def _add_shape_keys(target: bpy.types.Object, model: HeadModel) -> None:
    for name in ("Basis", *model.expression_names):
        target.shape_key_add(name=name, from_mix=False)


def _set_shape(target: bpy.types.Object, base: BaseMesh) -> None:
    """Write the coordinates of all shape keys that are still there."""
    mesh = target.data
    mesh.vertices.foreach_set("co", base.neutral.ravel())
    blocks = _key_blocks(target)
    if len(blocks):
        blocks[0].data.foreach_set("co", base.neutral.ravel())
    for name, moves in zip(base.model.expression_names, base.expressions, strict=True):
        if name in blocks:
            blocks[name].data.foreach_set("co", (base.neutral + moves).ravel())
    mesh.update()
