"""Geometry nodes that leave splats to Blender's own renderers (5.3+), save where a render shall be exact.

The node that makes splats of points is unknown to older Blenders, where it gives out nothing. By
that the group tells where it is, without the extension too: files of 5.3 show quads in 5.2.
"""

from __future__ import annotations

import bpy

from ....core.rasterize.projection import BLUR
from ....core.splats import attributes as names
from .material import native_lit_material, native_photo_material
from .nodes import NAME_KEY, Builder, shared_group
from .viewing import camera_group

VERSION = 1

NATIVE_NAME = "FaceLift Display Native"
EXACT = "Exact Renders"
SET_TYPE = "GeometryNodePointsSetType"
SPLATS = "3D Gaussian Splat"
"""Name of the menu's item."""


def native_group(degree: int, quads: bpy.types.NodeTree) -> bpy.types.NodeTree:
    """Return the group that shows splats of a degree natively, and where it can't by another group.

    Args:
        degree: Of the spherical harmonics.
        quads: The other group; its inputs are this group's first ones.
    """
    sockets = [item for item in quads.interface.items_tree if item.item_type == "SOCKET" and item.in_out == "INPUT"]
    inputs = [(item.name, item.socket_type.removeprefix("NodeSocket")) for item in sockets]
    return shared_group(
        f"{NATIVE_NAME} {degree}",
        VERSION,
        (*inputs, (EXACT, "Bool")),
        (("Geometry", "Geometry"),),
        lambda builder, found: _native(builder, found, quads, [name for name, _ in inputs]),
    )


def is_native_group(tree: bpy.types.NodeTree) -> bool:
    """Whether a group shows splats natively. Saved by an older Blender, it has lost the node for that."""
    named = str(tree.get(NAME_KEY, "")).startswith(NATIVE_NAME)
    return named and any(node.bl_idname == SET_TYPE for node in tree.nodes)


def _native(builder: Builder, sockets, quads: bpy.types.NodeTree, names: list[str]) -> dict:
    shown_as_quads = builder.group(quads, {name: sockets[name] for name in names})["Geometry"]
    one = builder.node("GeometryNodePoints", {"Count": 1}).outputs["Points"]
    counted = {"Geometry": _as_splats(builder, one)}
    size = builder.node("GeometryNodeAttributeDomainSize", counted, component="POINTCLOUD").outputs["Point Count"]
    unknown = builder.compare("LESS_THAN", size, 0.5)

    viewport = builder.node("GeometryNodeIsViewport").outputs["Is Viewport"]
    blurred = builder.switch("GEOMETRY", viewport, _blurred(builder, sockets["Geometry"]), sockets["Geometry"])
    plain = _as_splats(builder, blurred)
    material = builder.switch("MATERIAL", sockets["Lit"], native_photo_material(), native_lit_material())
    made_of = {"Geometry": plain, "Material": material}
    with_material = builder.node("GeometryNodeSetMaterial", made_of).outputs["Geometry"]
    has_material = builder.logic("OR", sockets["Photo Colors"], sockets["Lit"])
    native = builder.switch("GEOMETRY", has_material, plain, with_material)

    exact = builder.logic("AND", sockets[EXACT], builder.logic("NOT", viewport))
    use_quads = builder.logic("OR", unknown, exact)
    return {"Geometry": builder.switch("GEOMETRY", use_quads, native, shown_as_quads)}


def _blurred(builder: Builder, points) -> bpy.types.NodeSocket:
    """Widen splats by the blur of a pixel of the active camera, which Blender's splats come without.

    A ball of this variance added to a splat adds a disc of it to its picture, as the rasterizer does.
    """
    camera = builder.group(camera_group(), {})
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    seen = builder.node("FunctionNodeTransformPoint", {"Vector": position, "Transform": camera["To Camera"]})
    depth = builder.math("MULTIPLY", builder.separate(seen.outputs["Vector"])[2], -1.0)
    size = builder.math("DIVIDE", builder.switch("FLOAT", camera["Orthographic"], depth, 1.0), camera["Pixels"])
    # From the scene's metres to the object's own.
    step = builder.node(
        "FunctionNodeTransformDirection", {"Direction": camera["Forward"], "Transform": camera["To Camera"]}
    ).outputs["Direction"]
    local = builder.math("DIVIDE", size, builder.vector("LENGTH", step))
    variance = builder.math("MULTIPLY", builder.math("MULTIPLY", local, local), BLUR)
    scale = builder.attribute(names.SCALE, "FLOAT_VECTOR")
    squared = builder.vector("MULTIPLY", scale, scale)
    wider = builder.vector("ADD", squared, builder.combine(variance, variance, variance))
    rooted = builder.combine(*(builder.math("SQRT", value) for value in builder.separate(wider)))
    return builder.store(points, names.SCALE, "FLOAT_VECTOR", rooted)


def _as_splats(builder: Builder, points) -> bpy.types.NodeSocket:
    return builder.node(SET_TYPE, {"Points": points, "Type": SPLATS}).outputs["Points"]
