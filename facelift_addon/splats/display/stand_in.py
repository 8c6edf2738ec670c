"""Geometry nodes that leave the picture to our own drawing, but keep the object a thing to click on.

While the viewport draws real splats itself, an object must show nothing there, and yet be
selected by a click, framed by a view and listed with its size. So its splats stand in as a
point cloud of points without size, drawn together towards the upright middle of the object;
every few of them has a tiny size for Blender's selection to find, and those at the ends keep
their place for the size of the whole. What is drawn hides them. In Edit Mode all of
them are at the origin: there Blender draws a dot for each selected point, which would hide what
is selected, and selects by the places of the splats themselves. Attributes stay, so the drawing
reads from it what all modifiers made of the splats.
"""

from __future__ import annotations

import bpy

from .nodes import Builder, shared_group

VERSION = 3

CENTER = "splat_center"
"""FLOAT_VECTOR of the stand-in: where the splat is; the point itself is set back."""
DRAWING_PATH = "facelift_viewport.drawing"
EDITING_PATH = "facelift_viewport.editing"
"""Properties of the scene that tell whether our own drawing is at work, and whether objects are in Edit Mode."""

RADIUS = 1e-4
"""Of the points that selection finds, in metres."""
FOUND_SHARE = 8
"""One of this many points is found by selection."""
COUNTED_SHARE = 64
"""One of this many points counts for the middle of the object."""
DRAWN_TOGETHER = (0.2, 0.2, 0.95)
"""Distance of the points from the middle, of the splats' own: inside of head and shoulders. At
more than this, points came out before the chest, where busts lean back."""


def stand_in_group() -> bpy.types.NodeTree:
    """Return the group from a splat point cloud to the one that stands in for it."""
    return shared_group(
        "FaceLift Stand-In", VERSION, (("Geometry", "Geometry"),), (("Geometry", "Geometry"),), _stand_in
    )


def _stand_in(builder: Builder, sockets) -> dict:
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    splats = builder.store(sockets["Geometry"], CENTER, "FLOAT_VECTOR", position)
    box = builder.node("GeometryNodeBoundBox", {"Geometry": sockets["Geometry"], "Use Radius": False}).outputs
    middle = _middle(builder, sockets["Geometry"], position)
    editing = _scene_socket(builder, EDITING_PATH)
    inner = builder.logic("NOT", _is_outermost(builder, position, box["Min"], box["Max"]))

    offset = builder.vector("SUBTRACT", position, middle)
    inside = builder.vector("ADD", middle, builder.vector("MULTIPLY", offset, DRAWN_TOGETHER))
    moved = {
        "Geometry": splats,
        "Selection": builder.logic("OR", inner, editing),
        "Position": builder.switch("VECTOR", editing, inside, (0.0, 0.0, 0.0)),
    }
    splats = builder.node("GeometryNodeSetPosition", moved).outputs["Geometry"]

    found = _one_of(builder, FOUND_SHARE)
    sized = builder.logic("AND", builder.logic("AND", found, inner), builder.logic("NOT", editing))
    radius = builder.switch("FLOAT", sized, 0.0, RADIUS)
    return {
        "Geometry": builder.node("GeometryNodeSetPointRadius", {"Points": splats, "Radius": radius}).outputs["Points"]
    }


def _middle(builder: Builder, geometry, position) -> bpy.types.NodeSocket:
    """Return the mean position, of some points: of all, it would take nine tenths of the evaluation's time."""
    sample = {"Geometry": geometry, "Selection": _one_of(builder, COUNTED_SHARE)}
    some = builder.node("GeometryNodeSeparateGeometry", sample).outputs["Selection"]
    inputs = {"Geometry": some, "Attribute": position}
    return builder.node("GeometryNodeAttributeStatistic", inputs, data_type="FLOAT_VECTOR").outputs["Mean"]


def _one_of(builder: Builder, share: int) -> bpy.types.NodeSocket:
    """Whether a point is the first of as many."""
    index = builder.node("GeometryNodeInputIndex").outputs["Index"]
    return builder.compare("LESS_THAN", builder.math("MODULO", index, share), 0.5)


def _is_outermost(builder: Builder, position, lowest, highest) -> bpy.types.NodeSocket:
    """Whether a point is at one of the six ends of the object."""
    places = builder.separate(position)
    ends = zip(places, builder.separate(lowest), builder.separate(highest), strict=True)
    answer = False
    for place, low, high in ends:
        for operation, end in (("LESS_EQUAL", low), ("GREATER_EQUAL", high)):
            answer = builder.logic("OR", answer, builder.compare(operation, place, end))
    return answer


def drawing_socket(builder: Builder) -> bpy.types.NodeSocket:
    """Return whether our own drawing is at work in whichever scene the object is; no without the extension."""
    return _scene_socket(builder, DRAWING_PATH)


def _scene_socket(builder: Builder, path: str) -> bpy.types.NodeSocket:
    """Return a yes-or-no property of whichever scene the object is in; no where it is missing."""
    value = builder.node("ShaderNodeValue").outputs["Value"]
    driver = value.driver_add("default_value").driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.name, variable.type = "answer", "CONTEXT_PROP"
    target = variable.targets[0]
    target.context_property = "ACTIVE_SCENE"
    target.data_path = path
    # Files open without the extension too: then splats are shown as surface elements.
    target.use_fallback_value, target.fallback_value = True, 0.0
    return builder.compare("GREATER_THAN", value, 0.5)
