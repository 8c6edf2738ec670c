"""The formats of an avatar, each through Blender's own writer."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from math import radians
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...core.avatar.handoff.humanoid import EYE_HEIGHT
from ...core.avatar.handoff.seam import End
from ...core.avatar.handoff.vrm import Meta, to_vrm
from ...core.head.pose import Pose
from . import base_objects
from .exporting_copies import Copies, apply_space, at_rest, carry, drop_loose
from .exporting_following import playing_alike
from .exporting_lods import add_levels
from .exporting_maps import can_have_maps, give_maps, own_materials, put_in_files
from .exporting_seam import cut
from .exporting_stage import alone, switched_on

CENTIMETRES = 100.0
FILE_AXES = Matrix.Rotation(radians(-90), 4, "X")
"""From Blender's axes to those of glTF and FBX: Y is up, Z comes out of the face."""


@dataclass(frozen=True)
class Wanted:
    """What to export.

    Attributes:
        mesh: A mesh with shape keys.
        rig: What moves it; None to leave it out.
        companions: Other meshes that belong to it.
        materials: Whether with materials and textures.
        animation: Whether with keyframes.
        end: Where base meshes end below.
        delit: Whether base meshes get the skin's colour without the photo's light, roughness and normals.
        lods: How many levels of detail beside the whole mesh.
        meta: What a VRM file says of itself.
    """

    mesh: bpy.types.Object
    rig: bpy.types.Object | None
    companions: tuple[bpy.types.Object, ...]
    materials: bool
    animation: bool
    end: End = End.SPLATS
    delit: bool = False
    lods: int = 0
    meta: Meta | None = None

    @property
    def meshes(self) -> tuple[bpy.types.Object, ...]:
        """All meshes."""
        return (self.mesh, *self.companions)

    @property
    def objects(self) -> tuple[bpy.types.Object, ...]:
        """All objects, the mesh first."""
        return (self.mesh, *([self.rig] if self.rig is not None else []), *self.companions)

    @property
    def changes(self) -> bool:
        """Whether what is written is not the mesh as it is."""
        return self.lods > 0 or self.makes_maps or self.is_cut

    @property
    def is_cut(self) -> bool:
        """Whether the mesh ends higher up than it is."""
        return self.end is not End.SPLATS and base_objects.is_base_mesh(self.mesh)

    @property
    def makes_maps(self) -> bool:
        """Whether the mesh gets the skin's own maps."""
        return self.materials and self.delit and can_have_maps(self.mesh)

    @property
    def is_animated(self) -> bool:
        """Whether there are keyframes to export."""
        owners = [owner for target in self.objects for owner in (target, target.data)]
        owners += [owner.shape_keys for owner in owners if isinstance(owner, bpy.types.Mesh)]
        data = [owner.animation_data for owner in owners if owner is not None]
        return self.animation and any(
            item is not None and (item.action is not None or len(item.nla_tracks)) for item in data
        )


def made_ready(copies: Copies, wanted: Wanted) -> list[bpy.types.Object]:
    """Return copies of all meshes, the main one changed as it is wanted."""
    mesh, *others = [copies.object(mesh) for mesh in wanted.meshes]
    if wanted.is_cut:
        cut(mesh, wanted.mesh, wanted.end)
    drop_loose(mesh)
    if wanted.materials:
        own_materials(copies, (mesh, *others))
    if wanted.makes_maps:
        give_maps(copies, mesh, wanted.mesh)
    return [mesh, *(add_levels(copies, mesh, wanted.lods) if wanted.lods else ()), *others]


def write_glb(context: bpy.types.Context, wanted: Wanted, path: Path) -> None:
    """Write glTF: meshes where they are in the world, expressions as morph targets, bones as a skin."""
    with Copies() as copies:
        meshes = made_ready(copies, wanted) if wanted.changes else list(wanted.meshes)
        rig = [wanted.rig] if wanted.rig is not None else []
        with alone(context, [*meshes, *rig]), playing_alike(meshes[0], meshes[1:]):
            _write_gltf(path, wanted.rig is not None, wanted.is_animated, wanted.materials)


def _write_gltf(path: Path, skins: bool, animations: bool, materials: bool) -> None:
    with switched_on("io_scene_gltf2", "glTF"):
        bpy.ops.export_scene.gltf(
            filepath=str(path),
            check_existing=False,
            export_format="GLB",
            use_selection=True,
            use_active_scene=True,
            export_morph=True,
            export_morph_normal=True,
            export_skins=skins,
            export_def_bones=True,
            export_animations=animations,
            # The numbers that cut meshes have are such an attribute.
            export_attributes=True,
            export_materials="EXPORT" if materials else "NONE",
        )


def write_obj(context: bpy.types.Context, wanted: Wanted, path: Path) -> None:
    """Write Wavefront OBJ: the meshes as they are shown."""
    with Copies() as copies:
        meshes = made_ready(copies, wanted) if wanted.changes else list(wanted.meshes)
        _write_wavefront(context, wanted, meshes, path)


def _write_wavefront(context: bpy.types.Context, wanted: Wanted, meshes: list[bpy.types.Object], path: Path) -> None:
    with alone(context, [*meshes, *([wanted.rig] if wanted.rig is not None else [])]):
        bpy.ops.wm.obj_export(
            filepath=str(path),
            check_existing=False,
            export_selected_objects=True,
            apply_modifiers=True,
            export_materials=wanted.materials,
            path_mode="COPY",
        )
    if wanted.materials:
        for mesh in meshes:
            _add_packed_textures(path.with_suffix(".mtl"), mesh)


def write_fbx(context: bpy.types.Context, wanted: Wanted, path: Path) -> None:
    """Write FBX as Unity and Unreal like it best: centimetres, Y up, and no object that is turned or scaled for it.

    What turns and scales the head, and the step to FBX's axes and units, goes into the data; the root keeps the head's
    place and turn. Bones have no extra ends, and modifiers stay off: with them the writer leaves shape keys out.
    Pictures lie in the folder beside it that FBX has for them.
    """
    place, turn, _ = wanted.mesh.matrix_world.decompose()
    stand = Matrix.LocRotScale(place, turn, None)
    to_file = Matrix.Scale(CENTIMETRES, 4) @ FILE_AXES
    with Copies() as copies, tempfile.TemporaryDirectory() as folder:
        meshes = made_ready(copies, wanted)
        put_in_files(copies, meshes, Path(folder))
        skeleton = copies.skeleton(wanted.rig) if wanted.rig is not None else None
        objects = [*meshes, *([skeleton] if skeleton is not None else [])]
        for target in objects:
            apply_space(target, to_file @ stand.inverted())
        if skeleton is not None:
            carry(meshes, skeleton, wanted.rig)
        for root in [skeleton] if skeleton is not None else meshes:
            root.matrix_world = to_file @ stand @ to_file.inverted()
        with alone(context, objects) as scene, switched_on("io_scene_fbx", "FBX"):
            # Centimetres are the scene's own unit: nothing is left for the writer to scale.
            scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 1 / CENTIMETRES
            bpy.ops.export_scene.fbx(
                filepath=str(path),
                check_existing=False,
                use_selection=True,
                object_types={"ARMATURE", "MESH"},
                apply_unit_scale=True,
                apply_scale_options="FBX_SCALE_NONE",
                axis_forward="-Z",
                axis_up="Y",
                use_space_transform=False,
                use_mesh_modifiers=False,
                mesh_smooth_type="FACE",
                add_leaf_bones=False,
                use_armature_deform_only=True,
                bake_anim=wanted.is_animated,
                bake_anim_use_all_bones=False,
                bake_anim_use_nla_strips=False,
                bake_anim_use_all_actions=False,
                bake_anim_simplify_factor=0.0,
                path_mode="COPY",
            )


def write_vrm(context: bpy.types.Context, wanted: Wanted, path: Path) -> None:
    """Write VRM 1.0: the head at rest and without expression, standing in metres where a whole person's would be."""
    pose = Pose.from_list(wanted.mesh[base_objects.POSE_KEY]).transformed(np.array(wanted.mesh.matrix_world))
    turn = Matrix(pose.rotation.tolist()).to_4x4().transposed()
    lift = Matrix.Translation((0, 0, EYE_HEIGHT * pose.scale))
    stand = lift @ turn @ Matrix.Translation(-Vector(pose.translation))
    with Copies() as copies:
        meshes = made_ready(copies, wanted)
        skeleton = copies.skeleton(wanted.rig, posed=False)
        for target in (*meshes, skeleton):
            apply_space(target, stand)
        for mesh in meshes:
            at_rest(mesh)
        carry(meshes, skeleton, wanted.rig)
        with alone(context, [*meshes, skeleton]):
            _write_gltf(path.with_suffix(".glb"), True, False, wanted.materials)
    written = path.with_suffix(".glb")
    path.write_bytes(to_vrm(written.read_bytes(), wanted.meta, pose.scale))
    written.unlink()


WRITERS = {"GLB": write_glb, "OBJ": write_obj, "FBX": write_fbx, "VRM": write_vrm}


def _add_packed_textures(library: Path, mesh: bpy.types.Object) -> None:
    """Write colour textures that live in the .blend beside a material library: Blender's writer leaves them out."""
    blocks = library.read_text(encoding="utf-8").split("newmtl ")
    for material in filter(None, mesh.data.materials):
        image = _color_image(material)
        if image is None or image.packed_file is None:
            continue
        name = bpy.path.clean_name(Path(image.name).stem) + ".png"
        image.save(filepath=str(library.parent / name), save_copy=True)
        for index, block in enumerate(blocks):
            if block.partition("\n")[0].strip() == material.name.replace(" ", "_") and "map_Kd" not in block:
                # Readers multiply both.
                block = re.sub(r"(?m)^Kd .*$", "Kd 1.0 1.0 1.0", block)
                blocks[index] = f"{block.rstrip()}\nmap_Kd {name}\n\n"
    library.write_text("newmtl ".join(blocks), encoding="utf-8")


def _color_image(material: bpy.types.Material) -> bpy.types.Image | None:
    """Return the image that is a material's colour, if that is all that there is to it."""
    tree = material.node_tree
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None) if tree is not None else None
    links = shader.inputs["Base Color"].links if shader is not None else ()
    return links[0].from_node.image if links and links[0].from_node.type == "TEX_IMAGE" else None
