"""Hair cards as an object: a mesh that hangs on the base mesh, and goes along with its expressions and its rig."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...core.avatar.base_mesh import BaseMesh
from ...core.groom.cards.cards import Cards, carried, moves_of
from ...core.groom.roots import Roots
from .. import compat
from ..splats.data import fits, heads
from ..splats.display.nodes import Builder

CARDS_KEY = "facelift_cards"
"""Custom property of a mesh object that is hair cards: how many there are."""
SHOWN_KEY = "facelift_shows_cards"
"""Custom property of a base mesh object: whether its hair is shown as cards, where there are both."""
UV_MAP = "UVMap"
COLOR_NODE, NORMAL_NODE = "FaceLift Hair Color", "FaceLift Hair Normals"
"""Names of the image nodes in the cards' material: new pictures go where the old ones were."""
CUTOFF_NODE = "Alpha Cutoff"
CUTOFF = 0.35
"""Opacity from which a place counts as hair: game engines need it to sort nothing."""
ROUGHNESS = 0.5
CORNERS, SHARES = ("root_corner_0", "root_corner_1", "root_corner_2"), "root_weights"
"""Attributes of the cards' vertices: the base mesh's vertices around their root, and how much each counts there."""


@dataclass(frozen=True, eq=False)
class Made:
    """Hair cards on their way into the scene.

    Attributes:
        mesh: The name of the base mesh object.
        head: The id of its head.
        cards: In the mesh's local space.
        moves: [E, V, 3] what each expression does to them.
        expressions: The expressions' names.
        color: The atlas as a PNG file's bytes: colour and opacity.
        normal: The same, normals.
    """

    mesh: str
    head: str
    cards: Cards
    moves: np.ndarray
    expressions: tuple[str, ...]
    color: bytes
    normal: bytes


def is_cards(target: bpy.types.Object | None) -> bool:
    """Whether an object is hair cards. Without their roots they are the user's own mesh."""
    if target is None or target.type != "MESH" or CARDS_KEY not in target:
        return False
    return all(name in target.data.attributes for name in (*CORNERS, SHARES))


def of(mesh: bpy.types.Object | None) -> list[bpy.types.Object]:
    """Return the hair cards of a base mesh."""
    return [child for child in mesh.children if is_cards(child) and child.users_scene] if mesh is not None else []


def are_shown(mesh: bpy.types.Object | None) -> bool:
    """Whether a base mesh's hair is shown as cards rather than as curves."""
    return mesh is not None and bool(mesh.get(SHOWN_KEY)) and bool(of(mesh))


def give(mesh: bpy.types.Object, made: Made) -> bpy.types.Object:
    """Give a base mesh its hair cards; those that it has keep their material, and get the new pictures."""
    name = f"{mesh.parent.name if mesh.parent is not None else mesh.name} hair cards"
    data = _mesh(name, made.cards)
    target = next(iter(of(mesh)), None)
    if target is None:
        target = bpy.data.objects.new(name, data)
        for collection in mesh.users_collection:
            collection.objects.link(target)
        target.parent = mesh
        data.materials.append(_material(name))
    else:
        before, target.data = target.data, data
        for material in before.materials:
            data.materials.append(material)
        target.vertex_groups.clear()
        if not before.users:
            data_name = before.name
            bpy.data.meshes.remove(before)
            data.name = data_name
    target[CARDS_KEY] = made.cards.count
    for material in filter(None, data.materials):
        _show(material, COLOR_NODE, f"{name} color", made.color)
        _show(material, NORMAL_NODE, f"{name} normals", made.normal)
    _add_expressions(target, mesh, made)
    follow_rig(mesh)
    return target


def follow(mesh: bpy.types.Object, before: BaseMesh, after: BaseMesh) -> None:
    """Let cards go along with a mesh whose neutral face has changed.

    Args:
        mesh: The base mesh.
        before: As it was, in its own local space.
        after: As it is.
    """
    for target in of(mesh):
        keys = target.data.shape_keys
        places, shares = _roots(target.data)
        if keys is None:
            continue
        roots, owners = Roots(places, shares, np.zeros((len(places), 2), np.float32)), np.arange(len(places))
        vertices = carried(fits.coordinates(keys.key_blocks[0].data), roots, owners, before.neutral, after.neutral)
        target.data.vertices.foreach_set("co", vertices.ravel())
        keys.key_blocks[0].data.foreach_set("co", vertices.ravel())
        moves = moves_of(vertices, roots, owners, after)
        for name, moved in zip(after.model.expression_names, moves, strict=True):
            if name in keys.key_blocks:
                keys.key_blocks[name].data.foreach_set("co", (vertices + moved).ravel())
        target.data.update()


def follow_rig(mesh: bpy.types.Object) -> None:
    """Let a base mesh's cards be moved by its rig, or by none where it has none."""
    armatures = [item for item in mesh.modifiers if item.type == "ARMATURE" and item.object is not None]
    for target in of(mesh):
        for modifier in [item for item in target.modifiers if item.type == "ARMATURE"]:
            target.modifiers.remove(modifier)
        for source in armatures:
            _hang(target, mesh, source)


def _hang(target: bpy.types.Object, mesh: bpy.types.Object, source: bpy.types.ArmatureModifier) -> None:
    """Give cards a modifier like one of the mesh's, and the weights that the mesh has at their roots."""
    bones = {bone.name for bone in source.object.data.bones if bone.use_deform}
    names = [group.name for group in mesh.vertex_groups if group.name in bones]
    for name, values in zip(names, _at_roots(target.data, _weights(mesh, names)), strict=True):
        stale = target.vertex_groups.get(name)
        if stale is not None:
            target.vertex_groups.remove(stale)
        group = target.vertex_groups.new(name=name)
        for weight in np.unique(values[values > 0]):
            group.add(np.flatnonzero(values == weight).tolist(), float(weight), "REPLACE")
    modifier = target.modifiers.new(source.name, "ARMATURE")
    modifier.object = source.object
    modifier.use_vertex_groups, modifier.use_bone_envelopes = True, False
    target.modifiers.move(len(target.modifiers) - 1, 0)


def _weights(mesh: bpy.types.Object, names: list[str]) -> np.ndarray:
    """Return what a mesh's vertices have of vertex groups, [B, V] float32."""
    rows = {mesh.vertex_groups[name].index: row for row, name in enumerate(names)}
    weights = np.zeros((len(names), len(mesh.data.vertices)), np.float32)
    for vertex in mesh.data.vertices:
        for member in vertex.groups:
            if member.group in rows:
                weights[rows[member.group], vertex.index] = member.weight
    return weights


def _at_roots(cards: bpy.types.Mesh, weights: np.ndarray) -> np.ndarray:
    """Return the weights [B, V] float32 that cards have whose mesh has weights [B, V']."""
    places, shares = _roots(cards)
    # Rounded, so that equal weights are equal.
    return np.einsum("bvk,vk->bv", weights[:, places], shares).round(5)


def _roots(cards: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Return the base mesh's vertices [V, 3] int32 around each vertex's root, and their weights [V, 3] float32."""
    count = len(cards.vertices)
    places, shares = np.zeros((len(CORNERS), count), np.int32), np.zeros((count, len(CORNERS)), np.float32)
    for name, row in zip(CORNERS, places, strict=True):
        cards.attributes[name].data.foreach_get("value", row)
    cards.attributes[SHARES].data.foreach_get("vector", shares.ravel())
    return np.ascontiguousarray(places.T), shares


def _mesh(name: str, cards: Cards) -> bpy.types.Mesh:
    """Return the cards' mesh with texture coordinates, normals and roots."""
    mesh = bpy.data.meshes.new(name)
    corners = np.ones(cards.faces.shape, bool)
    corners[:, 3] = cards.faces[:, 2] != cards.faces[:, 3]
    sizes, flat = corners.sum(axis=1), cards.faces[corners]
    mesh.vertices.add(len(cards.vertices))
    mesh.vertices.foreach_set("co", cards.vertices.ravel())
    mesh.loops.add(len(flat))
    mesh.loops.foreach_set("vertex_index", flat)
    mesh.polygons.add(len(sizes))
    mesh.polygons.foreach_set("loop_start", (np.cumsum(sizes) - sizes).astype(np.int32))
    mesh.update(calc_edges=True)
    mesh.uv_layers.new(name=UV_MAP).uv.foreach_set("vector", cards.uvs[flat].ravel())
    mesh.shade_smooth()
    for column, corner in enumerate(CORNERS):
        values = np.ascontiguousarray(cards.roots.corners[cards.owners, column], np.int32)
        mesh.attributes.new(corner, "INT", "POINT").data.foreach_set("value", values)
    shares = np.ascontiguousarray(cards.roots.weights[cards.owners], np.float32)
    mesh.attributes.new(SHARES, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", shares.ravel())
    mesh.normals_split_custom_set_from_vertices(cards.normals.tolist())
    return mesh


def _add_expressions(target: bpy.types.Object, mesh: bpy.types.Object, made: Made) -> None:
    """Give cards a shape key for each expression that their mesh has, driven by it."""
    keys = mesh.data.shape_keys
    known = keys.key_blocks if keys is not None else ()
    target.shape_key_add(name="Basis", from_mix=False)
    for name, moves in zip(made.expressions, made.moves, strict=True):
        if name not in known:
            continue
        block = target.shape_key_add(name=name, from_mix=False)
        block.data.foreach_set("co", (made.cards.vertices + moves).ravel())
        # No script: it runs in files that are not trusted.
        driver = block.driver_add("value").driver
        driver.type = "AVERAGE"
        source = driver.variables.new().targets[0]
        source.id_type, source.id = "KEY", keys
        source.data_path = f'key_blocks["{name}"].value'


def _material(name: str) -> bpy.types.Material:
    """Return a new material: opaque or not there, from both sides, with the pictures that come next."""
    material = bpy.data.materials.new(name)
    tree = compat.give_nodes_4_5(material)
    nodes, links = tree.nodes, tree.links
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = ROUGHNESS
    shader.inputs["Specular IOR Level"].default_value = 0.3
    material.use_backface_culling = False
    color, normal = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeTexImage")
    color.name = color.label = COLOR_NODE
    normal.name = normal.label = NORMAL_NODE
    alpha = Builder(tree).math("GREATER_THAN", color.outputs["Alpha"], CUTOFF)
    cutoff = alpha.node
    cutoff.name = cutoff.label = CUTOFF_NODE
    bump = nodes.new("ShaderNodeNormalMap")
    bump.uv_map = UV_MAP
    place = shader.location
    color.location, cutoff.location = (place.x - 560, place.y), (place.x - 240, place.y - 120)
    normal.location, bump.location = (place.x - 560, place.y - 320), (place.x - 240, place.y - 320)
    links.new(color.outputs["Color"], shader.inputs["Base Color"])
    links.new(alpha, shader.inputs["Alpha"])
    links.new(normal.outputs["Color"], bump.inputs["Color"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    # Solid mode's texture colours show the active node.
    nodes.active = color
    return material


def _show(material: bpy.types.Material, node_name: str, name: str, png: bytes) -> None:
    """Let an image node of a material show a new picture; without that node, the user has made it another material."""
    tree = material.node_tree
    node = tree.nodes.get(node_name) if tree is not None else None
    if node is None:
        return
    before, node.image = node.image, heads.packed_image(name, png)
    if before is not None and not before.users:
        bpy.data.images.remove(before)
        node.image.name = name
    if node_name == NORMAL_NODE:
        node.image.colorspace_settings.name = "Non-Color"
