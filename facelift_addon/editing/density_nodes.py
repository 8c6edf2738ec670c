"""Geometry nodes that reduce the density of splats: :func:`core.editing.density.thin`."""

from __future__ import annotations

import bpy

from ...core import attributes as names
from ...core.editing import density
from ..splats.nodes import Builder, shared_group

VERSION = 2


def density_group() -> bpy.types.NodeTree:
    """Return the group that keeps a share of the splats and grows them.

    Inputs: Geometry, Density (0..1) and Cell, the side of a cell at full density in local units.
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
    share = builder.math("MAXIMUM", sockets["Density"], density.LEAST_DENSITY)
    cell = _cell_number(builder, builder.math("DIVIDE", sockets["Cell"], builder.math("SQRT", share)))
    capture = builder.node("GeometryNodeCaptureAttribute", domain="POINT")
    capture.capture_items.new("INT", "Order")
    builder.set(capture.inputs[0], sockets["Geometry"])
    builder.set(capture.inputs["Order"], builder.node("GeometryNodeInputIndex").outputs[0])
    order = capture.outputs["Order"]
    by_importance = builder.math("MULTIPLY", importance, -1.0)
    geometry = _sorted(builder, capture.outputs[0], by_importance)

    ones = builder.node("GeometryNodeAccumulateField", {"Value": 1.0, "Group ID": cell}, data_type="FLOAT")
    wanted = builder.math("MULTIPLY", sockets["Density"], ones.outputs["Total"])
    limit = builder.math("MAXIMUM", builder.math("FLOOR", builder.math("ADD", wanted, 0.5)), 1.0)
    keeps = builder.compare("LESS_THAN", ones.outputs["Trailing"], limit)
    covered = _total(builder, importance, cell)
    left = _total(builder, builder.switch("FLOAT", keeps, 0.0, importance), cell)
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
    geometry = builder.node("GeometryNodeDeleteGeometry", dropped, domain="POINT").outputs[0]
    thinned = _sorted(builder, geometry, order)
    full = builder.compare("GREATER_EQUAL", sockets["Density"], 1.0)
    return {"Geometry": builder.switch("GEOMETRY", full, thinned, sockets["Geometry"])}


def _sorted(builder: Builder, geometry, weight) -> bpy.types.NodeSocket:
    inputs = {"Geometry": geometry, "Sort Weight": weight}
    return builder.node("GeometryNodeSortElements", inputs, domain="POINT").outputs[0]


def _total(builder: Builder, value, group) -> bpy.types.NodeSocket:
    inputs = {"Value": value, "Group ID": group}
    return builder.node("GeometryNodeAccumulateField", inputs, data_type="FLOAT").outputs["Total"]


def _cell_number(builder: Builder, cell) -> bpy.types.NodeSocket:
    """:func:`core.editing.density.cell_numbers` as nodes."""
    number = None
    for axis in builder.separate(builder.node("GeometryNodeInputPosition").outputs[0])[::-1]:
        place = builder.math("FLOOR", builder.math("DIVIDE", axis, cell))
        place = builder.math("FLOORED_MODULO", place, float(density.CELL_PERIOD))
        whole = builder.node("FunctionNodeFloatToInt", {0: place}, rounding_mode="ROUND").outputs[0]
        if number is None:
            number = whole
        else:
            inputs = {0: number, 1: density.CELL_PERIOD, 2: whole}
            number = builder.node("FunctionNodeIntegerMath", inputs, operation="MULTIPLY_ADD").outputs[0]
    return number
