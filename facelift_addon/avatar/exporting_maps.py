"""Materials of exported meshes: with the skin's own maps in place of the photo's light, and with pictures as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import bpy
import numpy as np

from ...core.avatar.handoff.maps import skin_maps
from ...core.errors import FaceLiftError
from ...core.system.pictures import png_bytes
from . import base_objects, texturing
from .exporting_copies import Copies

NAMES = ("albedo", "roughness", "normal")
"""Of the maps, at the end of their pictures' names."""


def shows_texture(mesh: bpy.types.Object) -> bool:
    """Whether a mesh is a base mesh that shows a texture of ours."""
    return base_objects.is_base_mesh(mesh) and _texture_of(mesh) is not None


def can_have_maps(mesh: bpy.types.Object) -> bool:
    """Whether maps can be made for a mesh: its texture is ours and square, and no vertices were added or removed."""
    if not shows_texture(mesh) or not 0 < _texture_of(mesh).size[0] == _texture_of(mesh).size[1]:
        return False
    try:
        base_objects.read(mesh)
    except FaceLiftError:
        return False
    return True


def own_materials(copies: Copies, meshes: Iterable[bpy.types.Object]) -> None:
    """Give copied meshes materials of their own; those that share one still do."""
    made: dict[bpy.types.Material, bpy.types.Material] = {}
    for mesh in meshes:
        for slot, material in enumerate(mesh.data.materials):
            if material is not None:
                made[material] = made.get(material) or copies.of(material)
                mesh.data.materials[slot] = made[material]


def give_maps(copies: Copies, mesh: bpy.types.Object, original: bpy.types.Object) -> None:
    """Let a copied mesh's own materials show albedo, roughness and normals in place of the texture.

    Args:
        copies: Removes the pictures at the end.
        mesh: The copy.
        original: What it is a copy of; :func:`can_have_maps` is true of it.
    """
    texture = _texture_of(mesh)
    maps = skin_maps(_pixels(texture), base_objects.read(original))
    head = base_objects.head_of(original)
    name = head.name if head is not None else original.name
    pictures = {kind: _image(copies, f"{name} {kind}", getattr(maps, kind), kind == NAMES[0]) for kind in NAMES}
    for material in filter(None, mesh.data.materials):
        node = texturing.node_of(material)
        if node is not None:
            node.image = pictures["albedo"]
            _link_maps(material.node_tree, node, pictures)


def put_in_files(copies: Copies, meshes: Iterable[bpy.types.Object], folder: Path) -> None:
    """Write pictures that live in the .blend into a folder, and let the meshes' own materials take them from there."""
    written: dict[bpy.types.Image, bpy.types.Image] = {}
    for node in _picture_nodes(meshes):
        image = node.image
        if image.packed_file is None:
            continue
        if image not in written:
            path = folder / f"{bpy.path.clean_name(Path(image.name).stem)}.png"
            image.save(filepath=str(path), save_copy=True)
            written[image] = copies.keep(bpy.data.images.load(str(path)))
            written[image].colorspace_settings.name = image.colorspace_settings.name
        node.image = written[image]


def _texture_of(mesh: bpy.types.Object) -> bpy.types.Image | None:
    """Return the texture of ours that a mesh shows."""
    nodes = [texturing.node_of(material) for material in filter(None, mesh.data.materials)]
    return next((node.image for node in nodes if node is not None and node.image is not None), None)


def _pixels(image: bpy.types.Image) -> np.ndarray:
    """Return an image's pixels [S, S, 3] uint8, upper row first."""
    values = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(values)
    rows = values.reshape(image.size[1], image.size[0], 4)[::-1, :, :3]
    return (np.clip(rows, 0, 1) * 255 + 0.5).astype(np.uint8)


def _image(copies: Copies, name: str, picture: np.ndarray, is_color: bool) -> bpy.types.Image:
    image = copies.keep(bpy.data.images.new(name, picture.shape[1], picture.shape[0]))
    data = png_bytes(picture)
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.colorspace_settings.name = "sRGB" if is_color else "Non-Color"
    return image


def _link_maps(
    tree: bpy.types.NodeTree, albedo: bpy.types.ShaderNodeTexImage, pictures: dict[str, bpy.types.Image]
) -> None:
    """Add roughness and normals to the shader that shows the albedo, where nothing else is."""
    for link in albedo.outputs["Color"].links:
        shader = link.to_node
        if shader.type != "BSDF_PRINCIPLED":
            continue
        if not shader.inputs["Roughness"].is_linked:
            rough = tree.nodes.new("ShaderNodeTexImage")
            rough.image = pictures["roughness"]
            tree.links.new(rough.outputs["Color"], shader.inputs["Roughness"])
        if not shader.inputs["Normal"].is_linked:
            picture, turned = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeNormalMap")
            picture.image = pictures["normal"]
            tree.links.new(picture.outputs["Color"], turned.inputs["Color"])
            tree.links.new(turned.outputs["Normal"], shader.inputs["Normal"])


def _picture_nodes(meshes: Iterable[bpy.types.Object]) -> Iterator[bpy.types.ShaderNodeTexImage]:
    for material in {material for mesh in meshes for material in mesh.data.materials if material is not None}:
        if material.node_tree is not None:
            yield from (node for node in material.node_tree.nodes if node.type == "TEX_IMAGE" and node.image)
