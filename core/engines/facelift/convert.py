"""GS-LRM's raw Gaussians as core Gaussians and as the reference's PLY file."""

from __future__ import annotations

import numpy as np
import torch

from ... import quaternions
from ...gaussians import Gaussians
from ...spherical_harmonics import C0
from .gslrm import RawGaussians

PLY_REST = 45
"""Coefficients above degree 0 that the reference writes, all zero."""


def to_gaussians(raw: RawGaussians, index: torch.Tensor) -> Gaussians:
    """Return the chosen Gaussians, activated: standard deviations, unit quaternions, opacities.

    The reference's world is the common frame, so nothing moves.

    Args:
        raw: GS-LRM's output.
        index: [M] indices to keep.
    """
    xyz, features, scaling, rotation, opacity = (tensor.cpu().numpy() for tensor in chosen(raw, index))
    return Gaussians(
        means=xyz,
        scales=np.exp(scaling),
        rotations=quaternions.normalize(rotation),
        opacities=1 / (1 + np.exp(-opacity[:, 0])),
        sh=features[:, None],
    )


def reference_ply(raw: RawGaussians, index: torch.Tensor) -> bytes:
    """Return the reference's PLY file of the chosen Gaussians, byte by byte (FaceLift specification, section 12).

    It keeps logits, logarithms and unnormalised quaternions; for files to work with, write the
    activated Gaussians through :mod:`core.formats` instead.

    Args:
        raw: GS-LRM's output.
        index: [M] indices to keep.
    """
    xyz, features, scaling, rotation, opacity = (tensor.cpu().numpy() for tensor in chosen(raw, index))
    float_type = "<f4"
    columns = [(name, float_type) for name in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")]
    columns += [(f"f_dc_{i}", float_type) for i in range(3)] + [(f"f_rest_{i}", float_type) for i in range(PLY_REST)]
    columns += [("opacity", float_type)] + [(f"scale_{i}", float_type) for i in range(3)]
    columns += [(f"rot_{i}", float_type) for i in range(4)]
    table = np.zeros(len(xyz), columns)
    colors = np.clip((features * np.float32(C0) + np.float32(0.5)) * 255, 0, 255).astype(np.uint8)
    for axis in range(3):
        table["xyz"[axis]] = xyz[:, axis]
        table[("red", "green", "blue")[axis]] = colors[:, axis]
        table[f"f_dc_{axis}"] = features[:, axis]
        table[f"scale_{axis}"] = scaling[:, axis]
    table["opacity"] = opacity[:, 0]
    for axis in range(4):
        table[f"rot_{axis}"] = rotation[:, axis]
    types = {float_type: "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(table)}"]
    header += [f"property {types[kind]} {name}" for name, kind in columns]
    return "\n".join([*header, "end_header\n"]).encode("ascii") + table.tobytes()


def chosen(raw: RawGaussians, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return xyz, features, scaling, rotation and opacity of the chosen Gaussians."""
    return tuple(tensor[index] for tensor in (raw.xyz, raw.features, raw.scaling, raw.rotation, raw.opacity))
