"""The node group that turns the photo's colours of hair into the inputs of *Principled Hair*.

It computes what :mod:`core.groom.shade` does, at every point of every hair.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...core.colors import LUMINANCE
from ...core.groom import shade
from ..splats.display.nodes import Builder, shared_group, socket
from .names import SURFACE_UV

NAME, VERSION = "FaceLift Hair Pigments", 1
COLOR, MELANIN, REDNESS, TINT = "Color", "Melanin", "Melanin Redness", "Tint"
VARIATION, STREAKS = "Variation", "Streaks"
RADIAL_ROUGHNESS, MEAN = "Radial Roughness", "Mean Absorption"
FLOOR, CEILING, STEEPNESS, BEND = "Floor", "Ceiling", "Steepness", "Bend"
MEASURED = (MEAN, FLOOR, CEILING, STEEPNESS, BEND)
"""Inputs that are no one's to turn: they say what the photo's colours mean."""
WISPS, DETAIL, ROUGHNESS = 250.0, 3.0, 0.6
"""Noise over the base mesh's UV map: wisps of 3 mm on the scalp, and what is in them."""
SPREAD, FAINTEST = 0.093, 0.1
"""Standard deviation of that noise, as rendered; the darkest that it makes anything."""
NO_HUE, OWN_HUE = 1.5, 4.5
"""How many times as light as the surface alone points are that have the mean's hue, and those that have their own."""
INPUTS = (
    (COLOR, "Color"),
    (MELANIN, "Float"),
    (REDNESS, "Float"),
    (TINT, "Color"),
    (VARIATION, "Float"),
    (STREAKS, "Float"),
    (RADIAL_ROUGHNESS, "Float"),
    (MEAN, "Vector"),
    (FLOOR, "Float"),
    (CEILING, "Float"),
    (STEEPNESS, "Float"),
    (BEND, "Float"),
)
OUTPUTS = (
    (MELANIN, "Float"),
    (REDNESS, "Float"),
    (TINT, "Color"),
    (RADIAL_ROUGHNESS, "Float"),
    (COLOR, "Color"),
)


def group() -> bpy.types.NodeTree:
    """Return the file's group.

    Melanin, redness and tint are those of hair in its mean. ``Variation`` says how much points differ from it as they
    do in the photo, 0 to 1, and ``Streaks`` how much wisps differ besides, which lie closer than the photo's colours.
    Out come the inputs of *Principled Hair* of the same names, and the colour for shaders without pigment.
    """
    return shared_group(NAME, VERSION, INPUTS, OUTPUTS, _pigments, "ShaderNodeTree")


def _pigments(builder: Builder, inputs: Sequence[bpy.types.NodeSocket]) -> dict:
    factor = _polynomial(builder, inputs[RADIAL_ROUGHNESS], shade.TINT_ROUGHNESS)
    quantity = _minus_log(builder, builder.math("SUBTRACT", 1.0, inputs[MELANIN]))
    units = [
        builder.math("MULTIPLY_ADD", inputs[REDNESS], red - brown, brown)
        for brown, red in zip(shade.EUMELANIN.tolist(), shade.PHEOMELANIN.tolist(), strict=True)
    ]
    channels = zip(
        units,
        _separate(builder, _steadied(builder, _streaked(builder, inputs), inputs)),
        _separate(builder, inputs[TINT]),
        builder.separate(inputs[MEAN]),
        strict=True,
    )
    totals = []
    for unit, color, tint, mean in channels:
        dye = builder.math("DIVIDE", _minus_log(builder, tint), factor)
        pigment = builder.math("MULTIPLY_ADD", dye, dye, builder.math("MULTIPLY", quantity, unit))
        change = builder.math("SUBTRACT", _absorption(builder, color, inputs), mean)
        total = builder.math("MULTIPLY_ADD", change, inputs[VARIATION], pigment)
        totals.append(builder.math("MAXIMUM", total, 0.0))
    # As much melanin as all channels bear; the rest is tint.
    most = [builder.math("DIVIDE", total, unit) for total, unit in zip(totals, units, strict=True)]
    most = builder.math("MINIMUM", builder.math("MINIMUM", most[0], most[1]), most[2])
    tints, colors = [], []
    for total, unit in zip(totals, units, strict=True):
        rest = builder.math("MAXIMUM", builder.math("SUBTRACT", total, builder.math("MULTIPLY", most, unit)), 0.0)
        depth = builder.math("MULTIPLY", builder.math("SQRT", rest), factor)
        tints.append(_exponential(builder, depth))
        colors.append(_reflectance(builder, total, inputs))
    melanin = builder.math("SUBTRACT", 1.0, _exponential(builder, most))
    return {
        MELANIN: melanin,
        REDNESS: inputs[REDNESS],
        TINT: _combine(builder, tints),
        RADIAL_ROUGHNESS: inputs[RADIAL_ROUGHNESS],
        COLOR: _combine(builder, colors),
    }


def _streaked(builder: Builder, inputs) -> bpy.types.NodeSocket:
    """Return the colour with the tone of a wisp, which is the same from root to tip."""
    root = builder.node("ShaderNodeAttribute", attribute_name=SURFACE_UV).outputs["Vector"]
    noise = {"Vector": root, "Scale": WISPS, "Detail": DETAIL, "Roughness": ROUGHNESS}
    value = socket(builder.node("ShaderNodeTexNoise", noise, noise_dimensions="2D").outputs, "Fac")
    score = builder.math("DIVIDE", builder.math("SUBTRACT", value, 0.5), SPREAD)
    tone = builder.math("MAXIMUM", builder.math("MULTIPLY_ADD", score, inputs[STREAKS], 1.0), FAINTEST)
    return builder.scaled(inputs[COLOR], tone)


def _steadied(builder: Builder, color, inputs) -> bpy.types.NodeSocket:
    """Return a colour whose hue is the mean's where it is about as dark as the hair's surface: there, it is noise."""
    mean = builder.combine(*(_reflectance(builder, entry, inputs) for entry in builder.separate(inputs[MEAN])))
    light, middle = (builder.vector("DOT_PRODUCT", each, LUMINANCE.tolist()) for each in (color, mean))
    hue = builder.scaled(mean, builder.math("DIVIDE", light, builder.math("MAXIMUM", middle, shade.LEAST)))
    above = builder.math("SUBTRACT", builder.math("DIVIDE", light, inputs[FLOOR]), NO_HUE)
    own = builder.node("ShaderNodeClamp", {"Value": builder.math("DIVIDE", above, OWN_HUE - NO_HUE)}).outputs["Result"]
    return builder.vector("ADD", hue, builder.scaled(builder.vector("SUBTRACT", color, hue), own))


def _absorption(builder: Builder, linear, inputs) -> bpy.types.NodeSocket:
    """As :meth:`core.groom.shade.Response.absorption`."""
    reach = builder.math("SUBTRACT", inputs[CEILING], inputs[FLOOR])
    share = builder.math("DIVIDE", builder.math("SUBTRACT", linear, inputs[FLOOR]), reach)
    depth = _minus_log(builder, builder.math("MINIMUM", share, 1.0), shade.DARKEST)
    bent = builder.math("MULTIPLY", depth, inputs[BEND])
    square = builder.math("MULTIPLY", inputs[STEEPNESS], inputs[STEEPNESS])
    root = builder.math("SQRT", builder.math("MULTIPLY_ADD", bent, bent, builder.math("MULTIPLY", square, 4.0)))
    above = builder.math("MULTIPLY", depth, builder.math("ADD", bent, root))
    return builder.math("DIVIDE", above, builder.math("MULTIPLY", square, 2.0))


def _reflectance(builder: Builder, absorption, inputs) -> bpy.types.NodeSocket:
    """As :meth:`core.groom.shade.Response.reflectance`."""
    root = builder.math("SQRT", builder.math("MULTIPLY_ADD", absorption, inputs[BEND], 1.0))
    depth = builder.math("DIVIDE", builder.math("MULTIPLY", absorption, inputs[STEEPNESS]), root)
    reach = builder.math("SUBTRACT", inputs[CEILING], inputs[FLOOR])
    return builder.math("MULTIPLY_ADD", reach, _exponential(builder, depth), inputs[FLOOR])


def _minus_log(builder: Builder, value, least: float = shade.LEAST) -> bpy.types.NodeSocket:
    value = builder.math("MAXIMUM", value, least)
    return builder.math("MULTIPLY", builder.math("LOGARITHM", value, 2.718281828), -1.0)


def _exponential(builder: Builder, depth) -> bpy.types.NodeSocket:
    """Return exp(-depth)."""
    return builder.math("EXPONENT", builder.math("MULTIPLY", depth, -1.0))


def _polynomial(builder: Builder, value, coefficients: Sequence[float]) -> bpy.types.NodeSocket:
    """Return a polynomial's value by Horner's scheme, highest power first."""
    result = coefficients[0]
    for coefficient in coefficients[1:]:
        result = builder.math("MULTIPLY_ADD", result, value, coefficient)
    return result


def _separate(builder: Builder, color) -> Sequence[bpy.types.NodeSocket]:
    outputs = builder.node("ShaderNodeSeparateColor", {"Color": color}).outputs
    return tuple(outputs[name] for name in ("Red", "Green", "Blue"))


def _combine(builder: Builder, channels: Sequence) -> bpy.types.NodeSocket:
    inputs = dict(zip(("Red", "Green", "Blue"), channels, strict=True))
    return builder.node("ShaderNodeCombineColor", inputs).outputs["Color"]
