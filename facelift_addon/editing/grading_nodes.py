"""Geometry nodes that grade splats: :func:`core.editing.grading.grade` for a field of grades."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...core import attributes as names
from ...core import spherical_harmonics as harmonics
from ...core.editing import grading
from ..splats.nodes import Builder, shared_group

VERSION = 1

NEUTRAL = {"Exposure": 0.0, "Temperature": 0.0, "Tint": 0.0, "Saturation": 1.0, "Contrast": 1.0}
"""The parameters of a grade and the values at which they change nothing."""

Channels = Sequence[bpy.types.NodeSocket]
"""Red, green and blue."""


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
    radiance = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))
    neutral = None
    for name, value in NEUTRAL.items():
        same = builder.compare("EQUAL", sockets[name], value)
        builder.set(same.node.inputs["Epsilon"], 0.0)
        neutral = same if neutral is None else builder.logic("AND", neutral, same)
    colors = [builder.math("MULTIPLY_ADD", channel, harmonics.C0, grading.PIVOT) for channel in radiance[:3]]
    linear, slopes = zip(*(_to_linear(builder, channel) for channel in colors), strict=True)
    gains = _gains(builder, sockets)
    mixed = _mix(builder, linear, gains, sockets["Saturation"])
    displayed, display_slopes = zip(*(_to_display(builder, channel) for channel in mixed), strict=True)
    contrast = sockets["Contrast"]
    offsets = [
        builder.math("MULTIPLY", contrast, builder.math("SUBTRACT", channel, grading.PIVOT)) for channel in displayed
    ]
    bases = [builder.math("DIVIDE", offset, harmonics.C0) for offset in offsets]
    chosen = [builder.switch("FLOAT", neutral, new, old) for new, old in zip(bases, radiance[:3], strict=True)]

    geometry = sockets["Geometry"]
    # Higher coefficients read the base colour, so they are stored before it changes.
    for index in range((degree + 1) ** 2 - 1):
        old = builder.attribute(names.radiance_sh(index), "FLOAT_VECTOR")
        entering = [builder.math("MULTIPLY", *pair) for pair in zip(builder.separate(old), slopes, strict=True)]
        turned = _mix(builder, entering, gains, sockets["Saturation"])
        leaving = [
            builder.math("MULTIPLY", builder.math("MULTIPLY", channel, slope), contrast)
            for channel, slope in zip(turned, display_slopes, strict=True)
        ]
        value = builder.switch("VECTOR", neutral, builder.combine(*leaving), old)
        geometry = builder.store(geometry, names.radiance_sh(index), "FLOAT_VECTOR", value)
    graded = builder.combine_color(*chosen, radiance[3])
    geometry = builder.store(geometry, names.RADIANCE_BASE, "FLOAT_COLOR", graded)
    shown = []
    for channel in builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))[:3]:
        encoded = builder.math("MULTIPLY_ADD", channel, harmonics.C0, grading.PIVOT)
        shown.append(_to_linear(builder, builder.math("MAXIMUM", encoded, 0.0))[0])
    return {"Geometry": builder.store(geometry, names.COLOR, "FLOAT_COLOR", builder.combine_color(*shown, 1.0))}


def _gains(builder: Builder, sockets) -> Channels:
    """:meth:`core.editing.grading.Grade.gains` as nodes."""
    stops = (
        builder.math("MULTIPLY", sockets["Temperature"], grading.BALANCE_STOPS),
        builder.math("MULTIPLY", sockets["Tint"], -grading.BALANCE_STOPS),
        builder.math("MULTIPLY", sockets["Temperature"], -grading.BALANCE_STOPS),
    )
    balance = [builder.math("POWER", 2.0, stop) for stop in stops]
    exposure = builder.math("POWER", 2.0, sockets["Exposure"])
    factor = builder.math("DIVIDE", exposure, _luminance(builder, balance))
    return [builder.math("MULTIPLY", channel, factor) for channel in balance]


def _luminance(builder: Builder, channels: Channels) -> bpy.types.NodeSocket:
    return builder.vector("DOT_PRODUCT", builder.combine(*channels), tuple(grading.LUMINANCE))


def _mix(builder: Builder, channels: Channels, gains: Channels, saturation) -> Channels:
    """The linear part of a grade: white balance, exposure and saturation."""
    balanced = [builder.math("MULTIPLY", *pair) for pair in zip(channels, gains, strict=True)]
    luminance = _luminance(builder, balanced)
    return [
        builder.math("MULTIPLY_ADD", saturation, builder.math("SUBTRACT", channel, luminance), luminance)
        for channel in balanced
    ]


def _to_linear(builder: Builder, value) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """:func:`core.editing.grading.to_linear` and its derivative as nodes."""
    scale = 1 + grading.OFFSET
    base = builder.math("DIVIDE", builder.math("ADD", value, grading.OFFSET), scale)
    foot = builder.compare("LESS_EQUAL", value, grading.ENCODED_FOOT)
    curve = builder.math("POWER", base, grading.GAMMA)
    steep = builder.math("MULTIPLY", builder.math("POWER", base, grading.GAMMA - 1), grading.GAMMA / scale)
    straight = builder.math("DIVIDE", value, grading.FOOT_SLOPE)
    return builder.switch("FLOAT", foot, curve, straight), builder.switch("FLOAT", foot, steep, 1 / grading.FOOT_SLOPE)


def _to_display(builder: Builder, value) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """:func:`core.editing.grading.to_display` and its derivative as nodes."""
    scale = 1 + grading.OFFSET
    foot = builder.compare("LESS_EQUAL", value, grading.LINEAR_FOOT)
    power = builder.math("POWER", value, 1 / grading.GAMMA)
    curve = builder.math("SUBTRACT", builder.math("MULTIPLY", power, scale), grading.OFFSET)
    flat = builder.math("POWER", value, 1 / grading.GAMMA - 1)
    steep = builder.math("MULTIPLY", flat, scale / grading.GAMMA)
    straight = builder.math("MULTIPLY", value, grading.FOOT_SLOPE)
    return builder.switch("FLOAT", foot, curve, straight), builder.switch("FLOAT", foot, steep, grading.FOOT_SLOPE)
