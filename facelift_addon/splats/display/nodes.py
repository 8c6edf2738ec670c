"""A small builder of node trees: sockets in, sockets out, so that formulas read like formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy
import numpy as np

COLUMN_WIDTH = 170
ROWS = 12
ROW_HEIGHT = 190


class Builder:
    """Adds nodes to a tree, links sockets and sets defaults.

    Every value is a socket or a constant. Blender looks through all trees whenever anything in one
    is set, so nothing is set to what it is already, and the places of all nodes at once.

    Sockets go by names, never by places: Blender 5.3 put a new input before those of a node.
    """

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def node(self, kind: str, inputs: dict | None = None, **properties) -> bpy.types.Node:
        """Add a node; ``inputs`` maps input sockets, as for :func:`socket`, to values."""
        node = self.tree.nodes.new(kind)
        for name, value in properties.items():
            if getattr(node, name) != value:
                setattr(node, name, value)
        for key, value in (inputs or {}).items():
            self.set(socket(node.inputs, key), value)
        return node

    def set(self, socket: bpy.types.NodeSocket, value) -> None:
        """Link a socket to another, or set its default."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif socket.default_value != value:
            socket.default_value = value

    def arrange(self) -> None:
        """Lay the nodes out in columns in the order of their making, so that a curious user finds a readable tree."""
        columns, rows = np.divmod(np.arange(len(self.tree.nodes)), ROWS)
        places = np.stack([columns * COLUMN_WIDTH, -rows * ROW_HEIGHT], axis=1)
        self.tree.nodes.foreach_set("location", places.ravel().astype(np.float32))

    def math(self, operation: str, *values) -> bpy.types.NodeSocket:
        """Scalar mathematics."""
        return self.node("ShaderNodeMath", numbered("Value", values), operation=operation).outputs["Value"]

    def vector(self, operation: str, *values) -> bpy.types.NodeSocket:
        """Vector mathematics; the scalar output for operations that have one."""
        node = self.node("ShaderNodeVectorMath", numbered("Vector", values), operation=operation)
        return node.outputs["Value" if operation in ("DOT_PRODUCT", "LENGTH") else "Vector"]

    def scaled(self, vector, factor) -> bpy.types.NodeSocket:
        """A vector times a scalar."""
        node = self.node("ShaderNodeVectorMath", {"Vector": vector, "Scale": factor}, operation="SCALE")
        return node.outputs["Vector"]

    def combine(self, x, y, z) -> bpy.types.NodeSocket:
        """A vector of three scalars."""
        return self.node("ShaderNodeCombineXYZ", {"X": x, "Y": y, "Z": z}).outputs["Vector"]

    def separate(self, vector) -> Sequence[bpy.types.NodeSocket]:
        """The three scalars of a vector."""
        outputs = self.node("ShaderNodeSeparateXYZ", {"Vector": vector}).outputs
        return tuple(outputs[name] for name in "XYZ")

    def separate_color(self, color) -> Sequence[bpy.types.NodeSocket]:
        """Red, green, blue and alpha of a colour in geometry nodes."""
        outputs = self.node("FunctionNodeSeparateColor", {"Color": color}).outputs
        return tuple(outputs[name] for name in ("Red", "Green", "Blue", "Alpha"))

    def combine_color(self, red, green, blue, alpha) -> bpy.types.NodeSocket:
        """A colour of four scalars in geometry nodes."""
        inputs = {"Red": red, "Green": green, "Blue": blue, "Alpha": alpha}
        return self.node("FunctionNodeCombineColor", inputs).outputs["Color"]

    def matrix(self, *columns) -> bpy.types.NodeSocket:
        """The affine matrix with four vectors as its columns."""
        node = self.node("FunctionNodeCombineMatrix")
        for index, column in enumerate(columns):
            for row, value in enumerate(self.separate(column)):
                self.set(node.inputs[f"Column {index + 1} Row {row + 1}"], value)
        return node.outputs["Matrix"]

    def compare(self, operation: str, a, b) -> bpy.types.NodeSocket:
        """Compare two scalars."""
        node = self.node("FunctionNodeCompare", {"A": a, "B": b}, data_type="FLOAT", operation=operation)
        return node.outputs["Result"]

    def logic(self, operation: str, *values) -> bpy.types.NodeSocket:
        """Boolean mathematics."""
        inputs = numbered("Boolean", values)
        return self.node("FunctionNodeBooleanMath", inputs, operation=operation).outputs["Boolean"]

    def switch(self, kind: str, condition, false, true) -> bpy.types.NodeSocket:
        """Choose one of two values of a socket type such as "GEOMETRY" or "VECTOR"."""
        node = self.node("GeometryNodeSwitch", input_type=kind)
        for name, value in (("Switch", condition), ("False", false), ("True", true)):
            self.set(node.inputs[name], value)
        return node.outputs["Output"]

    def random(self, low: float, high: float) -> bpy.types.NodeSocket:
        """A number of each element's own between two others.

        Blender 4.5 has sockets for every type of value on the node, 5.x the wanted one only.
        """
        node = self.node("FunctionNodeRandomValue", data_type="FLOAT")
        limits = [socket for socket in node.inputs if socket.type == "VALUE"]
        limits[0].default_value, limits[1].default_value = low, high
        return next(socket for socket in node.outputs if socket.type == "VALUE")

    def attribute(self, name: str, kind: str) -> bpy.types.NodeSocket:
        """Read a named attribute in geometry nodes; zero where it is missing."""
        return self.node("GeometryNodeInputNamedAttribute", {"Name": name}, data_type=kind).outputs["Attribute"]

    def store(
        self, geometry, name: str, kind: str, value, selection=True, domain: str = "POINT"
    ) -> bpy.types.NodeSocket:
        """Write a named attribute in geometry nodes, where ``selection`` says so."""
        inputs = {"Geometry": geometry, "Name": name, "Value": value, "Selection": selection}
        return self.node("GeometryNodeStoreNamedAttribute", inputs, data_type=kind, domain=domain).outputs["Geometry"]

    def remove_attributes(self, geometry, pattern: str) -> bpy.types.NodeSocket:
        """Drop the attributes whose names match; ``*`` stands for anything.

        The mode is a property of the node in Blender 4.5 and a menu socket in 5.x.
        """
        node = self.node("GeometryNodeRemoveAttribute", {"Geometry": geometry, "Name": pattern})
        if "Pattern Mode" in node.inputs:
            node.inputs["Pattern Mode"].default_value = "Wildcard"
        else:
            node.pattern_mode = "WILDCARD"
        return node.outputs["Geometry"]

    def group(self, tree: bpy.types.NodeTree, inputs: dict) -> Sequence[bpy.types.NodeSocket]:
        """Use another node group."""
        node = self.node("GeometryNodeGroup", node_tree=tree)
        for name, value in inputs.items():
            self.set(node.inputs[name], value)
        return node.outputs


def socket(sockets: bpy.types.bpy_prop_collection, key: str) -> bpy.types.NodeSocket:
    """Return a node's socket by its identifier, which tells namesakes apart, or else by its name.

    Raises:
        KeyError: the node has no such socket.
    """
    return next((found for found in sockets if found.identifier == key), None) or sockets[key]


def numbered(name: str, values: Sequence) -> dict:
    """Return values by the identifiers of as many sockets of one name."""
    return {f"{name}_{index:03d}" if index else name: value for index, value in enumerate(values)}


def shared_group(
    name: str,
    version: int,
    inputs: Sequence[tuple[str, str]],
    outputs: Sequence[tuple[str, str]],
    build: Callable[[Builder, Sequence[bpy.types.NodeSocket]], dict],
    kind: str = "GeometryNodeTree",
) -> bpy.types.NodeTree:
    """Return the file's node group of this name and version; build it when it is missing.

    Groups of another version, brought in with older heads, stay as they are, and so do those that
    an older Blender saved: they have lost the nodes that it did not know.

    Args:
        name: Name shown to the user.
        version: Raised whenever ``build`` changes.
        inputs: Names and types ("Geometry", "Bool", ...) of the input sockets.
        outputs: Names and types of the output sockets.
        build: Adds the nodes; takes the builder and the input sockets, returns the outputs by name.
        kind: What the nodes are for: geometry, or "ShaderNodeTree" for materials.
    """
    for tree in bpy.data.node_groups:
        if tree.get(NAME_KEY) == name and tree.get(VERSION_KEY) == version and tree.library is None:
            if all(node.bl_idname != UNDEFINED for node in tree.nodes):
                return tree
    tree = bpy.data.node_groups.new(name, kind)
    tree[NAME_KEY], tree[VERSION_KEY] = name, version
    for direction, sockets in (("INPUT", inputs), ("OUTPUT", outputs)):
        for label, value in sockets:
            tree.interface.new_socket(label, in_out=direction, socket_type=f"NodeSocket{value}")
    builder = Builder(tree)
    results = build(builder, builder.node("NodeGroupInput").outputs)
    builder.node("NodeGroupOutput", results)
    builder.arrange()
    return tree


NAME_KEY = "facelift_group"
VERSION_KEY = "facelift_group_version"
UNDEFINED = "NodeUndefined"
"""What Blender makes of a node that it does not know, and saves in its place."""
