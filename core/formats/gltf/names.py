"""The words of glTF and of KHR_gaussian_splatting that reader and writer share."""

from __future__ import annotations

KIND = "gltf"
EXTENSION = "KHR_gaussian_splatting"
KERNEL = "ellipse"
COLOR_SPACE = "srgb_rec709_display"
LINEAR_COLOR_SPACE = "lin_rec709_display"

MAGIC = b"glTF"
VERSION = 2
JSON_CHUNK = 0x4E4F534A
BINARY_CHUNK = 0x004E4942

POINTS = 0
POSITION = "POSITION"
COLOR = "COLOR_0"
ROTATION = f"{EXTENSION}:ROTATION"
"""Quaternions x, y, z, w."""
SCALE = f"{EXTENSION}:SCALE"
"""Linear standard deviations."""
OPACITY = f"{EXTENSION}:OPACITY"
DRAFT = ("_ROTATION", "_SCALE", "ROTATION", "SCALE")
"""Names of the extension's early drafts, whose opacities are the alpha of ``COLOR_0``."""
PART = "_PART"

COMPONENT_TYPES = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}
"""numpy types of accessors' components, all little endian."""
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
"""Components of the accessor types that attributes of points have."""


def harmonic(degree: int, index: int) -> str:
    """Return the name of a degree's coefficient, 0..2 degree, from the lowest order to the highest."""
    return f"{EXTENSION}:SH_DEGREE_{degree}_COEF_{index}"


def harmonics(degree: int) -> tuple[str, ...]:
    """Return the names of all coefficients up to a degree, in our order."""
    return tuple(harmonic(band, index) for band in range(degree + 1) for index in range(2 * band + 1))
