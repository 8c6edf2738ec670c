"""Gaussian splats in .splat files, as antimatter15's web viewer introduced them.

No header; 32 bytes a splat, little endian: position 3 x float32, standard deviations 3 x float32,
colour and opacity 4 x uint8, quaternion w x y z as 4 x uint8 (128 + 128 q). Only the colour seen from
every side is kept: no higher harmonics, parts or extra columns. There is no place to say the axes; the
viewer takes +Y for down and +Z for away.
"""

from __future__ import annotations

from io import BufferedIOBase

import numpy as np

from ..errors import FormatError
from ..gaussians import Gaussians
from ..splats import spherical_harmonics as harmonics
from .assembly import assemble
from .axes import Axes
from .reading import Reading

KIND = "splat"
_ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("color", "u1", 3), ("opacity", "u1"), ("rotation", "u1", 4)])


def decode(stream: BufferedIOBase) -> Reading:
    """Read a .splat file. A few broken splats are left out, and noted.

    Raises:
        FormatError: "splat-size" (no whole number of splats), "splat-not-finite",
            "splat-scale-range", "splat-zero-quaternion".
    """
    data = stream.read()
    if not data or len(data) % _ROW.itemsize:
        raise FormatError(
            f"This is not a .splat file, or it is cut off: {len(data):,} bytes are no whole number of splats.",
            "Copy or download the file again.",
            code="splat-size",
        )
    rows = np.frombuffer(data, _ROW)
    gaussians, notes = assemble(
        KIND,
        rows["mean"],
        rows["scale"],
        (rows["rotation"].astype(np.float32) - 128) / 128,
        rows["opacity"] / np.float32(255),
        harmonics.from_colors(rows["color"] / np.float32(255)),
    )
    return Reading(gaussians, Axes.UNSTATED, notes)


def encode(gaussians: Gaussians, stream: BufferedIOBase) -> None:
    """Write a .splat file. Colours outside 0..1 are clipped."""
    rows = np.empty(len(gaussians), _ROW)
    rows["mean"], rows["scale"] = gaussians.means, gaussians.scales
    rows["color"] = np.rint(np.clip(gaussians.colors, 0, 1) * 255)
    rows["opacity"] = np.rint(np.clip(gaussians.opacities, 0, 1) * 255)
    rotations = gaussians.rotations
    # -1 can be stored, +1 can't: of the two quaternions of a rotation, the one whose largest value is negative.
    largest = np.take_along_axis(rotations, np.argmax(np.abs(rotations), axis=1)[:, None], axis=1)
    rows["rotation"] = np.clip(np.rint(128 + 128 * np.where(largest > 0, -rotations, rotations)), 0, 255)
    stream.write(rows.tobytes())
