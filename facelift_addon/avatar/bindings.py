"""Splats bound to a mesh: the attributes on both, the modifier, and what may be wrong with it."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.avatar import gaps
from ...core.avatar.base_mesh import BaseMesh
from ...core.errors import FaceLiftError
from ...core.gaussians import Gaussians
from ...core.splats import attributes as names
from ..editing import storage
from ..splats.data import baking, columns, fits, geometry, heads
from ..splats.data.columns import Column
from ..splats.data.following import MESH, METRE, STALE_KEY, VERTICES, find, mesh_of
from ..splats.display.modifier_inputs import ModifierInputs, put_in_order
from . import base_objects
from .binding_nodes import GROUP_NAME, binding_group

MODIFIER_NAME = "Bind to Mesh"


def trouble(context: bpy.types.Context, head: bpy.types.Object) -> str:
    """Return why bound splats don't follow as they should, and what helps; "" where nothing is wrong."""
    modifier = find(head)
    if modifier is None:
        return ""
    mesh = mesh_of(head)
    if mesh is None and ModifierInputs(modifier)[MESH] is not None:
        # Blender keeps what it deletes as long as a modifier names it.
        return "The mesh that these splats follow was deleted: they keep its last shape. Undo, or fit and bind again."
    if mesh is None:
        return "The mesh that these splats follow is gone. They stay at rest: fit a base mesh and bind again."
    owner = mesh.parent
    if owner is not None and owner != head and heads.is_head(owner) and owner.matrix_world != head.matrix_world:
        return f"These splats stay with the mesh of {owner.name!r}, wherever they are moved: fit and bind them again."
    expected = ModifierInputs(modifier)[VERTICES]
    if names.BIND_REST not in mesh.data.attributes or len(mesh.data.vertices) != expected:
        return "The mesh was changed: bind again. Until then the splats stay at rest."
    evaluated = mesh.evaluated_get(context.evaluated_depsgraph_get()).data
    if len(evaluated.vertices) != expected:
        return "The mesh has modifiers that add or remove vertices: switch them off, or the splats stay at rest."
    if names.BIND_TRIANGLE not in head.data.attributes:
        return "These splats are new and follow nothing yet: bind again."
    if STALE_KEY in head.data:
        return "Some splats came later and follow nothing yet: bind again."
    return ""


def attach(head: bpy.types.Object, mesh: bpy.types.Object, base: BaseMesh, bound: Gaussians) -> None:
    """Make an object's splats follow a mesh.

    Args:
        head: In Object Mode.
        mesh: A base mesh.
        base: Its shape, in the head's local space.
        bound: What :func:`core.avatar.binding.bind` made of the head's splats.

    Raises:
        FaceLiftError: the splats were changed since they were read ("splats-changed").
    """
    rows = _without_added(head)
    added = len(bound) - len(next(iter(rows.values())).values)
    if added < 0 or not np.array_equal(bound.means[: len(bound) - added], rows[names.POSITION].values):
        raise FaceLiftError("The splats were changed meanwhile.", "Bind them again.", code="splats-changed")
    extra = columns.from_gaussians(bound.select(np.arange(len(bound) - added, len(bound))), geometry.has_float4())
    following = {name: np.asarray(bound.extras[name], np.float32) for name in names.BINDING}
    rows = {name: _longer(column, extra.get(name), added) for name, column in rows.items()} | {
        name: Column("FLOAT_VECTOR", np.ascontiguousarray(values)) for name, values in following.items()
    }
    storage.replace(head, rows)
    head.data.pop(STALE_KEY, None)
    _set_rest(head, mesh, base)
    if find(head) is None:
        head.modifiers.new(MODIFIER_NAME, "NODES").node_group = binding_group()
        put_in_order(head, GROUP_NAME)
    inputs = ModifierInputs(find(head))
    inputs[MESH], inputs[VERTICES] = mesh, len(mesh.data.vertices)
    inputs[METRE] = base.pose.scale


def detach(head: bpy.types.Object) -> None:
    """Let an object's splats follow nothing any more: modifier, attributes and what binding added go."""
    modifier = find(head)
    if modifier is not None:
        head.modifiers.remove(modifier)
    if names.BIND_TRIANGLE in head.data.attributes:
        storage.replace(head, _without_added(head))
        head.data.pop(STALE_KEY, None)


def at_rest(context: bpy.types.Context, head: bpy.types.Object) -> dict[str, Column]:
    """Return the attributes of an object's own splats as its modifiers make them, but following no mesh.

    Raises:
        FaceLiftError: as :func:`baking.evaluated_columns`.
    """
    modifier = find(head)
    followed = modifier is not None and modifier.show_viewport
    try:
        if followed:
            modifier.show_viewport = False
        with baking.visible(head, context.view_layer):
            return own(baking.evaluated_columns(context, head))
    finally:
        if followed:
            modifier.show_viewport = True


def _without_added(head: bpy.types.Object) -> dict[str, Column]:
    """Return the attributes of an object's own splats, without those of a binding."""
    return own(geometry.read(head.data))


def own(rows: dict[str, Column]) -> dict[str, Column]:
    """Return attributes of splats without those of a binding, and without the splats that it added."""
    opening = rows.get(names.BIND_OPENING)
    unbound = {name: column for name, column in rows.items() if name not in names.BINDING}
    if opening is None or not (opening.values > 0).any():
        return unbound
    kept = (opening.values <= 0).all(axis=1)
    return {name: Column(column.type, np.ascontiguousarray(column.values[kept])) for name, column in unbound.items()}


def _longer(column: Column, added: Column | None, count: int) -> Column:
    """Return a column with ``count`` further rows: those given, or zeros."""
    zeros = np.zeros((count, *column.values.shape[1:]), column.values.dtype)
    more = zeros if added is None else added.values.astype(column.values.dtype)
    return Column(column.type, np.concatenate([column.values, more]))


def _set_rest(head: bpy.types.Object, mesh: bpy.types.Object, base: BaseMesh) -> None:
    """Store on the mesh where its vertices are at rest, and its gaps."""
    rest = _as_in_photo(mesh)
    relative = base_objects.to_head(mesh, head)
    if (relative != np.eye(4)).any():
        rest = (rest.astype(np.float64) @ relative[:3, :3].T + relative[:3, 3]).astype(np.float32)
    for name, kind, values in (
        (names.BIND_REST, "FLOAT_VECTOR", rest),
        (names.BIND_GAPS, "FLOAT_VECTOR", gaps.gap_weights(base.model)),
    ):
        attribute = mesh.data.attributes.get(name) or mesh.data.attributes.new(name, kind, "POINT")
        attribute.data.foreach_set(columns.KINDS[kind].field, np.ascontiguousarray(values, np.float32).ravel())
    mesh.data.update_tag()


def _as_in_photo(mesh: bpy.types.Object) -> np.ndarray:
    """Return the vertices [V, 3] float32 of a base mesh with the photo's expression, bit by bit as Blender makes them.

    Shape keys round in their own way, so a copy of the mesh without modifiers and animation is evaluated.
    """
    data = mesh.data.copy()
    carrier = bpy.data.objects.new(".rest", data)
    scene = bpy.data.scenes.new(".rest")
    try:
        keys = data.shape_keys
        if keys is not None:
            keys.animation_data_clear()
            carrier[base_objects.EXPRESSION_KEY] = mesh[base_objects.EXPRESSION_KEY]
            for block in keys.key_blocks[1:]:
                block.value = 0.0
            base_objects.show_expression(carrier, neutral=False)
        scene.collection.objects.link(carrier)
        layer = scene.view_layers[0]
        layer.update()
        return fits.coordinates(carrier.evaluated_get(layer.depsgraph).data.vertices)
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.objects.remove(carrier)
        bpy.data.meshes.remove(data)
