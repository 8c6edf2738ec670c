"""GS-LRM's raw Gaussians as core Gaussians and as the reference's PLY file."""

from __future__ import annotations

import numpy as np
import torch

from ...gaussians import Gaussians
from ...geometry import quaternions
from ...splats.spherical_harmonics import C0
from .gslrm import RawGaussians

PLY_REST = 45
"""Coefficients above degree 0 that the reference writes, all zero."""
PLY_PARTS = {
    "xyz": ["x", "y", "z"],
    "f_dc": [f"f_dc_{i}" for i in range(3)],
    "f_rest": [f"f_rest_{i}" for i in range(PLY_REST)],
    "opacity": ["opacity"],
    "scale": [f"scale_{i}" for i in range(3)],
    "rot": [f"rot_{i}" for i in range(4)],
}
"""The reference's columns of numbers, by what they are."""
PLY_COLORS = ["red", "green", "blue"]
PLY_COLUMNS = np.dtype(
    [(name, "<f4") for name in PLY_PARTS["xyz"]]
    + [(name, "u1") for name in PLY_COLORS]
    + [(name, "<f4") for part, columns in PLY_PARTS.items() if part != "xyz" for name in columns]
)
"""One vertex of the reference's file."""


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
    table = np.zeros(len(xyz), PLY_COLUMNS)
    colors = np.clip((features * np.float32(C0) + np.float32(0.5)) * 255, 0, 255).astype(np.uint8)
    parts = {"xyz": xyz, "f_dc": features, "opacity": opacity, "scale": scaling, "rot": rotation}
    for columns, values in [(PLY_COLORS, colors), *((PLY_PARTS[part], values) for part, values in parts.items())]:
        for column, numbers in zip(columns, values.T, strict=True):
            table[column] = numbers
    return _ply_header(len(table)) + table.tobytes()


def reference_ply_table(content: bytes) -> np.ndarray:
    """Return the rows of a PLY file in the reference's form, [M] with the fields of :data:`PLY_COLUMNS`.

    Raises:
        ValueError: it has another header or another length.
    """
    header, end, body = content.partition(b"end_header\n")
    count = len(body) // PLY_COLUMNS.itemsize
    if header + end != _ply_header(count) or len(body) % PLY_COLUMNS.itemsize:
        raise ValueError("no PLY file of the reference's form")
    return np.frombuffer(body, PLY_COLUMNS)


def _ply_header(count: int) -> bytes:
    types = {np.dtype("<f4"): "float", np.dtype("u1"): "uchar"}
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    lines += [f"property {types[PLY_COLUMNS[name]]} {name}" for name in PLY_COLUMNS.names or ()]
    return "\n".join([*lines, "end_header\n"]).encode("ascii")


def chosen(raw: RawGaussians, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return xyz, features, scaling, rotation and opacity of the chosen Gaussians."""
    return tuple(tensor[index] for tensor in (raw.xyz, raw.features, raw.scaling, raw.rotation, raw.opacity))
