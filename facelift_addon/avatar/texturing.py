"""The base mesh's texture: baked from the splats, packed into the file, shown by its materials."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from ...core.avatar.base_mesh import BaseMesh
from ...core.avatar.texture.bake import SIZE, SIZES, bake_texture
from ...core.errors import FaceLiftError
from ...core.gaussians import Gaussians
from ...core.progress import Reporter
from ...core.system.pictures import png_bytes
from ..interface.explaining import Explained
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from ..splats.data import columns, heads
from . import base_objects, bindings
from .belonging import base_mesh_of

TITLE = "Baking the texture"
NODE = "FaceLift Texture"
"""Name of the image node in the base mesh's materials: a new texture goes where the old one was."""
DELIGHT = FloatProperty(
    name="Delight",
    description="How much of the photo's light to take off the skin: its smooth shading, not its cast shadows",
    default=0.0,
    min=0.0,
    max=1.0,
    subtype="FACTOR",
)


@dataclass(frozen=True, eq=False)
class Baked:
    """A baked texture on its way into the scene: the PNG file's bytes and the picture's size."""

    png: bytes
    size: int


_handover = Handover[tuple[str, str, Baked]]("The texture", "Bake it again.", keep=False)
"""Of a texture with its head's id and name."""


def bake(gaussians: Gaussians, base: BaseMesh, size: int, delight: float, reporter: Reporter) -> Baked:
    """Bake a texture; touches no Blender data. Parameters and errors as for :func:`bake_texture`."""
    return Baked(png_bytes(bake_texture(gaussians, base, size, delight, reporter).image), size)


def give(target: bpy.types.Object, head: bpy.types.Object, baked: Baked) -> bpy.types.Image:
    """Show a texture on a base mesh: packed into the file, in all its materials whose colour is still ours.

    Args:
        target: A base mesh object.
        head: Its head, whose name the image takes.
        baked: The texture.
    """
    image = bpy.data.images.new(f"{head.name} texture", baked.size, baked.size)
    image.pack(data=baked.png, data_len=len(baked.png))
    image.source = "FILE"
    image.colorspace_settings.name = "sRGB"
    before = {_show(slot.material, image) for slot in target.material_slots if slot.material is not None}
    name = f"{head.name} texture"
    for old in before - {None, image}:
        if old.users == 0:
            bpy.data.images.remove(old)
    image.name = name
    return image


def node_of(material: bpy.types.Material | None) -> bpy.types.ShaderNodeTexImage | None:
    """Return the node with which a base mesh's material shows a texture of ours, if it has one."""
    tree = material.node_tree if material is not None else None
    return tree.nodes.get(NODE) if tree is not None else None


def _show(material: bpy.types.Material, image: bpy.types.Image) -> bpy.types.Image | None:
    """Let a material show an image; return the one it showed before. What the user made of it stays."""
    tree, node = material.node_tree, node_of(material)
    if node is None and tree is not None and material.is_editable:
        shader = next((item for item in tree.nodes if item.type == "BSDF_PRINCIPLED"), None)
        if shader is None or shader.inputs["Base Color"].is_linked:
            return None
        node = tree.nodes.new("ShaderNodeTexImage")
        node.name = node.label = NODE
        node.location = shader.location.x - 320, shader.location.y
        tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
        # Solid mode's texture colours show the active node.
        tree.nodes.active = node
    if node is None:
        return None
    before, node.image = node.image, image
    return before


def has_texture(mesh: bpy.types.Object) -> bool:
    """Whether a mesh object's materials show a picture."""
    trees = [slot.material.node_tree for slot in mesh.material_slots if slot.material is not None]
    return any(node.type == "TEX_IMAGE" and node.image for tree in trees if tree is not None for node in tree.nodes)


class FACELIFT_OT_bake_texture(Explained, bpy.types.Operator):
    """Bake what the splats show onto the base mesh again, for example after they were edited"""

    bl_idname = "facelift.bake_texture"
    bl_label = "Bake Texture"
    # The undo step is that of the operator that adds the texture.
    bl_options = {"REGISTER"}

    size: EnumProperty(
        name="Size",
        description="Width and height in pixels",
        items=[(str(size), str(size), f"{size} × {size} pixels") for size in SIZES],
        default=str(SIZE),
    )
    delight: DELIGHT
    in_background: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A base mesh and its head must be there, outside Edit Mode."""
        mesh = base_mesh_of(context.active_object)
        if mesh is None or base_objects.head_of(mesh) is None:
            return "Select a head that has a base mesh"
        return "Leave Edit Mode first" if context.mode in ("EDIT_MESH", "EDIT_POINTCLOUD") else ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for size and delighting; then the bake goes on in the background."""
        self.in_background = True
        return context.window_manager.invoke_props_dialog(self, confirm_text="Bake")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Bake."""
        mesh = base_mesh_of(context.active_object)
        head = base_objects.head_of(mesh)
        base, rows = base_objects.read(mesh, head), bindings.at_rest(context, head)
        size, delight = int(self.size), self.delight
        identifier, name = head[heads.ID_KEY], head.name

        def work(reporter: Reporter) -> Baked:
            return bake(columns.to_gaussians(rows), base, size, delight, reporter)

        def finish(baked: Baked) -> str:
            return _add(identifier, name, baked)

        if self.in_background:
            errands.start(TITLE, work, finish, belongs_to_file=True, heavy=True)
        else:
            self.report({"INFO"}, finish(work(Reporter())))
        return {"FINISHED"}


class FACELIFT_OT_add_texture(bpy.types.Operator):
    """Give a base mesh the texture that was baked for it"""

    bl_idname = "facelift.add_texture"
    bl_label = "Bake Texture"
    bl_options = {"UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show it on the mesh."""
        identifier, name, baked = _handover.take(self.made)
        head = heads.find(identifier, name)
        mesh = base_objects.find(head) if head is not None else None
        if mesh is None:
            raise FaceLiftError(
                "The base mesh is gone.", "Undo, or fit it again, and then bake.", code="base-mesh-gone"
            )
        give(mesh, head, baked)
        return {"FINISHED"}


def _add(identifier: str, name: str, baked: Baked) -> str:
    """Bring a texture into the scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_texture, (identifier, name, baked))
    return f"{name} has a texture"


CLASSES = (FACELIFT_OT_bake_texture, FACELIFT_OT_add_texture)
"""Operators of the texture."""
