"""The properties of splat PLY files.

Stored values are raw: opacity is a logit, scales are natural logarithms, rotations are w x y z
of any length, ``f_dc_*`` and ``f_rest_*`` are spherical harmonics, the latter channel by
channel. Source: INRIA's 3DGS (Kerbl et al., 2023).
"""

from __future__ import annotations

from ...splats import attributes

ELEMENT = "vertex"
MEANS = ("x", "y", "z")
NORMALS = ("nx", "ny", "nz")
"""Written as zeros; they have no meaning for splats, but INRIA's reader expects them."""
BASE = ("f_dc_0", "f_dc_1", "f_dc_2")
REST_PREFIX = "f_rest_"
OPACITY = ("opacity",)
SCALES = ("scale_0", "scale_1", "scale_2")
ROTATIONS = ("rot_0", "rot_1", "rot_2", "rot_3")
PART = attributes.PART
"""An integer column of ours, values of :class:`core.splats.parts.Part`."""


def rest(count: int) -> tuple[str, ...]:
    """Return the names of ``count`` higher harmonics values."""
    return tuple(f"{REST_PREFIX}{i}" for i in range(count))
