"""Geometry nodes that turn splats into camera-facing quads, for Blender's own renderers."""

from __future__ import annotations

import bpy

from ....core.rasterize.projection import MIN_ALPHA
from ....core.splats import attributes as names
from .nodes import Builder, shared_group
from .projection import projection_group
from .quad import quad
from .radiance import color_group

VERSION = 1

COLOR = "splat_color"
"""FLOAT_COLOR of the quads: what the renderer shall emit, and opacity as alpha."""
RADIANCE_PATTERN = "radiance:*"

FARTHEST = 1.0001
"""Factor by which a splat may move away from the camera: next to nothing, but far above rounding."""

NEAR = 0.02
"""Metres before the camera where splats begin."""


def ewa_group(degree: int) -> bpy.types.NodeTree:
    """Return the group from a splat point cloud to quads for the active camera, far to near.

    Args:
        degree: Of the spherical harmonics, 0..3.
    """
    return shared_group(
        f"FaceLift Camera Splats {degree}",
        VERSION,
        (("Geometry", "Geometry"), ("Photo Colors", "Bool"), ("Material", "Material")),
        (("Geometry", "Geometry"),),
        lambda builder, sockets: _ewa(builder, sockets, degree),
    )


def _ewa(builder: Builder, sockets, degree: int) -> dict:
    opacity = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))[3]
    projected = builder.group(projection_group(), {"Opacity": opacity})
    opaque = builder.compare("GREATER_EQUAL", opacity, MIN_ALPHA)
    visible = builder.logic("AND", opaque, builder.compare("GREATER_THAN", projected["Depth"], NEAR))
    selected = {"Geometry": sockets["Geometry"], "Selection": visible}
    splats = builder.node("GeometryNodeSeparateGeometry", selected).outputs["Selection"]
    view = {"Direction": projected["Direction"], "Photo Colors": sockets["Photo Colors"]}
    color = builder.group(color_group(degree), view)["Color"]
    splats = builder.store(splats, COLOR, "FLOAT_COLOR", builder.combine_color(*builder.separate(color), opacity))

    quads = builder.node(
        "GeometryNodeInstanceOnPoints", {"Points": splats, "Instance": quad(builder, sockets["Material"])}
    ).outputs["Instances"]
    quads = builder.node(
        "GeometryNodeSetInstanceTransform", {"Instances": quads, "Transform": _placement(builder, projected)}
    ).outputs["Instances"]
    # Blended surfaces of EEVEE are drawn in the order of their faces.
    order = {"Geometry": quads, "Sort Weight": builder.math("MULTIPLY", projected["Depth"], -1.0)}
    quads = builder.node("GeometryNodeSortElements", order, domain="INSTANCE").outputs["Geometry"]
    for pattern in (names.SCALE, names.ROTATION, names.RADIUS, names.PART, RADIANCE_PATTERN):
        quads = builder.remove_attributes(quads, pattern)
    return {"Geometry": builder.node("GeometryNodeRealizeInstances", {"Geometry": quads}).outputs["Geometry"]}


def _placement(builder: Builder, projected) -> bpy.types.NodeSocket:
    """Return the matrix that lays the square over the splat's ellipse.

    Splats of a plane parallel to the picture would lie in one plane, where Cycles sees only
    the first of them. Each is therefore moved along its own ray by a chance amount and scaled
    with it, which leaves the picture as it is.
    """
    factor = builder.random(1.0, FARTHEST)
    edges = [builder.scaled(projected[name], factor) for name in ("Major", "Minor")]
    offset = builder.vector(
        "SUBTRACT", builder.node("GeometryNodeInputPosition").outputs["Position"], projected["Position"]
    )
    center = builder.vector("ADD", projected["Position"], builder.scaled(offset, factor))
    return builder.matrix(*edges, projected["Forward"], center)
