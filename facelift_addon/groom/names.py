"""What hair curves and the mesh under them carry, by name: files have these names in them."""

from __future__ import annotations

from ...core.groom.groom import Growth

GROWTH_KEY = "facelift_growth"
"""Custom property of a curves object that is a head's hair: the :class:`Growth` as its value."""
HAIR_COLOR = "hair_color"
"""FLOAT_COLOR attribute of the curves' points: scene-linear, as the photo shows the hair there."""
RADIUS = "radius"
"""FLOAT attribute of the curves' points, Blender's own."""
POSITION = "position"
"""FLOAT_VECTOR attribute of the curves' points, Blender's own."""
SURFACE_UV = "surface_uv_coordinate"
"""FLOAT2 attribute of the curves, Blender's own: where on the base mesh each grows."""


def density_of(growth: Growth) -> str:
    """Return the name of the FLOAT attribute of the base mesh's vertices that says how densely something grows."""
    return f"{growth.value} density"
