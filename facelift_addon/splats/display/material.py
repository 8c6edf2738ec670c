"""The materials of splats, built by code and shared by all heads of a file."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ....core import colors
from ....core.rasterize.layers import SOLID_ALPHA, SOLID_FROM
from ....core.rasterize.projection import MIN_ALPHA
from ....core.splats import attributes as names
from ... import compat
from .ewa import COLOR
from .nodes import NAME_KEY, VERSION_KEY, Builder
from .quad import CORNER

VERSION = 3

RADIANCE = "radiance"
"""What shaders read of Blender's own splats."""

ROUGHNESS = 0.6
SPECULAR = 0.25
"""Of lit splats: half of Principled's default. Photos have highlights of their own in them."""
LEAST_FACING = 0.1
"""Cosine between a lit splat's normal and the view at least: what is seen does not face away."""


def splat_material() -> bpy.types.Material:
    """Return the material of camera-facing quads: emission with a Gaussian's falloff as alpha."""
    return _shared("FaceLift Splats", "BLENDED", lambda builder: _gaussian_falloff(builder, _emission(builder)))


def lit_material() -> bpy.types.Material:
    """Return the material of camera-facing quads that the scene's lights shine on."""
    material = _shared(
        "FaceLift Lit Splats",
        "BLENDED",
        lambda builder: _gaussian_falloff(builder, _lit(builder, _color(builder)["Color"])),
    )
    # The normal is the surface's, the quad is only where it is painted: light from behind the
    # quad is no error to be corrected.
    material.cycles.use_bump_map_correction = False
    return material


def proxy_material() -> bpy.types.Material:
    """Return the material of light proxies: opaque, coloured and lit as the splats before them."""
    return _shared("FaceLift Light Proxy", "DITHERED", lambda builder: _principled(builder, _color(builder)["Color"]))


def point_material() -> bpy.types.Material:
    """Return the material of viewport elements: opaque emission, which writes depth in EEVEE."""
    return _shared("FaceLift Viewport", "DITHERED", _emission)


def native_photo_material() -> bpy.types.Material:
    """Return the material of Blender's own splats (5.3+) in the photo's own values: they emit them sRGB-encoded."""
    return _shared("FaceLift Native Photo", "DITHERED", _encoded_emission)


def native_lit_material() -> bpy.types.Material:
    """Return the material of Blender's own splats (5.3+) that the scene's lights shine on."""
    return _shared("FaceLift Native Lit", "DITHERED", lambda builder: _lit(builder, _radiance(builder)))


def _shared(name: str, method: str, build: Callable[[Builder], bpy.types.NodeSocket]) -> bpy.types.Material:
    for material in bpy.data.materials:
        if material.get(NAME_KEY) == name and material.get(VERSION_KEY) == VERSION and material.library is None:
            return material
    material = bpy.data.materials.new(name)
    material[NAME_KEY], material[VERSION_KEY] = name, VERSION
    material.surface_render_method = method
    material.use_transparency_overlap = True
    tree = compat.give_nodes_4_5(material)
    tree.nodes.clear()
    builder = Builder(tree)
    builder.node("ShaderNodeOutputMaterial", {"Surface": build(builder)})
    builder.arrange()
    return material


def _color(builder: Builder) -> bpy.types.bpy_prop_collection:
    """Return the outputs of the splat's colour: Color, and Alpha for its opacity."""
    return builder.node("ShaderNodeAttribute", attribute_name=COLOR).outputs


def _radiance(builder: Builder) -> bpy.types.NodeSocket:
    """Return the scene-linear colour that Blender 5.3 works out for each of its own splats and view."""
    return builder.node("ShaderNodeAttribute", attribute_name=RADIANCE).outputs["Color"]


def _encoded_emission(builder: Builder) -> bpy.types.NodeSocket:
    linear = builder.node("ShaderNodeSeparateColor", {"Color": _radiance(builder)}).outputs
    encoded = {name: _encoded(builder, linear[name]) for name in ("Red", "Green", "Blue")}
    color = builder.node("ShaderNodeCombineColor", encoded).outputs["Color"]
    return builder.node("ShaderNodeEmission", {"Color": color}).outputs["Emission"]


def _encoded(builder: Builder, value: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """The inverse of :func:`core.colors.to_linear` as nodes."""
    value = builder.math("MAXIMUM", value, 0.0)
    foot = builder.math("MULTIPLY", value, colors.FOOT_SLOPE)
    power = builder.math("POWER", value, 1 / colors.GAMMA)
    curve = builder.math("MULTIPLY_ADD", power, 1 + colors.OFFSET, -colors.OFFSET)
    on_curve = builder.math("GREATER_THAN", value, colors.ENCODED_FOOT / colors.FOOT_SLOPE)
    rise = builder.math("SUBTRACT", curve, foot)
    return builder.math("MULTIPLY_ADD", on_curve, rise, foot)


def _emission(builder: Builder) -> bpy.types.NodeSocket:
    return builder.node("ShaderNodeEmission", {"Color": _color(builder)["Color"]}).outputs["Emission"]


def _principled(builder: Builder, color: bpy.types.NodeSocket, **inputs) -> bpy.types.NodeSocket:
    values = {"Base Color": color, "Roughness": ROUGHNESS, "Specular IOR Level": SPECULAR}
    return builder.node("ShaderNodeBsdfPrincipled", values | inputs).outputs["BSDF"]


def _lit(builder: Builder, color: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """Principled shading of a colour with the stored normal, turned towards the view where it faces away.

    Splats without a normal, made after normals were, face the view.
    """
    stored = builder.node("ShaderNodeAttribute", attribute_name=names.NORMAL).outputs["Vector"]
    turned = builder.node(
        "ShaderNodeVectorTransform", {"Vector": stored}, vector_type="NORMAL", convert_from="OBJECT", convert_to="WORLD"
    ).outputs["Vector"]
    normal = builder.vector("NORMALIZE", turned)
    view = builder.node("ShaderNodeNewGeometry").outputs["Incoming"]
    facing = builder.vector("DOT_PRODUCT", normal, view)
    missing = builder.math("MAXIMUM", builder.math("SUBTRACT", LEAST_FACING, facing), 0.0)
    seen = builder.vector("NORMALIZE", builder.vector("ADD", normal, builder.scaled(view, missing)))
    return _principled(builder, color, Normal=seen)


def _gaussian_falloff(builder: Builder, surface: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """Alpha = opacity exp(-r^2 / 2), nothing below MIN_ALPHA.

    The quad's edge, at corner coordinate 1, is where alpha falls to MIN_ALPHA; so with d the
    length of the corner coordinate, alpha = opacity (opacity / MIN_ALPHA)^(-d^2) for d < 1.
    Rays of Cycles that have passed enough end early, as :data:`SOLID_FROM` says.
    """
    opacity = _color(builder)["Alpha"]
    corner = builder.node("ShaderNodeAttribute", attribute_name=CORNER).outputs["Vector"]
    squared = builder.vector("DOT_PRODUCT", corner, corner)
    ratio = builder.math("DIVIDE", opacity, MIN_ALPHA)
    falloff = builder.math("POWER", ratio, builder.math("MULTIPLY", squared, -1.0))
    inside = builder.math("LESS_THAN", squared, 1.0)
    alpha = builder.math("MULTIPLY", builder.math("MULTIPLY", opacity, falloff), inside)
    passed = builder.node("ShaderNodeLightPath").outputs["Transparent Depth"]
    late = builder.math("GREATER_THAN", passed, SOLID_FROM - 0.5)
    solid = builder.math("MULTIPLY", late, builder.math("GREATER_THAN", alpha, SOLID_ALPHA))
    alpha = builder.math("MAXIMUM", alpha, solid)
    clear = builder.node("ShaderNodeBsdfTransparent").outputs["BSDF"]
    return builder.node("ShaderNodeMixShader", {"Fac": alpha, "Shader": clear, "Shader_001": surface}).outputs["Shader"]
