"""Wrap meshes as objects: made, found again, and taken away when they are as they were made."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import bpy
import numpy as np

from ...core.avatar.wrap.wrap import Wrap
from ...core.colors import to_linear
from .. import compat
from ..splats.data import fits, heads

WRAP_KEY = "facelift_wrap_of"
"""Custom property of a wrap mesh object: the id of its splats' object."""
MARK_KEY = "facelift_wrap_mark"
"""Custom property: tells whether somebody sculpted it since."""
COLOR = "Color"
UV_MAP = "UVMap"


@dataclass(frozen=True, eq=False)
class Wrapped:
    """A wrap mesh on its way into the scene.

    Attributes:
        head: The id of the splats' object.
        name: Its name.
        mesh: In its local space.
        linear: [V, 4] float32 scene-linear colours.
        png: The texture as a file's bytes; None without.
    """

    head: str
    name: str
    mesh: Wrap
    linear: np.ndarray
    png: bytes | None


def is_wrap(target: bpy.types.Object | None) -> bool:
    """Whether an object is a wrap mesh."""
    return target is not None and target.type == "MESH" and WRAP_KEY in target


def head_of(target: bpy.types.Object) -> bpy.types.Object | None:
    """Return the splats around which a mesh is wrapped, if they still exist."""
    return target.parent if heads.is_head(target.parent) else heads.find(target[WRAP_KEY])


def find(head: bpy.types.Object) -> bpy.types.Object | None:
    """Return the newest wrap mesh of splats."""
    found = [
        target
        for target in bpy.data.objects
        if is_wrap(target) and target[WRAP_KEY] == head.get(heads.ID_KEY) and target.parent == head
    ]
    return found[-1] if found else None


def give(head: bpy.types.Object, wrapped: Wrapped) -> bpy.types.Object:
    """Add a wrap mesh where its splats are; one that nobody changed makes place for it."""
    before = find(head)
    if before is not None and before.get(MARK_KEY) == mark(before.data) and not before.modifiers:
        _remove(before)
    mesh = _mesh(f"{head.name} wrap", wrapped)
    target = bpy.data.objects.new(mesh.name, mesh)
    for collection in head.users_collection:
        collection.objects.link(target)
    target.parent = head
    target[WRAP_KEY] = head[heads.ID_KEY]
    target[MARK_KEY] = mark(mesh)
    return target


def mark(mesh: bpy.types.Mesh) -> str:
    """Return a text that changes with a mesh's vertices."""
    return f"{zlib.crc32(fits.coordinates(mesh.vertices)):08x}"


def _mesh(name: str, wrapped: Wrapped) -> bpy.types.Mesh:
    wrap = wrapped.mesh
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(wrap.vertices))
    mesh.vertices.foreach_set("co", wrap.vertices.ravel())
    mesh.loops.add(wrap.triangles.size)
    mesh.loops.foreach_set("vertex_index", wrap.triangles.ravel())
    mesh.polygons.add(len(wrap.triangles))
    mesh.polygons.foreach_set("loop_start", np.arange(0, wrap.triangles.size, 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    mesh.color_attributes.new(COLOR, "FLOAT_COLOR", "POINT").data.foreach_set("color", wrapped.linear.ravel())
    image = None
    if wrapped.png is not None:
        corners = wrap.unfolding.uvs[wrap.unfolding.triangles.ravel()]
        mesh.uv_layers.new(name=UV_MAP).uv.foreach_set("vector", corners.ravel())
        image = heads.packed_image(name, wrapped.png)
    mesh.materials.append(_material(name, image))
    return mesh


def _material(name: str, image: bpy.types.Image | None) -> bpy.types.Material:
    """Return a material that shows the texture, or without one the colour attribute."""
    material = bpy.data.materials.new(name)
    compat.give_nodes_4_5(material)
    nodes = material.node_tree.nodes
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.6
    shader.inputs["Specular IOR Level"].default_value = 0.2
    if image is None:
        color = nodes.new("ShaderNodeVertexColor")
        color.layer_name = COLOR
    else:
        color = nodes.new("ShaderNodeTexImage")
        color.image = image
        # Solid mode's texture colours show the active node.
        nodes.active = color
    color.location = shader.location.x - 320, shader.location.y
    material.node_tree.links.new(color.outputs["Color"], shader.inputs["Base Color"])
    return material


def _remove(target: bpy.types.Object) -> None:
    """Remove a wrap mesh and what nobody else uses of it."""
    mesh = target.data
    materials = [material for material in mesh.materials if material is not None]
    bpy.data.objects.remove(target)
    if mesh.users:
        return
    bpy.data.meshes.remove(mesh)
    for material in [material for material in materials if not material.users]:
        images = [node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE" and node.image]
        bpy.data.materials.remove(material)
        for image in [image for image in images if not image.users]:
            bpy.data.images.remove(image)


def make(head: str, name: str, wrap: Wrap, png: bytes | None) -> Wrapped:
    """Return a wrap with all that a scene needs of it; touches no Blender data."""
    linear = np.ones((len(wrap.vertices), 4), np.float32)
    linear[:, :3] = to_linear(wrap.colors)
    return Wrapped(head, name, wrap, linear, png)
