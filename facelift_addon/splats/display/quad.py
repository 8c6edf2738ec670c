"""The square that stands for a splat, and how Solid mode learns the colours of many of them."""

from __future__ import annotations

import bpy

from ....core.splats import attributes as names
from .nodes import NAME_KEY, Builder

CORNER = "splat_corner"
"""FLOAT2 of the square's corners, -1..1."""

QUAD_NAME = "FaceLift Quad"
CORNERS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def quad(builder: Builder, material: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """Return the geometry of the square from -1 to 1, for instancing.

    Solid mode shows a mesh's *active* colour attribute, and geometry nodes can't choose one.
    A mesh realised from instances inherits the choice of the instanced mesh, so that one comes
    from an object; the attribute itself goes, to let the splats' own colours through.

    Args:
        builder: Of a geometry node group.
        material: What the square is made of.
    """
    source = builder.node("GeometryNodeObjectInfo", {"Object": _quad_object()}).outputs["Geometry"]
    made_of = builder.node("GeometryNodeSetMaterial", {"Geometry": source, "Material": material}).outputs["Geometry"]
    return builder.remove_attributes(made_of, names.COLOR)


def _quad_object() -> bpy.types.Object:
    """Return the file's square; it is in no scene, node groups alone use it.

    Blender puts it into scenes to which heads are appended, so renders leave it out.
    """
    for target in bpy.data.objects:
        if is_quad(target) and target.library is None:
            return target
    mesh = bpy.data.meshes.new(QUAD_NAME)
    mesh.from_pydata([(*corner, 0.0) for corner in CORNERS], [], [(0, 1, 2, 3)])
    corners = mesh.attributes.new(CORNER, "FLOAT2", "POINT")
    corners.data.foreach_set("vector", [value for corner in CORNERS for value in corner])
    mesh.color_attributes.active_color = mesh.color_attributes.new(names.COLOR, "FLOAT_COLOR", "POINT")
    target = bpy.data.objects.new(QUAD_NAME, mesh)
    target[NAME_KEY] = QUAD_NAME
    target.hide_render = True
    return target


def is_quad(target: bpy.types.Object) -> bool:
    """Whether an object is the square of this file, or of one that heads came from."""
    return target.get(NAME_KEY) == QUAD_NAME
