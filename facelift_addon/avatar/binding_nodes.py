"""The node group of the Bind to Mesh modifier: :func:`core.avatar.deformation.deform`.

View-dependent colours of degree 1, which heads of the draft engine have, turn with their place; higher degrees, which
imported files may have, stay as at rest, for turning them in nodes would cost more than all the rest.
"""

from __future__ import annotations

import bpy

from ...core.avatar.gaps import WIDTHS
from ...core.splats import attributes as names
from ..splats.data.following import MESH, METRE, VERTICES
from ..splats.display import modifier_inputs
from ..splats.display.nodes import Builder, shared_group
from ..splats.display.stretch_nodes import stretch_group
from .gradient_nodes import GAINS, MOVE, REST, gradients_group

VERSION = 2
POLAR_ITERATIONS = 3
"""Steps to the rotation nearest to a gradient: expressions shear little."""

GROUP_NAME = modifier_inputs.BINDING


def binding_group() -> bpy.types.NodeTree:
    """Return the modifier's node group.

    Inputs: the mesh; how many vertices it had when splats were bound to it; the length of a
    metre there. Where the mesh is gone or has another number of
    vertices, the splats stay at rest.
    """
    inputs = (("Geometry", "Geometry"), (MESH, "Object"), (VERTICES, "Int"), (METRE, "Float"))
    return shared_group(GROUP_NAME, VERSION, inputs, (("Geometry", "Geometry"),), _bind)


def _bind(builder: Builder, sockets) -> dict:
    mesh = _mesh_in_place(builder, sockets[MESH])
    count = builder.node("GeometryNodeAttributeDomainSize", {"Geometry": mesh}, component="MESH").outputs["Point Count"]
    fits = builder.logic(
        "AND",
        builder.compare("EQUAL", builder.math("SUBTRACT", count, sockets[VERTICES]), 0.0),
        _has(builder, mesh, names.BIND_REST, "FLOAT_VECTOR"),
    )
    followed = builder.group(gradients_group(), {"Geometry": mesh})["Geometry"]
    geometry = _carried(builder, sockets["Geometry"], followed)
    geometry = _opened(builder, geometry, followed, sockets[METRE])
    return {"Geometry": builder.switch("GEOMETRY", fits, sockets["Geometry"], geometry)}


def _mesh_in_place(builder: Builder, target) -> bpy.types.NodeSocket:
    """Return the evaluated mesh in the splats' space; exactly as it is where both objects have the same transform."""
    info = builder.node("GeometryNodeObjectInfo", {"Object": target}, transform_space="ORIGINAL").outputs
    this = builder.node("GeometryNodeSelfObject").outputs["Self Object"]
    own = builder.node("GeometryNodeObjectInfo", {"Object": this}, transform_space="ORIGINAL").outputs["Transform"]
    entries = (
        builder.node("FunctionNodeSeparateMatrix", {"Matrix": matrix}).outputs for matrix in (own, info["Transform"])
    )
    apart = 0.0
    for ours, theirs in zip(*entries, strict=True):
        apart = builder.math("ADD", apart, builder.math("ABSOLUTE", builder.math("SUBTRACT", ours, theirs)))
    inverse = builder.node("FunctionNodeInvertMatrix", {"Matrix": own}).outputs["Matrix"]
    relative = builder.node("FunctionNodeMatrixMultiply", {"Matrix": inverse, "Matrix_001": info["Transform"]}).outputs[
        "Matrix"
    ]
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    moved = builder.node("FunctionNodeTransformPoint", {"Vector": position, "Transform": relative}).outputs["Vector"]
    placed = builder.node("GeometryNodeSetPosition", {"Geometry": info["Geometry"], "Position": moved}).outputs[
        "Geometry"
    ]
    return builder.switch("GEOMETRY", builder.compare("GREATER_THAN", apart, 0.0), info["Geometry"], placed)


def _has(builder: Builder, geometry, name: str, kind: str) -> bpy.types.NodeSocket:
    """Whether a geometry carries an attribute on its points."""
    exists = builder.node("GeometryNodeInputNamedAttribute", {"Name": name}, data_type=kind).outputs["Exists"]
    inputs = {"Geometry": geometry, "Value": exists, "Index": 0}
    return builder.node("GeometryNodeSampleIndex", inputs, data_type="BOOLEAN", domain="POINT").outputs["Value"]


def _carried(builder: Builder, geometry, mesh) -> bpy.types.NodeSocket:
    """Return splats where the mesh takes them."""
    sampled = {name: _sampled(builder, mesh, name) for name in (REST, MOVE, *GAINS)}
    geometry, here = _captured(builder, geometry, sampled)
    moved = builder.compare("GREATER_THAN", _size(builder, [here[name] for name in (MOVE, *GAINS)]), 0.0)
    offset = builder.vector("SUBTRACT", builder.node("GeometryNodeInputPosition").outputs["Position"], here[REST])
    shift = here[MOVE]
    for name, length in zip(GAINS, builder.separate(offset), strict=True):
        shift = builder.vector("ADD", shift, builder.scaled(here[name], length))
    columns = [
        builder.vector("ADD", here[name], axis)
        for name, axis in zip(GAINS, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), strict=True)
    ]
    gradient = builder.matrix(*columns, (0.0, 0.0, 0.0))
    geometry = builder.node(
        "GeometryNodeSetPosition", {"Geometry": geometry, "Selection": moved, "Offset": shift}
    ).outputs["Geometry"]
    geometry = builder.group(stretch_group(), {"Geometry": geometry, "Selection": moved, "Gradient": gradient})[
        "Geometry"
    ]
    geometry = _turned_colors(builder, geometry, columns, moved)
    return _turned_normals(builder, geometry, columns, moved)


def _sampled(builder: Builder, mesh, name: str) -> bpy.types.NodeSocket:
    """Return an attribute of the mesh at the places that splats follow."""
    value = builder.attribute(name, "FLOAT_VECTOR")
    vertices = builder.separate(builder.attribute(names.BIND_TRIANGLE, "FLOAT_VECTOR"))
    weights = builder.separate(builder.attribute(names.BIND_WEIGHTS, "FLOAT_VECTOR"))
    total = None
    for vertex, weight in zip(vertices, weights, strict=True):
        inputs = {"Geometry": mesh, "Value": value, "Index": vertex}
        sample = builder.node("GeometryNodeSampleIndex", inputs, data_type="FLOAT_VECTOR", domain="POINT").outputs[
            "Value"
        ]
        part = builder.scaled(sample, weight)
        total = part if total is None else builder.vector("ADD", total, part)
    return total


def _captured(builder: Builder, geometry, values: dict) -> tuple[bpy.types.NodeSocket, dict]:
    """Work out vector fields once; return the geometry that carries them, and the fields that read them."""
    node = builder.node("GeometryNodeCaptureAttribute", {"Geometry": geometry}, domain="POINT")
    for name, value in values.items():
        node.capture_items.new("VECTOR", name)
        builder.set(node.inputs[name], value)
    return node.outputs["Geometry"], {name: node.outputs[name] for name in values}


def _size(builder: Builder, vectors) -> bpy.types.NodeSocket:
    """Return a number that is zero where all vectors are."""
    total = 0.0
    for vector in vectors:
        for entry in builder.separate(builder.vector("ABSOLUTE", vector)):
            total = builder.math("ADD", total, entry)
    return total


def _cofactors(builder: Builder, columns) -> list[bpy.types.NodeSocket]:
    """Return the columns of a matrix's cofactors."""
    return [builder.vector("CROSS_PRODUCT", columns[index - 2], columns[index - 1]) for index in range(3)]


def _nearer_rotation(builder: Builder, columns) -> list[bpy.types.NodeSocket]:
    """Return the mean of a matrix and its inverse transpose: a Newton step to its polar factor (Higham, 1986)."""
    cofactors = _cofactors(builder, columns)
    inverse = builder.math("DIVIDE", 0.5, builder.vector("DOT_PRODUCT", columns[0], cofactors[0]))
    return [
        builder.vector("ADD", builder.scaled(column, 0.5), builder.scaled(cofactor, inverse))
        for column, cofactor in zip(columns, cofactors, strict=True)
    ]


def _turned_normals(builder: Builder, geometry, columns, selection) -> bpy.types.NodeSocket:
    """Turn the normals of lit splats as surfaces do: by the gradient's cofactors."""
    normal = builder.attribute(names.NORMAL, "FLOAT_VECTOR")
    total = None
    for cofactor, entry in zip(_cofactors(builder, columns), builder.separate(normal), strict=True):
        part = builder.scaled(cofactor, entry)
        total = part if total is None else builder.vector("ADD", total, part)
    turned = builder.store(geometry, names.NORMAL, "FLOAT_VECTOR", builder.vector("NORMALIZE", total), selection)
    return builder.switch("GEOMETRY", _has(builder, geometry, names.NORMAL, "FLOAT_VECTOR"), geometry, turned)


def _turned_colors(builder: Builder, geometry, columns, selection) -> bpy.types.NodeSocket:
    """Turn spherical harmonics of degree 1: what a channel's three add to it is a vector times the look's direction."""
    linear = [names.radiance_sh(index) for index in range(3)]
    captured, here = _captured(builder, geometry, {name: builder.attribute(name, "FLOAT_VECTOR") for name in linear})
    changing = builder.logic("AND", selection, builder.compare("GREATER_THAN", _size(builder, here.values()), 0.0))
    for _ in range(POLAR_ITERATIONS):
        columns = _nearer_rotation(builder, columns)
    matrix = builder.matrix(*columns, (0.0, 0.0, 0.0))
    turn = builder.node("FunctionNodeSeparateTransform", {"Transform": matrix}).outputs["Rotation"]
    channels = []
    for y, z, x in zip(*(builder.separate(here[name]) for name in linear), strict=True):
        # The basis is -y, z, -x.
        towards = builder.combine(builder.math("MULTIPLY", x, -1.0), builder.math("MULTIPLY", y, -1.0), z)
        turned = builder.node("FunctionNodeRotateVector", {"Vector": towards, "Rotation": turn}).outputs["Vector"]
        new_x, new_y, new_z = builder.separate(turned)
        channels.append((builder.math("MULTIPLY", new_y, -1.0), new_z, builder.math("MULTIPLY", new_x, -1.0)))
    result = captured
    for name, values in zip(linear, zip(*channels, strict=True), strict=True):
        result = builder.store(result, name, "FLOAT_VECTOR", builder.combine(*values), changing)
    return builder.switch("GEOMETRY", _has(builder, geometry, linear[-1], "FLOAT_VECTOR"), geometry, result)


def _opened(builder: Builder, geometry, mesh, metre) -> bpy.types.NodeSocket:
    """Show and hide splats as mouth and eyes open and close: :func:`core.avatar.gaps.openings`."""
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    rest = builder.attribute(names.BIND_REST, "FLOAT_VECTOR")
    shares = []
    for weights, width in zip(
        builder.separate(builder.attribute(names.BIND_GAPS, "FLOAT_VECTOR")), WIDTHS, strict=True
    ):
        now, before = (_gap(builder, mesh, builder.scaled(places, weights)) for places in (position, rest))
        change = builder.math("DIVIDE", builder.math("SUBTRACT", now, before), builder.math("MULTIPLY", metre, width))
        shares.append(builder.math("MINIMUM", builder.math("MAXIMUM", change, 0.0), 1.0))
    openings = builder.combine(*shares)
    *radiance, opacity = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))
    gain = builder.vector("DOT_PRODUCT", builder.attribute(names.BIND_OPENING, "FLOAT_VECTOR"), openings)
    added = builder.math("MINIMUM", builder.math("MAXIMUM", builder.math("ADD", opacity, gain), 0.0), 1.0)
    opened = builder.store(geometry, names.RADIANCE_BASE, "FLOAT_COLOR", builder.combine_color(*radiance, added))
    any_open = builder.compare("GREATER_THAN", builder.vector("LENGTH", openings), 0.0)
    return builder.switch("GEOMETRY", any_open, geometry, opened)


def _gap(builder: Builder, mesh, weighted) -> bpy.types.NodeSocket:
    """Return how wide a gap is: the length of the sum of weighted places."""
    inputs = {"Geometry": mesh, "Attribute": weighted}
    node = builder.node("GeometryNodeAttributeStatistic", inputs, data_type="FLOAT_VECTOR", domain="POINT")
    return builder.vector("LENGTH", node.outputs["Sum"])
