"""Geometry nodes for the colour of a splat: spherical harmonics and the sRGB transfer function."""

from __future__ import annotations

import bpy
import numpy as np

from ....core import colors
from ....core.splats import attributes as names
from ....core.splats import spherical_harmonics as harmonics
from .nodes import Builder, shared_group

VERSION = 1


def color_group(degree: int) -> bpy.types.NodeTree:
    """Return the group that gives a splat's colour as seen from a direction.

    Inputs: Direction (unit vector from the camera to the splat, local space) and Photo
    Colors (leave the display-referred values as they are instead of making them scene-linear).
    Output: Color, a vector.

    Args:
        degree: Of the spherical harmonics, 0..3.
    """
    inputs = (("Direction", "Vector"), ("Photo Colors", "Bool"))
    return shared_group(
        f"FaceLift Splat Color {degree}",
        VERSION,
        inputs,
        (("Color", "Vector"),),
        lambda builder, sockets: _color(builder, sockets, degree),
    )


def _color(builder: Builder, sockets, degree: int) -> dict:
    base = builder.separate_color(builder.attribute(names.RADIANCE_BASE, "FLOAT_COLOR"))
    total = builder.scaled(builder.combine(*base[:3]), harmonics.C0)
    for index, weight in enumerate(_basis(builder, builder.separate(sockets["Direction"]), degree)):
        coefficient = builder.attribute(names.radiance_sh(index), "FLOAT_VECTOR")
        total = builder.vector("ADD", total, builder.scaled(coefficient, weight))
    encoded = builder.vector("MAXIMUM", builder.vector("ADD", total, (0.5, 0.5, 0.5)), (0, 0, 0))
    linear = builder.combine(*(_to_linear(builder, channel) for channel in builder.separate(encoded)))
    return {"Color": builder.switch("VECTOR", sockets["Photo Colors"], linear, encoded)}


def _to_linear(builder: Builder, value) -> bpy.types.NodeSocket:
    """:func:`core.colors.to_linear` as nodes."""
    foot = builder.math("DIVIDE", value, colors.FOOT_SLOPE)
    shifted = builder.math("DIVIDE", builder.math("ADD", value, colors.OFFSET), 1 + colors.OFFSET)
    curve = builder.math("POWER", shifted, colors.GAMMA)
    return builder.switch("FLOAT", builder.compare("LESS_EQUAL", value, colors.ENCODED_FOOT), curve, foot)


def _basis(builder: Builder, direction, degree: int) -> list[bpy.types.NodeSocket]:
    """The basis functions above degree 0 as nodes, fitted to :func:`core.splats.spherical_harmonics.basis`.

    Every basis function is a polynomial in x, y, z; its coefficients are read off the core's
    function, so that there is one place that spells them.
    """
    if degree == 0:
        return []
    powers: dict[tuple[int, int, int], bpy.types.NodeSocket] = {}

    def monomial(exponents: tuple[int, int, int]) -> bpy.types.NodeSocket:
        if exponents not in powers:
            axis = next(index for index, exponent in enumerate(exponents) if exponent)
            rest = tuple(exponent - (index == axis) for index, exponent in enumerate(exponents))
            factor = direction[axis]
            powers[exponents] = builder.math("MULTIPLY", monomial(rest), factor) if any(rest) else factor
        return powers[exponents]

    weights = []
    for terms in polynomials(degree):
        total = None
        for exponents, coefficient in terms.items():
            term = builder.math("MULTIPLY", monomial(exponents), coefficient)
            total = term if total is None else builder.math("ADD", total, term)
        weights.append(total)
    return weights


def polynomials(degree: int) -> list[dict[tuple[int, int, int], float]]:
    """Return the coefficients by exponents of x, y, z of every basis function above degree 0.

    Found by least squares over scattered points: band l consists of homogeneous polynomials
    of degree l, which scattered points determine.
    """
    points = np.random.default_rng(0).normal(size=(64, 3))
    values = harmonics.basis(points, degree)
    result = []
    for band in range(1, degree + 1):
        exponents = [(i, j, band - i - j) for i in range(band + 1) for j in range(band + 1 - i)]
        monomials = np.stack([np.prod(points**powers, axis=1) for powers in np.array(exponents)], axis=1)
        solved = np.linalg.lstsq(monomials, values[:, band**2 : (band + 1) ** 2], rcond=None)[0]
        for column in solved.T:
            terms = zip(exponents, column.tolist(), strict=True)
            result.append({powers: value for powers, value in terms if abs(value) > 1e-9})
    return result
