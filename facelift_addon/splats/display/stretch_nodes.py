"""Geometry nodes that stretch splats: :func:`core.avatar.deformation.stretched` as fields."""

from __future__ import annotations

import bpy

from ....core.splats import attributes as names
from .nodes import Builder, shared_group

VERSION = 1

SWEEPS = 3
"""Of Jacobi rotations: single precision is reached sooner than the core's double."""
AXES = "axes"
"""FLOAT4X4 attribute that passes from the first to the second half of the group."""


def stretch_group() -> bpy.types.NodeTree:
    """Return the group that takes the covariances of splats along with space.

    Inputs: Geometry, Selection, and Gradient, a matrix field. Scales, rotations and radii of the
    selected splats change.
    """
    inputs = (("Geometry", "Geometry"), ("Selection", "Bool"), ("Gradient", "Matrix"))
    return shared_group("FaceLift Stretch Splats", VERSION, inputs, (("Geometry", "Geometry"),), _stretch)


def _stretch(builder: Builder, sockets) -> dict:
    selection = sockets["Selection"]
    # Worked out once, for the selected splats only; scale and rotation are then read off.
    geometry = builder.store(sockets["Geometry"], AXES, "FLOAT4X4", _axes(builder, sockets["Gradient"]), selection)
    entries = builder.node("FunctionNodeSeparateMatrix", {"Matrix": builder.attribute(AXES, "FLOAT4X4")}).outputs
    axes = [builder.combine(*entries[4 * column : 4 * column + 3]) for column in range(3)]
    lengths = [builder.vector("LENGTH", axis) for axis in axes]
    geometry = builder.store(geometry, names.SCALE, "FLOAT_VECTOR", builder.combine(*lengths), selection)
    rotation = _rotation(builder, axes, lengths)
    geometry = builder.store(geometry, names.ROTATION, "QUATERNION", rotation, selection)
    product = builder.math("MULTIPLY", builder.math("MULTIPLY", lengths[0], lengths[1]), lengths[2])
    shortest = builder.math("MINIMUM", builder.math("MINIMUM", lengths[0], lengths[1]), lengths[2])
    radius = builder.math("SQRT", builder.math("DIVIDE", product, shortest))
    geometry = builder.store(geometry, names.RADIUS, "FLOAT", radius, selection)
    return {"Geometry": builder.remove_attributes(geometry, AXES)}


def _axes(builder: Builder, gradient) -> bpy.types.NodeSocket:
    """Return the matrix of the deformed axes, made orthogonal."""
    scale = builder.separate(builder.attribute(names.SCALE, "FLOAT_VECTOR"))
    rotation = builder.attribute(names.ROTATION, "QUATERNION")
    axes = []
    for length, axis in zip(scale, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), strict=True):
        turned = builder.node("FunctionNodeRotateVector", {"Vector": axis, "Rotation": rotation}).outputs["Vector"]
        moved = builder.node("FunctionNodeTransformDirection", {"Direction": turned, "Transform": gradient}).outputs[
            "Direction"
        ]
        axes.append(builder.scaled(moved, length))
    for _ in range(SWEEPS):
        for first, second in ((0, 1), (0, 2), (1, 2)):
            pair = builder.group(_orthogonal_group(), {"A": axes[first], "B": axes[second]})
            axes[first], axes[second] = pair["A"], pair["B"]
    return builder.matrix(*axes, (0.0, 0.0, 0.0))


def _rotation(builder: Builder, axes, lengths) -> bpy.types.NodeSocket:
    """Return the rotation to orthogonal axes; the shortest one's direction follows from the others'."""
    first, second = (
        builder.switch(
            "VECTOR", _is_least(builder, lengths, index), axes[index], builder.vector("CROSS_PRODUCT", *others)
        )
        for index, others in ((0, (axes[1], axes[2])), (1, (axes[2], axes[0])))
    )
    directions = {0: builder.vector("NORMALIZE", first), 1: builder.vector("NORMALIZE", second)}
    node = builder.node("FunctionNodeAxesToRotation", directions, primary_axis="X", secondary_axis="Y")
    return node.outputs["Rotation"]


def _is_least(builder: Builder, values, index: int) -> bpy.types.NodeSocket:
    first, second = (
        builder.compare("LESS_EQUAL", values[index], value) for place, value in enumerate(values) if place != index
    )
    return builder.logic("AND", first, second)


def _orthogonal_group() -> bpy.types.NodeTree:
    """Return the group that turns two vectors in their plane until they are orthogonal."""
    pair = (("A", "Vector"), ("B", "Vector"))
    return shared_group("FaceLift Orthogonal Pair", VERSION, pair, pair, _orthogonal)


def _orthogonal(builder: Builder, sockets) -> dict:
    a, b = sockets["A"], sockets["B"]
    product = builder.vector("DOT_PRODUCT", a, b)
    squares = (builder.vector("DOT_PRODUCT", vector, vector) for vector in (b, a))
    difference = builder.math("MULTIPLY", builder.math("SUBTRACT", *squares), 0.5)
    hypotenuse = builder.vector("LENGTH", builder.combine(difference, product, 0.0))
    reach = builder.math("ADD", builder.math("ABSOLUTE", difference), hypotenuse)
    sign = builder.math("MULTIPLY_ADD", builder.math("LESS_THAN", difference, 0.0), -2.0, 1.0)
    tangent = builder.math("DIVIDE", builder.math("MULTIPLY", product, sign), reach)
    cosine = builder.math("INVERSE_SQRT", builder.math("MULTIPLY_ADD", tangent, tangent, 1.0))
    sine = builder.math("MULTIPLY", cosine, tangent)
    return {
        "A": builder.vector("SUBTRACT", builder.scaled(a, cosine), builder.scaled(b, sine)),
        "B": builder.vector("ADD", builder.scaled(a, sine), builder.scaled(b, cosine)),
    }
