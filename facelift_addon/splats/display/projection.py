"""Geometry nodes of the EWA projection: where a splat's ellipse lies in the active camera's picture.

Source: Zwicker et al., "EWA Volume Splatting", 2001, with the constants of 3D Gaussian
splatting. Everything is worked out in camera space from the full object matrix, so object
transforms of every kind (non-uniform scale, mirror, shear) are exact.
"""

from __future__ import annotations

import math

import bpy

from ....core.rasterize.projection import BLUR, MIN_ALPHA
from ....core.splats import attributes as names
from .nodes import Builder, shared_group
from .viewing import camera_group

VERSION = 1

STEEPEST_SLOPE = 2.0
"""The projection is linearised at most this far off the axis (tangent of the angle), where it stays tame."""
FAR = 1e30
"""Metres; distance of an orthographic camera: every slope becomes nothing."""
SMALLEST_VARIANCE = 1e-14
"""Square metres; below this rounding makes eigenvalues negative."""


def projection_group() -> bpy.types.NodeTree:
    """Return the group that projects the splat at the current point.

    Outputs: Depth along the view; Position of the camera and Direction from the camera (unit, object space); Major and
    Minor, the half axes of the ellipse where its alpha falls to MIN_ALPHA, as vectors of the
    object's space parallel to the picture; Forward, a unit step along the view.
    """
    outputs = ("Position", "Direction", "Major", "Minor", "Forward")
    return shared_group(
        "FaceLift Projection",
        VERSION,
        (("Opacity", "Float"),),
        (("Depth", "Float"), *((name, "Vector") for name in outputs)),
        _project,
    )


def _project(builder: Builder, sockets) -> dict:
    camera = builder.group(camera_group(), {})
    position = builder.node("GeometryNodeInputPosition").outputs["Position"]
    x, y, z = builder.separate(
        builder.node("FunctionNodeTransformPoint", {"Vector": position, "Transform": camera["To Camera"]}).outputs[
            "Vector"
        ]
    )
    depth = builder.math("MULTIPLY", z, -1.0)
    # opacity * exp(-r^2 / 2) falls to MIN_ALPHA at r standard deviations.
    ratio = builder.math("MAXIMUM", builder.math("DIVIDE", sockets["Opacity"], MIN_ALPHA), 1.0)
    reach = builder.math("SQRT", builder.math("MULTIPLY", builder.math("LOGARITHM", ratio, math.e), 2.0))
    major, minor = (
        builder.node(
            "FunctionNodeTransformDirection",
            {"Direction": builder.scaled(axis, reach), "Transform": camera["To Local"]},
        ).outputs["Direction"]
        for axis in _image_axes(builder, camera, (x, y, depth))
    )
    return {
        "Depth": depth,
        "Position": camera["Position"],
        "Direction": builder.vector("NORMALIZE", builder.vector("SUBTRACT", position, camera["Position"])),
        "Major": major,
        "Minor": minor,
        "Forward": camera["Forward"],
    }


def _image_axes(builder: Builder, camera, place) -> list[bpy.types.NodeSocket]:
    """Return the splat's principal axes in the image plane at its depth, as vectors of camera space.

    Args:
        builder: The group's builder.
        camera: Outputs of :func:`viewing.camera_group`.
        place: x, y and depth of the splat's centre in camera space.
    """
    x, y, depth = place
    slopes = []
    # Orthographic views have no slopes, and pixels of one size.
    distance = builder.switch("FLOAT", camera["Orthographic"], depth, FAR)
    for offset in (x, y):
        slope = builder.math("DIVIDE", offset, distance)
        slopes.append(builder.math("MAXIMUM", builder.math("MINIMUM", slope, STEEPEST_SLOPE), -STEEPEST_SLOPE))
    rows = []
    scales = builder.separate(builder.attribute(names.SCALE, "FLOAT_VECTOR"))
    rotation = builder.attribute(names.ROTATION, "QUATERNION")
    for axis, scale in zip(((1, 0, 0), (0, 1, 0), (0, 0, 1)), scales, strict=True):
        local = builder.scaled(
            builder.node("FunctionNodeRotateVector", {"Vector": axis, "Rotation": rotation}).outputs["Vector"], scale
        )
        seen = builder.node(
            "FunctionNodeTransformDirection", {"Direction": local, "Transform": camera["To Camera"]}
        ).outputs["Direction"]
        right, up, behind = builder.separate(seen)
        rows.append(
            [builder.math("MULTIPLY_ADD", slope, behind, side) for slope, side in zip(slopes, (right, up), strict=True)]
        )
    p, q = (builder.combine(*column) for column in zip(*rows, strict=True))
    # The pixel's size where the splat is: BLUR is in square pixels.
    pixel = builder.math("DIVIDE", builder.switch("FLOAT", camera["Orthographic"], depth, 1.0), camera["Pixels"])
    blur = builder.math("MULTIPLY", builder.math("MULTIPLY", pixel, pixel), BLUR)
    xx = builder.math("ADD", builder.vector("DOT_PRODUCT", p, p), blur)
    yy = builder.math("ADD", builder.vector("DOT_PRODUCT", q, q), blur)
    xy = builder.vector("DOT_PRODUCT", p, q)
    ellipse = builder.group(ellipse_group(), {"XX": xx, "XY": xy, "YY": yy})
    return [ellipse["Major"], ellipse["Minor"]]


def ellipse_group() -> bpy.types.NodeTree:
    """Return the group from a 2D covariance to its principal axes, one standard deviation long."""
    return shared_group(
        "FaceLift Ellipse",
        VERSION,
        (("XX", "Float"), ("XY", "Float"), ("YY", "Float")),
        (("Major", "Vector"), ("Minor", "Vector")),
        _ellipse,
    )


def _ellipse(builder: Builder, sockets) -> dict:
    xx, xy, yy = (sockets[name] for name in ("XX", "XY", "YY"))
    mean = builder.math("MULTIPLY", builder.math("ADD", xx, yy), 0.5)
    half = builder.math("MULTIPLY", builder.math("SUBTRACT", xx, yy), 0.5)
    spread = builder.math("SQRT", builder.math("MULTIPLY_ADD", half, half, builder.math("MULTIPLY", xy, xy)))
    angle = builder.math("MULTIPLY", builder.math("ARCTAN2", xy, half), 0.5)
    cosine, sine = builder.math("COSINE", angle), builder.math("SINE", angle)
    major = builder.math("SQRT", builder.math("ADD", mean, spread))
    minor = builder.math("SQRT", builder.math("MAXIMUM", builder.math("SUBTRACT", mean, spread), SMALLEST_VARIANCE))
    return {
        "Major": builder.scaled(builder.combine(cosine, sine, 0.0), major),
        "Minor": builder.scaled(builder.combine(builder.math("MULTIPLY", sine, -1.0), cosine, 0.0), minor),
    }
