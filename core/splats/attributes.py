"""Attribute names of splat point clouds: those of Blender 5.3's native splats, plus ours.

This is the only module that spells them. ``facelift_addon`` stores geometry under these
names, importers keep extra columns beside them.
"""

from __future__ import annotations

import numpy as np

POSITION = "position"
"""FLOAT_VECTOR, mean."""
SCALE = "scale"
"""FLOAT_VECTOR, linear standard deviations."""
ROTATION = "rotation"
"""QUATERNION, w x y z."""
RADIANCE_BASE = "radiance:base"
"""FLOAT4 (Blender 5.2+) or FLOAT_COLOR before: raw f_dc r, g, b and linear opacity."""

COLOR = "Col"
"""FLOAT_COLOR, display colour."""
PART = "part"
"""INT8, a value of :class:`core.splats.parts.Part`."""
RADIUS = "radius"
"""FLOAT, for point display."""
NORMAL = "splat_normal"
"""FLOAT_VECTOR, outward unit normal of the surface that splats make; only where they are lit."""

BIND_TRIANGLE = "bind:triangle"
"""FLOAT_VECTOR, the three vertices of the mesh that a splat follows, whole numbers."""
BIND_WEIGHTS = "bind:weights"
"""FLOAT_VECTOR, barycentric coordinates on that triangle; all zero where a splat follows nothing,
as they are on points that Blender's tools add."""
BIND_OPENING = "bind:opening"
"""FLOAT_VECTOR, what an open mouth, a closed left and a closed right eye add to a splat's opacity: 1 for
teeth, which a closed mouth hides, less than 0 for what they hide."""
BIND_REST = "bind:rest"
"""FLOAT_VECTOR of a *mesh* that splats follow: its vertices when they were bound, in the splats' space."""
BIND_GAPS = "bind:gaps"
"""FLOAT_VECTOR of the same mesh, for mouth, left and right eye: 1/n on the n vertices above the gap, -1/m on
the m below."""
BINDING = (BIND_TRIANGLE, BIND_WEIGHTS, BIND_OPENING)
"""What a bound splat carries."""

STRAND = "strand"
"""INT, the number of the hair strand that a splat belongs to, from 1 on; 0 for what is no strand, as it is on
points that Blender's tools add."""
STRAND_PLACE = "strand_place"
"""FLOAT, where on its strand a splat is: 0 at the root, 1 at the tip."""


def of_no_strand(count: int) -> dict[str, np.ndarray]:
    """Return the columns of strands for ``count`` splats that belong to none."""
    return {STRAND: np.zeros(count, np.int32), STRAND_PLACE: np.zeros(count, np.float32)}


def radiance_sh(index: int) -> str:
    """Return the name of higher SH coefficient ``index`` (0 is the first of degree 1)."""
    return f"radiance:sh_{index}"


MAX_HIGHER_SH = 15
"""Coefficients above degree 0 at SH degree 3."""

OWN = frozenset({POSITION, SCALE, ROTATION, RADIANCE_BASE, COLOR, PART, RADIUS, NORMAL}) | {
    radiance_sh(i) for i in range(MAX_HIGHER_SH)
}
"""Every name with a meaning of ours; all other attributes are extras."""
