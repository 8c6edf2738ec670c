"""A node for people's own Geometry Nodes that transforms splats: Blender's Transform Geometry moves them only."""

from __future__ import annotations

import bpy

from ..interface.explaining import Explained
from ..splats.display.nodes import Builder, shared_group
from ..splats.display.stretch_nodes import stretch_group

VERSION = 1

NAME = "Transform Splats"
TRANSLATION, ROTATION, SCALE = "Translation", "Rotation", "Scale"


def transform_group() -> bpy.types.NodeTree:
    """Return the group that moves, turns and scales splats, sizes and all.

    View-dependent colours keep their directions.
    """
    inputs = (("Geometry", "Geometry"), (TRANSLATION, "Vector"), (ROTATION, "Rotation"), (SCALE, "Vector"))
    tree = shared_group(NAME, VERSION, inputs, (("Geometry", "Geometry"),), _transform)
    for item in tree.interface.items_tree:
        if item.name == SCALE and tuple(item.default_value) == (0.0, 0.0, 0.0):
            item.default_value = (1.0, 1.0, 1.0)
    return tree


def _transform(builder: Builder, sockets) -> dict:
    parts = {name: sockets[name] for name in (TRANSLATION, ROTATION, SCALE)}
    matrix = builder.node("FunctionNodeCombineTransform", parts).outputs["Transform"]
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    place = {"Vector": position, "Transform": matrix}
    moved = builder.node("FunctionNodeTransformPoint", place).outputs["Vector"]
    splats = {"Geometry": sockets["Geometry"], "Position": moved}
    geometry = builder.node("GeometryNodeSetPosition", splats).outputs["Geometry"]
    stretched = {"Geometry": geometry, "Selection": True, "Gradient": matrix}
    return {"Geometry": builder.group(stretch_group(), stretched)["Geometry"]}


class FACELIFT_OT_add_transform_node(Explained, bpy.types.Operator):
    """Add a node that moves, turns and scales splats with their sizes. Blender's Transform Geometry only moves them"""

    bl_idname = "facelift.add_transform_node"
    bl_label = NAME
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Geometry nodes must be open."""
        return "" if _edited_tree(context) is not None else "Open a Geometry Nodes group in a node editor"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it where the cursor is."""
        tree = _edited_tree(context)
        for other in tree.nodes:
            other.select = False
        node = tree.nodes.new("GeometryNodeGroup")
        node.node_tree = transform_group()
        node.location = context.space_data.cursor_location
        tree.nodes.active = node
        return {"FINISHED"}


def _edited_tree(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    space = context.space_data
    if space is None or space.type != "NODE_EDITOR" or space.tree_type != "GeometryNodeTree":
        return None
    return space.edit_tree


def draw_in_add_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Add to the Add menu of Geometry Nodes."""
    if _edited_tree(context) is not None:
        menu.layout.operator(FACELIFT_OT_add_transform_node.bl_idname, icon="POINTCLOUD_DATA")


CLASSES = (FACELIFT_OT_add_transform_node,)
