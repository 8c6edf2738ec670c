"""Geometry nodes that show splats away from the camera: one opaque, coloured surface element each."""

from __future__ import annotations

import bpy

from ....core.splats import attributes as names
from .ewa import COLOR, RADIANCE_PATTERN
from .nodes import Builder, shared_group
from .quad import CORNER, quad
from .radiance import color_group

VERSION = 1

EXTENT = 1.7
"""Half a surface element's width in standard deviations: neighbours close the gaps between them."""
MIN_OPACITY = 0.3
"""Fainter splats would look solid, so they are left out."""


def points_group() -> bpy.types.NodeTree:
    """Return the group from a splat point cloud to opaque quads in the plane of each splat.

    They need no camera, so they look the same from everywhere while the user navigates.
    """
    return shared_group(
        "FaceLift Viewport Splats",
        VERSION,
        (("Geometry", "Geometry"), ("Photo Colors", "Bool"), ("Material", "Material")),
        (("Geometry", "Geometry"),),
        _points,
    )


def _points(builder: Builder, sockets) -> dict:
    opacity = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))[3]
    visible = {"Geometry": sockets["Geometry"], "Selection": builder.compare("GREATER_THAN", opacity, MIN_OPACITY)}
    splats = builder.node("GeometryNodeSeparateGeometry", visible).outputs["Selection"]
    color = builder.group(color_group(0), {"Photo Colors": sockets["Photo Colors"]})["Color"]
    splats = builder.store(splats, COLOR, "FLOAT_COLOR", builder.combine_color(*builder.separate(color), 1.0))

    quads = builder.node(
        "GeometryNodeInstanceOnPoints", {"Points": splats, "Instance": quad(builder, sockets["Material"])}
    ).outputs["Instances"]
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    transform = builder.matrix(*_axes(builder), position)
    quads = builder.node("GeometryNodeSetInstanceTransform", {"Instances": quads, "Transform": transform}).outputs[
        "Instances"
    ]
    for pattern in (names.SCALE, names.ROTATION, names.RADIUS, names.PART, CORNER, RADIANCE_PATTERN):
        quads = builder.remove_attributes(quads, pattern)
    return {"Geometry": builder.node("GeometryNodeRealizeInstances", {"Geometry": quads}).outputs["Geometry"]}


def _axes(builder: Builder) -> list[bpy.types.NodeSocket]:
    """Return the two longest axes of the splat and the shortest, which is the element's normal."""
    scale = builder.attribute(names.SCALE, "FLOAT_VECTOR")
    rotation = builder.attribute(names.ROTATION, "QUATERNION")
    axes = [
        builder.node("FunctionNodeRotateVector", {"Vector": axis, "Rotation": rotation}).outputs["Vector"]
        for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    lengths = builder.separate(builder.scaled(scale, EXTENT))
    x, y, z = (builder.scaled(axis, length) for axis, length in zip(axes, lengths, strict=True))
    shortest = builder.math("MINIMUM", builder.math("MINIMUM", lengths[0], lengths[1]), lengths[2])
    flat_x = builder.compare("LESS_EQUAL", lengths[0], shortest)
    flat_z = builder.compare("LESS_EQUAL", lengths[2], shortest)
    return [
        builder.switch("VECTOR", flat_x, x, y),
        builder.switch("VECTOR", flat_z, z, builder.switch("VECTOR", flat_x, y, z)),
        builder.switch("VECTOR", flat_z, builder.switch("VECTOR", flat_x, y, x), z),
    ]
