"""The node group of the Adjustments modifier: :func:`core.editing.adjustments.adjust`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ...core.splats import attributes as names
from ...core.splats.parts import Part
from ..splats.display import modifier_inputs
from ..splats.display.nodes import Builder, shared_group
from .density_nodes import area, density_group
from .grading_nodes import NEUTRAL, grade_group

VERSION = 4

GROUP_NAME = modifier_inputs.ADJUSTMENTS

MIN_OPACITY = "Min opacity"
MIN_SIZE = "Min size"
MAX_SIZE = "Max size"
DENSITY = "Density"
CELL = "Density cell"
SIZE = "Splat size"
USE_BOX = "Use crop box"
BOX = "Crop box"
USE_PLANE = "Use neck plane"
PLANE = "Neck plane"


def part_label(part: Part) -> str:
    """Return what artists call a part."""
    return part.name.capitalize()


def part_input(part: Part, parameter: str) -> str:
    """Return the name of a part's input: a parameter of a grade, or "Visible"."""
    return f"{part_label(part)} {parameter.lower()}"


@dataclass(frozen=True)
class Input:
    """An input of the modifier: what it is called, does and may be.

    Attributes:
        name: Unique in the group.
        type: As in the names of socket types.
        default: Changes nothing.
        low, high: Limits of numbers; None for none.
        description: Tooltip.
        subtype: Of the socket.
    """

    name: str
    type: str
    default: Any = None
    low: float | None = None
    high: float | None = None
    description: str = ""
    subtype: str = "NONE"


def _grade_inputs(prefix: str) -> list[Input]:
    def name(parameter: str) -> str:
        return f"{prefix} {parameter.lower()}" if prefix else parameter

    return [
        Input(name("Exposure"), "Float", 0.0, -10, 10, "Brighter or darker, in stops of light"),
        Input(name("Temperature"), "Float", 0.0, -1, 1, "Colder or warmer", "FACTOR"),
        Input(name("Tint"), "Float", 0.0, -1, 1, "Greener or more magenta", "FACTOR"),
        Input(name("Saturation"), "Float", 1.0, 0, 4, "Strength of colors; 0 is gray"),
        Input(name("Contrast"), "Float", 1.0, 0, 4, "Difference between light and dark"),
    ]


PANELS: dict[str, list[Input]] = {
    "Splats": [
        Input(MIN_OPACITY, "Float", 0.0, 0, 1, "Fainter splats are left out", "FACTOR"),
        Input(MIN_SIZE, "Float", 0.0, 0, None, "Smaller splats are left out", "DISTANCE"),
        Input(MAX_SIZE, "Float", 0.0, 0, None, "Bigger splats are left out; 0 keeps them all", "DISTANCE"),
        Input(
            DENSITY,
            "Float",
            1.0,
            0,
            1,
            "Share of splats that is kept, big and opaque ones first; what stays grows to close the gaps",
            "FACTOR",
        ),
        Input(
            CELL,
            "Float",
            1.0,
            1e-6,
            None,
            "Width of the cells in which splats are compared: twice their usual distance",
            "DISTANCE",
        ),
        Input(SIZE, "Float", 1.0, 0, 10, "Factor of the size of every splat"),
    ],
    "Region": [
        Input(USE_BOX, "Bool", False, description="Keep only what is inside the crop box"),
        Input(BOX, "Object", description="A cube-shaped empty: move, turn and scale it"),
        Input(USE_PLANE, "Bool", False, description="Cut off what is below the neck plane"),
        Input(PLANE, "Object", description="An empty: what is above it, along its own Z axis, stays"),
    ],
    "Color": _grade_inputs(""),
} | {
    part_label(part): [
        Input(part_input(part, "Visible"), "Bool", True, description=f"Whether {part_label(part).lower()} is there"),
        *_grade_inputs(part_label(part)),
    ]
    for part in Part
}
"""The inputs of the modifier by panel."""

OPEN_PANELS = ("Splats", "Region", "Color")


def adjustments_group(degree: int) -> bpy.types.NodeTree:
    """Return the modifier's node group for splats with spherical harmonics of a degree."""
    return shared_group(
        f"{GROUP_NAME} {degree}",
        VERSION,
        (("Geometry", "Geometry"),),
        (("Geometry", "Geometry"),),
        lambda builder, sockets: _adjust(builder, sockets, degree),
    )


def _add_inputs(tree: bpy.types.NodeTree) -> None:
    """Add the sockets with their defaults, limits and tooltips, in their panels."""
    for title, items in PANELS.items():
        panel = tree.interface.new_panel(title, default_closed=title not in OPEN_PANELS)
        for item in items:
            socket = tree.interface.new_socket(
                item.name, description=item.description, socket_type=f"NodeSocket{item.type}", parent=panel
            )
            wanted = {
                "subtype": item.subtype if item.type == "Float" else None,
                "default_value": item.default,
                "min_value": item.low,
                "max_value": item.high,
            }
            for name, value in wanted.items():
                if value is not None and getattr(socket, name) != value:
                    setattr(socket, name, value)


def _adjust(builder: Builder, sockets, degree: int) -> dict:
    _add_inputs(builder.tree)
    part = builder.attribute(names.PART, "INT")
    known = builder.logic(
        "AND", builder.compare("GREATER_EQUAL", part, 0), builder.compare("LESS_EQUAL", part, len(Part) - 1)
    )
    part = builder.switch("INT", known, int(Part.UNKNOWN), part)
    keeps = _keeps(builder, sockets, part)
    dropped = {"Geometry": sockets["Geometry"], "Selection": builder.logic("NOT", keeps)}
    geometry = builder.node("GeometryNodeDeleteGeometry", dropped, domain="POINT").outputs["Geometry"]
    thinning = {"Geometry": geometry, "Density": sockets[DENSITY], "Cell": sockets[CELL]}
    geometry = builder.group(density_group(), thinning)["Geometry"]
    scale = builder.scaled(builder.attribute(names.SCALE, "FLOAT_VECTOR"), sockets[SIZE])
    geometry = builder.store(geometry, names.SCALE, "FLOAT_VECTOR", scale)
    geometry = builder.store(geometry, names.RADIUS, "FLOAT", builder.math("SQRT", area(builder)))
    grade = {"Geometry": geometry}
    for parameter, neutral in NEUTRAL.items():
        own = _by_part(builder, "FLOAT", part, sockets, parameter)
        operation = "ADD" if neutral == 0 else "MULTIPLY"
        grade[parameter] = builder.math(operation, sockets[parameter], own)
    return {"Geometry": builder.group(grade_group(degree), grade)["Geometry"]}


def _by_part(builder: Builder, kind: str, part, sockets, parameter: str) -> bpy.types.NodeSocket:
    """Return the field of a part's input."""
    node = builder.node("GeometryNodeIndexSwitch", data_type=kind)
    while len(node.index_switch_items) < len(Part):
        node.index_switch_items.new()
    builder.set(node.inputs["Index"], part)
    for one in Part:
        builder.set(node.inputs[str(int(one))], sockets[part_input(one, parameter)])
    return node.outputs["Output"]


def _keeps(builder: Builder, sockets, part) -> bpy.types.NodeSocket:
    """Return the field of splats that stay before the density is reduced."""
    opacity = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))[3]
    size = builder.math("SQRT", area(builder))
    conditions = [
        builder.compare("GREATER_EQUAL", opacity, sockets[MIN_OPACITY]),
        builder.compare("GREATER_EQUAL", size, sockets[MIN_SIZE]),
        builder.logic(
            "OR",
            builder.compare("LESS_EQUAL", sockets[MAX_SIZE], 0.0),
            builder.compare("LESS_EQUAL", size, sockets[MAX_SIZE]),
        ),
        _by_part(builder, "BOOLEAN", part, sockets, "Visible"),
    ]
    x, y, z = (builder.math("ABSOLUTE", axis) for axis in _place(builder, sockets[BOX]))
    farthest = builder.math("MAXIMUM", builder.math("MAXIMUM", x, y), z)
    inside = builder.compare("LESS_EQUAL", farthest, 1.0)
    conditions.append(builder.logic("OR", builder.logic("NOT", sockets[USE_BOX]), inside))
    above = builder.compare("GREATER_EQUAL", _place(builder, sockets[PLANE])[2], 0.0)
    conditions.append(builder.logic("OR", builder.logic("NOT", sockets[USE_PLANE]), above))
    keeps = conditions[0]
    for condition in conditions[1:]:
        keeps = builder.logic("AND", keeps, condition)
    return keeps


def _place(builder: Builder, target):
    """Return a splat's coordinates in the space of a helper object."""
    info = builder.node("GeometryNodeObjectInfo", {"Object": target}, transform_space="RELATIVE").outputs
    inverse = builder.node("FunctionNodeInvertMatrix", {"Matrix": info["Transform"]}).outputs["Matrix"]
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    return builder.separate(
        builder.node("FunctionNodeTransformPoint", {"Vector": position, "Transform": inverse}).outputs["Vector"]
    )
