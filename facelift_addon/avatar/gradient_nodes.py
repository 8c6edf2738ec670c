"""Geometry nodes on a mesh that splats follow: :class:`core.avatar.gradients.RestMesh` as fields."""

from __future__ import annotations

import bpy

from ...core.splats import attributes as names
from ..splats.display.nodes import Builder, shared_group

VERSION = 1

REST = "rest"
MOVE = "move"
GAINS = ("gain_x", "gain_y", "gain_z")
"""Attributes that :func:`gradients_group` leaves on the vertices: where they were, their
displacements, and the columns of the deformation gradient less the identity."""


def gradients_group() -> bpy.types.NodeTree:
    """Return the group that stores displacements and deformation gradients on a mesh's vertices.

    Input: Geometry, a mesh in the splats' space with :data:`names.BIND_REST`.
    """
    return shared_group(
        "FaceLift Mesh Gradients", VERSION, (("Geometry", "Geometry"),), (("Geometry", "Geometry"),), _gradients
    )


def _gradients(builder: Builder, sockets) -> dict:
    rest = builder.attribute(names.BIND_REST, "FLOAT_VECTOR")
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    move = builder.vector("SUBTRACT", position, rest)
    geometry = builder.store(sockets["Geometry"], MOVE, "FLOAT_VECTOR", move)
    geometry = builder.store(geometry, REST, "FLOAT_VECTOR", rest)

    ends = builder.node("GeometryNodeInputMeshEdgeVertices").outputs
    along, gain = (
        builder.vector("SUBTRACT", *(_at(builder, value, ends[f"Vertex Index {end}"]) for end in (2, 1)))
        for value in (rest, move)
    )
    # By direction, not by length.
    weighted = builder.scaled(along, builder.math("DIVIDE", 1.0, builder.vector("DOT_PRODUCT", along, along)))
    step = _step(builder, rest)
    rise = builder.vector("SUBTRACT", _step(builder, position), step)
    step_weighted = builder.scaled(step, builder.math("DIVIDE", 1.0, builder.vector("DOT_PRODUCT", step, step)))

    def correlation(edge_value, vertex_value) -> bpy.types.NodeSocket:
        """The mean of edge_value x weighted^T over a vertex' edges, and the same of the step along its normal."""
        columns = []
        for along_axis, step_axis in zip(builder.separate(weighted), builder.separate(step_weighted), strict=True):
            edges = builder.node(
                "GeometryNodeFieldOnDomain",
                {"Value": builder.scaled(edge_value, along_axis)},
                data_type="FLOAT_VECTOR",
                domain="EDGE",
            ).outputs["Value"]
            columns.append(builder.vector("ADD", edges, builder.scaled(vertex_value, step_axis)))
        return builder.matrix(*columns, (0.0, 0.0, 0.0))

    spread = builder.node("FunctionNodeInvertMatrix", {"Matrix": correlation(along, step)}).outputs["Matrix"]
    gradient = builder.node(
        "FunctionNodeMatrixMultiply", {"Matrix": correlation(gain, rise), "Matrix_001": spread}
    ).outputs["Matrix"]
    entries = builder.node("FunctionNodeSeparateMatrix", {"Matrix": gradient}).outputs
    for column, name in enumerate(GAINS):
        value = builder.combine(*entries[4 * column : 4 * column + 3])
        geometry = builder.store(geometry, name, "FLOAT_VECTOR", value)
    return {"Geometry": geometry}


def _at(builder: Builder, value, index) -> bpy.types.NodeSocket:
    """Return a field of vertices at the vertex with an index."""
    inputs = {"Value": value, "Index": index}
    return builder.node("GeometryNodeFieldAtIndex", inputs, data_type="FLOAT_VECTOR", domain="POINT").outputs["Value"]


def _step(builder: Builder, places) -> bpy.types.NodeSocket:
    """Return the step along each vertex' normal, as long as the root of the area around."""
    corner = builder.node("GeometryNodeInputIndex").outputs["Index"]
    here, following, previous = (
        _at(
            builder, places, builder.node("GeometryNodeVertexOfCorner", {"Corner Index": other}).outputs["Vertex Index"]
        )
        for other in (corner, _beside(builder, corner, 1), _beside(builder, corner, -1))
    )
    sides = (builder.vector("SUBTRACT", other, here) for other in (following, previous))
    area = builder.vector("CROSS_PRODUCT", *sides)
    normal = builder.node(
        "GeometryNodeFieldOnDomain", {"Value": area}, data_type="FLOAT_VECTOR", domain="CORNER"
    ).outputs["Value"]
    length = builder.math("SQRT", builder.vector("LENGTH", normal))
    return builder.scaled(normal, builder.math("DIVIDE", 1.0, length))


def _beside(builder: Builder, corner, offset: int) -> bpy.types.NodeSocket:
    """Return the index of another corner of the same face."""
    inputs = {"Corner Index": corner, "Offset": offset}
    return builder.node("GeometryNodeOffsetCornerInFace", inputs).outputs["Corner Index"]
