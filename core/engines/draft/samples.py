"""Samples of surfaces: places for Gaussians, evenly spread."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...geometry.vectors import unit
from .fields import index_of
from .portrait import FittedPortrait
from .splats import Splats, oriented_frames
from .surface import Surface

OPACITY = 0.97
GOLDEN = (5**0.5 - 1) / 2
OVERLAP = 0.85
"""Standard deviation of a Gaussian over the distance to its neighbours."""
THICKNESS = 0.15
"""Thickness over radius."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Places on a surface.

    Attributes:
        positions: [N, 3] world.
        normals: [N, 3] unit, outwards.
        quads: [N] the surface's quad that each lies on.
        weights: [N, 4] shares of the quad's corners.
        radii: [N] standard deviation of the Gaussians, world units.
    """

    positions: np.ndarray
    normals: np.ndarray
    quads: np.ndarray
    weights: np.ndarray
    radii: np.ndarray

    def interpolate(self, surface: Surface, values: np.ndarray) -> np.ndarray:
        """Return values [N, C] of the surface's vertices [V, C] at the samples."""
        return (values[surface.quads[self.quads]] * self.weights[..., None]).sum(1)

    def pick(self, surface: Surface, labels: np.ndarray) -> np.ndarray:
        """Return the labels [N] of the nearest of the surface's vertices [V]."""
        nearest = self.weights.argmax(1)
        return labels[surface.quads[self.quads, nearest]]

    def select(self, index: np.ndarray) -> Samples:
        """Return the samples of a mask [N] or of an index array."""
        return Samples(*(getattr(self, field.name)[index] for field in fields(self)))


def spread(surface: Surface, density: np.ndarray, count: int, rng: np.random.Generator) -> Samples:
    """Spread ``count`` samples over a surface.

    Systematic sampling along a space-filling curve leaves no gaps as independent draws would.

    Args:
        surface: The surface.
        density: [Q] relative number of samples per area of its quads.
        count: Number of samples.
        rng: Source of the jitter.
    """
    order = np.argsort(_morton_codes(surface.vertices[surface.quads].mean(1)))
    shares = (surface.areas() * density)[order]
    ends = np.cumsum(shares)
    marks = (np.arange(count) + 0.5) * (ends[-1] / count)
    place = np.minimum(np.searchsorted(ends, marks), len(order) - 1)
    # Within a quad, one coordinate follows from the mark, the other from a low-discrepancy sequence.
    u = np.clip((ends[place] - marks) / np.maximum(shares[place], 1e-12), 0, 1)[:, None]
    v = ((np.arange(count) * GOLDEN + rng.random()) % 1)[:, None]
    weights = np.concatenate([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    quads = order[place]
    corners = surface.quads[quads]
    positions = (surface.vertices[corners] * weights[..., None]).sum(1)
    normals = unit((surface.normals[corners] * weights[..., None]).sum(1))
    spacing = np.sqrt(ends[-1] / count / density[quads])
    return Samples(positions, normals, quads, weights, OVERLAP * spacing)


def _morton_codes(points: np.ndarray) -> np.ndarray:
    """Return the place [N] of points [N, 3] along a Z-order curve (Morton 1966) of 1024 steps an axis."""
    low, high = points.min(0), points.max(0)
    cells = ((points - low) / np.maximum(high - low, 1e-12) * 1023).astype(np.int64)
    codes = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            codes |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return codes


def sample_splats(samples: Samples, colors: np.ndarray, parts: np.ndarray) -> Splats:
    """Return flat Gaussians for samples.

    Args:
        samples: The samples.
        colors: [N, 3] sRGB-encoded, clipped to 0..1 here.
        parts: [N] values of Part.
    """
    scales = samples.radii[:, None] * np.array([1, 1, THICKNESS])
    frames = oriented_frames(samples.normals, np.tile([0.0, 0.0, 1.0], (len(parts), 1)))
    opacities = np.full(len(parts), OPACITY)
    return Splats(samples.positions, scales, frames, np.clip(colors, 0, 1), opacities, parts)


def pixel_index(portrait: FittedPortrait, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return clipped pixel rows and columns of world positions, and whether they lie in the photo."""
    pixels, _ = portrait.camera.project(positions)
    return index_of(pixels, portrait.mask.shape[0])


def nearest_pixels(portrait: FittedPortrait, positions: np.ndarray) -> np.ndarray:
    """Return row and column [N, 2] of the person's pixel nearest to each position's projection."""
    rows, columns, _ = pixel_index(portrait, positions)
    nearest_row, nearest_column = portrait.nearest_person
    return np.stack([nearest_row[rows, columns], nearest_column[rows, columns]], axis=1)
