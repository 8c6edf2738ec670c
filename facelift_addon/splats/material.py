"""The two materials of splats, built by code and shared by all heads of a file."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ...core.rasterize.projection import MIN_ALPHA
from .ewa import COLOR
from .nodes import NAME_KEY, VERSION_KEY, Builder
from .quad import CORNER

VERSION = 1


def splat_material() -> bpy.types.Material:
    """Return the material of camera-facing quads: emission with a Gaussian's falloff as alpha."""
    return _shared("FaceLift Splats", "BLENDED", _gaussian_falloff)


def point_material() -> bpy.types.Material:
    """Return the material of viewport elements: opaque emission, which writes depth in EEVEE."""
    return _shared("FaceLift Viewport", "DITHERED", _opaque)


def _shared(name: str, method: str, build: Callable[[Builder], bpy.types.NodeSocket]) -> bpy.types.Material:
    for material in bpy.data.materials:
        if material.get(NAME_KEY) == name and material.get(VERSION_KEY) == VERSION and material.library is None:
            return material
    material = bpy.data.materials.new(name)
    material[NAME_KEY], material[VERSION_KEY] = name, VERSION
    if material.node_tree is None:  # Blender 4.5; later materials always have nodes.
        material.use_nodes = True
    material.surface_render_method = method
    material.use_transparency_overlap = True
    material.node_tree.nodes.clear()
    builder = Builder(material.node_tree)
    builder.node("ShaderNodeOutputMaterial", {"Surface": build(builder)})
    return material


def _emission(builder: Builder) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """Return the emission shader and the opacity."""
    color = builder.node("ShaderNodeAttribute", attribute_name=COLOR).outputs
    return builder.node("ShaderNodeEmission", {"Color": color["Color"]}).outputs[0], color["Alpha"]


def _opaque(builder: Builder) -> bpy.types.NodeSocket:
    return _emission(builder)[0]


def _gaussian_falloff(builder: Builder) -> bpy.types.NodeSocket:
    """Alpha = opacity exp(-r^2 / 2), nothing below MIN_ALPHA.

    The quad's edge, at corner coordinate 1, is where alpha falls to MIN_ALPHA; so with d the
    length of the corner coordinate, alpha = opacity (opacity / MIN_ALPHA)^(-d^2) for d < 1.
    """
    emission, opacity = _emission(builder)
    corner = builder.node("ShaderNodeAttribute", attribute_name=CORNER).outputs["Vector"]
    squared = builder.vector("DOT_PRODUCT", corner, corner)
    ratio = builder.math("DIVIDE", opacity, MIN_ALPHA)
    falloff = builder.math("POWER", ratio, builder.math("MULTIPLY", squared, -1.0))
    inside = builder.math("LESS_THAN", squared, 1.0)
    alpha = builder.math("MULTIPLY", builder.math("MULTIPLY", opacity, falloff), inside)
    clear = builder.node("ShaderNodeBsdfTransparent").outputs[0]
    return builder.node("ShaderNodeMixShader", {0: alpha, 1: clear, 2: emission}).outputs[0]
