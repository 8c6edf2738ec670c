"""Geometry nodes that grade splats: :func:`core.editing.grading.grade` for a field of grades."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy

from ...core import colors as curves
from ...core.editing import grading
from ...core.splats import attributes as names
from ...core.splats import spherical_harmonics as harmonics
from ..splats.display.nodes import Builder, shared_group

VERSION = 2

NEUTRAL = {"Exposure": 0.0, "Temperature": 0.0, "Tint": 0.0, "Saturation": 1.0, "Contrast": 1.0}
"""The parameters of a grade and the values at which they change nothing."""


def grade_group(degree: int) -> bpy.types.NodeTree:
    """Return the group that grades splats with spherical harmonics of a degree.

    Inputs: Geometry and the parameters of :data:`NEUTRAL`, which may be fields.
    """
    return shared_group(
        f"FaceLift Grade {degree}",
        VERSION,
        (("Geometry", "Geometry"), *((name, "Float") for name in NEUTRAL)),
        (("Geometry", "Geometry"),),
        lambda builder, sockets: _grade(builder, sockets, degree),
    )


def _grade(builder: Builder, sockets, degree: int) -> dict:
    *radiance, opacity = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))
    neutral = _is_neutral(builder, sockets)
    colors = [builder.math("MULTIPLY_ADD", channel, harmonics.C0, grading.PIVOT) for channel in radiance]
    linear, linear_slopes = zip(*(_to_linear(builder, channel) for channel in colors), strict=True)
    mixing = {"Gains": _gains(builder, sockets), "Saturation": sockets["Saturation"]}

    def mix(channels) -> bpy.types.NodeSocket:
        return builder.group(_mix_group(), mixing | {"Color": channels})["Color"]

    mixed = builder.separate(mix(builder.combine(*linear)))
    displayed, display_slopes = zip(*(_to_encoded(builder, channel) for channel in mixed), strict=True)
    offsets = builder.vector("SUBTRACT", builder.combine(*displayed), (grading.PIVOT,) * 3)
    graded = builder.scaled(builder.scaled(offsets, sockets["Contrast"]), 1 / harmonics.C0)
    base = builder.switch("VECTOR", neutral, graded, builder.combine(*radiance))

    geometry = sockets["Geometry"]
    before = builder.combine(*linear_slopes)
    after = builder.scaled(builder.combine(*display_slopes), sockets["Contrast"])
    # Higher coefficients read the base colour, so they are stored before it changes.
    for index in range((degree + 1) ** 2 - 1):
        old = builder.attribute(names.radiance_sh(index), "FLOAT_VECTOR")
        new = builder.vector("MULTIPLY", mix(builder.vector("MULTIPLY", old, before)), after)
        value = builder.switch("VECTOR", neutral, new, old)
        geometry = builder.store(geometry, names.radiance_sh(index), "FLOAT_VECTOR", value)
    stored = builder.combine_color(*builder.separate(base), opacity)
    geometry = builder.store(geometry, names.RADIANCE_BASE, "FLOAT_COLOR", stored)
    shown = []
    for channel in builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))[:3]:
        encoded = builder.math("MULTIPLY_ADD", channel, harmonics.C0, grading.PIVOT)
        shown.append(_to_linear(builder, builder.math("MAXIMUM", encoded, 0.0))[0])
    return {"Geometry": builder.store(geometry, names.COLOR, "FLOAT_COLOR", builder.combine_color(*shown, 1.0))}


def _is_neutral(builder: Builder, sockets) -> bpy.types.NodeSocket:
    """Return where the grade changes nothing, so that rounding changes nothing there either."""
    neutral = None
    for name, value in NEUTRAL.items():
        same = builder.compare("EQUAL", sockets[name], value)
        builder.set(same.node.inputs["Epsilon"], 0.0)
        neutral = same if neutral is None else builder.logic("AND", neutral, same)
    return neutral


def _gains(builder: Builder, sockets) -> bpy.types.NodeSocket:
    """:meth:`core.editing.grading.Grade.gains` as nodes."""
    stops = (
        builder.math("MULTIPLY", sockets["Temperature"], grading.BALANCE_STOPS),
        builder.math("MULTIPLY", sockets["Tint"], -grading.BALANCE_STOPS),
        builder.math("MULTIPLY", sockets["Temperature"], -grading.BALANCE_STOPS),
    )
    balance = builder.combine(*(builder.math("POWER", 2.0, stop) for stop in stops))
    luminance = builder.vector("DOT_PRODUCT", balance, tuple(curves.LUMINANCE))
    return builder.scaled(balance, builder.math("DIVIDE", builder.math("POWER", 2.0, sockets["Exposure"]), luminance))


def _mix_group() -> bpy.types.NodeTree:
    """Return the group of a grade's linear part: white balance, exposure and saturation of a linear colour."""
    inputs = (("Color", "Vector"), ("Gains", "Vector"), ("Saturation", "Float"))
    return shared_group("FaceLift Grade Mix", VERSION, inputs, (("Color", "Vector"),), _mix)


def _mix(builder: Builder, sockets) -> dict:
    balanced = builder.vector("MULTIPLY", sockets["Color"], sockets["Gains"])
    luminance = builder.vector("DOT_PRODUCT", balanced, tuple(curves.LUMINANCE))
    grey = builder.combine(luminance, luminance, luminance)
    return {
        "Color": builder.vector(
            "ADD", grey, builder.scaled(builder.vector("SUBTRACT", balanced, grey), sockets["Saturation"])
        )
    }


def _to_linear(builder: Builder, value) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """:func:`core.colors.to_linear` and its derivative as nodes."""
    return _curve(builder, "FaceLift To Linear", _linear, value)


def _to_encoded(builder: Builder, value) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """:func:`core.colors.to_encoded` and its derivative as nodes."""
    return _curve(builder, "FaceLift To Display", _displayed, value)


def _curve(
    builder: Builder, name: str, build: Callable[[Builder, Sequence[bpy.types.NodeSocket]], dict], value
) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """A curve and its slope at a value, by a group of its own: it is used for every channel."""
    outputs = (("Value", "Float"), ("Slope", "Float"))
    found = builder.group(shared_group(name, VERSION, (("Value", "Float"),), outputs, build), {"Value": value})
    return found["Value"], found["Slope"]


def _linear(builder: Builder, sockets) -> dict:
    value = sockets["Value"]
    scale = 1 + curves.OFFSET
    base = builder.math("DIVIDE", builder.math("ADD", value, curves.OFFSET), scale)
    foot = builder.compare("LESS_EQUAL", value, curves.ENCODED_FOOT)
    curve = builder.math("POWER", base, curves.GAMMA)
    steep = builder.math("MULTIPLY", builder.math("POWER", base, curves.GAMMA - 1), curves.GAMMA / scale)
    straight = builder.math("DIVIDE", value, curves.FOOT_SLOPE)
    slope = builder.switch("FLOAT", foot, steep, 1 / curves.FOOT_SLOPE)
    return {"Value": builder.switch("FLOAT", foot, curve, straight), "Slope": slope}


def _displayed(builder: Builder, sockets) -> dict:
    value = sockets["Value"]
    scale = 1 + curves.OFFSET
    foot = builder.compare("LESS_EQUAL", value, curves.LINEAR_FOOT)
    power = builder.math("POWER", value, 1 / curves.GAMMA)
    curve = builder.math("SUBTRACT", builder.math("MULTIPLY", power, scale), curves.OFFSET)
    flat = builder.math("POWER", value, 1 / curves.GAMMA - 1)
    steep = builder.math("MULTIPLY", flat, scale / curves.GAMMA)
    straight = builder.math("MULTIPLY", value, curves.FOOT_SLOPE)
    slope = builder.switch("FLOAT", foot, steep, curves.FOOT_SLOPE)
    return {"Value": builder.switch("FLOAT", foot, curve, straight), "Slope": slope}
