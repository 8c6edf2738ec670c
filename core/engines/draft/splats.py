"""Gaussians under construction: plain arrays with frames instead of quaternions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ...gaussians import Gaussians
from ...geometry import quaternions
from ...geometry.vectors import unit
from ...splats import spherical_harmonics as harmonics


@dataclass(frozen=True, eq=False)
class Splats:
    """Flat Gaussians.

    Attributes:
        positions: [N, 3] world.
        scales: [N, 3] standard deviations along the frame's axes; the last is the thickness.
        frames: [N, 3, 3] orthonormal axes as columns; the last is the surface normal.
        colors: [N, 3] sRGB-encoded, 0..1.
        opacities: [N] 0..1.
        parts: [N] values of Part.
    """

    positions: np.ndarray
    scales: np.ndarray
    frames: np.ndarray
    colors: np.ndarray
    opacities: np.ndarray
    parts: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    @classmethod
    def concatenate(cls, items: Sequence[Splats]) -> Splats:
        """Join several."""
        return cls(*(np.concatenate([getattr(item, field.name) for item in items]) for field in fields(cls)))

    def to_gaussians(self) -> Gaussians:
        """Return the finished value."""
        return Gaussians(
            self.positions,
            self.scales,
            quaternions.from_matrices(self.frames),
            self.opacities,
            harmonics.from_colors(self.colors),
            self.parts,
        )


def oriented_frames(normals: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return frames [N, 3, 3] whose last axis is the normal and whose first lies as close to a direction as it can.

    Args:
        normals: [N, 3] unit.
        directions: [N, 3]; where one is parallel to the normal, any tangent will do.
    """
    first = directions - (directions * normals).sum(1, keepdims=True) * normals
    length = np.linalg.norm(first, axis=1, keepdims=True)
    other = np.eye(3)[np.abs(normals).argmin(1)]
    other = other - (other * normals).sum(1, keepdims=True) * normals
    first = unit(np.where(length > 1e-6, first, other))
    return np.stack([first, np.cross(normals, first), normals], axis=-1)
