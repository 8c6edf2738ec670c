"""Geometry nodes that reduce the density of splats: :func:`core.editing.density.thin`."""

from __future__ import annotations

import bpy

from ...core.editing import density
from ...core.splats import attributes as names
from ..splats.display.nodes import Builder, numbered, shared_group

VERSION = 3


def density_group() -> bpy.types.NodeTree:
    """Return the group that keeps a share of the splats and grows them.

    Inputs: Geometry, Density (0..1) and Cell, the side of a cell in local units.
    """
    return shared_group(
        "FaceLift Density",
        VERSION,
        (("Geometry", "Geometry"), ("Density", "Float"), ("Cell", "Float")),
        (("Geometry", "Geometry"),),
        _density,
    )


def area(builder: Builder) -> bpy.types.NodeSocket:
    """:func:`core.editing.measures.areas` as nodes."""
    x, y, z = builder.separate(builder.attribute(names.SCALE, "FLOAT_VECTOR"))
    xy, yz, xz = (builder.math("MULTIPLY", *pair) for pair in ((x, y), (y, z), (x, z)))
    return builder.math("MAXIMUM", builder.math("MAXIMUM", xy, yz), xz)


def _density(builder: Builder, sockets) -> dict:
    opacity = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))[3]
    importance = builder.math("MULTIPLY", opacity, area(builder))
    cell, offset = _cell(builder, sockets["Cell"])
    capture = builder.node("GeometryNodeCaptureAttribute", domain="POINT")
    capture.capture_items.new("INT", "Order")
    builder.set(capture.inputs["Geometry"], sockets["Geometry"])
    builder.set(capture.inputs["Order"], builder.node("GeometryNodeInputIndex").outputs["Index"])
    order = capture.outputs["Order"]
    by_importance = builder.math("MULTIPLY", importance, -1.0)
    geometry = _sorted(builder, capture.outputs["Geometry"], by_importance)

    ones = builder.node("GeometryNodeAccumulateField", {"Value": 1.0, "Group ID": cell}, data_type="FLOAT")
    rank = ones.outputs["Trailing"]
    wanted = builder.math("MULTIPLY", sockets["Density"], ones.outputs["Total"])
    keeps = builder.compare("LESS_THAN", builder.math("ADD", rank, offset), wanted)
    share = builder.math("MINIMUM", builder.math("MAXIMUM", builder.math("SUBTRACT", wanted, rank), 0.0), 1.0)
    covered = _total(builder, importance, cell)
    left = _total(builder, builder.math("MULTIPLY", importance, share), cell)
    counted = builder.compare("GREATER_THAN", left, 0.0)
    ratio = builder.switch("FLOAT", counted, 1.0, builder.math("DIVIDE", covered, left))
    uneven = builder.math("MINIMUM", builder.math("SUBTRACT", ratio, 1.0), 1.0)
    overlap = builder.math("MULTIPLY_ADD", sockets["Density"], -density.OVERLAP, density.OVERLAP)
    more = builder.math("MULTIPLY_ADD", overlap, uneven, 1.0)
    growth = builder.math("MINIMUM", builder.math("MULTIPLY", builder.math("SQRT", ratio), more), density.MAX_GROWTH)
    scale = builder.scaled(builder.attribute(names.SCALE, "FLOAT_VECTOR"), growth)
    # All of a cell grow alike, so that growing before dropping changes nobody's rank.
    geometry = builder.store(geometry, names.SCALE, "FLOAT_VECTOR", scale)
    dropped = {"Geometry": geometry, "Selection": builder.logic("NOT", keeps)}
    geometry = builder.node("GeometryNodeDeleteGeometry", dropped, domain="POINT").outputs["Geometry"]
    thinned = _sorted(builder, geometry, order)
    full = builder.compare("GREATER_EQUAL", sockets["Density"], 1.0)
    return {"Geometry": builder.switch("GEOMETRY", full, thinned, sockets["Geometry"])}


def _sorted(builder: Builder, geometry, weight) -> bpy.types.NodeSocket:
    inputs = {"Geometry": geometry, "Sort Weight": weight}
    return builder.node("GeometryNodeSortElements", inputs, domain="POINT").outputs["Geometry"]


def _total(builder: Builder, value, group) -> bpy.types.NodeSocket:
    inputs = {"Value": value, "Group ID": group}
    return builder.node("GeometryNodeAccumulateField", inputs, data_type="FLOAT").outputs["Total"]


def _cell(builder: Builder, side) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """:func:`core.editing.density.cells` as nodes."""
    places = []
    for axis in builder.separate(builder.node("GeometryNodeInputPosition").outputs["Position"]):
        place = builder.math("FLOOR", builder.math("DIVIDE", axis, side))
        place = builder.math("FLOORED_MODULO", place, float(density.CELL_PERIOD))
        places.append(
            builder.node("FunctionNodeFloatToInt", {"Float": place}, rounding_mode="ROUND").outputs["Integer"]
        )
    x, y, z = places
    number = _integer(builder, "MULTIPLY_ADD", z, density.CELL_PERIOD, y)
    number = _integer(builder, "MULTIPLY_ADD", number, density.CELL_PERIOD, x)
    along_x, along_y, along_z = density.OFFSET_STRIDES
    steps = _integer(builder, "MULTIPLY", x, along_x)
    steps = _integer(builder, "MULTIPLY_ADD", y, along_y, steps)
    steps = _integer(builder, "MULTIPLY_ADD", z, along_z, steps)
    steps = _integer(builder, "MODULO", steps, density.OFFSET_STEPS)
    return number, builder.math("DIVIDE", builder.math("ADD", steps, 0.5), float(density.OFFSET_STEPS))


def _integer(builder: Builder, operation: str, *values) -> bpy.types.NodeSocket:
    return builder.node("FunctionNodeIntegerMath", numbered("Value", values), operation=operation).outputs["Value"]
