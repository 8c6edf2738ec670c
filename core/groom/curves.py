"""Hair as curves: points from root to tip, with roots on a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .roots import Roots, rigid_moves


@dataclass(frozen=True, eq=False)
class HairCurves:
    """S curves with P points in all, one curve after the other, each from root to tip.

    Attributes:
        points: [P, 3] float32, in the space of the splats; a curve's first point is its root.
        counts: [S] int32 points of each curve, 2 at least.
        colors: [P, 3] float32 sRGB-encoded, 0..1, as the photo shows the hair there.
        radii: [P] float32, the hair's radius in the units of ``points``.
        roots: Where on the mesh the S curves grow.
    """

    points: np.ndarray
    counts: np.ndarray
    colors: np.ndarray
    radii: np.ndarray
    roots: Roots

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def first(self) -> np.ndarray:
        """[S] rows of the curves' roots."""
        return np.cumsum(self.counts) - self.counts

    @property
    def owners(self) -> np.ndarray:
        """[P] the curve that each point belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def lengths(self) -> np.ndarray:
        """[S] float64 lengths of the curves."""
        steps = np.linalg.norm(np.diff(self.points.astype(np.float64), axis=0), axis=1)
        same = np.diff(self.owners) == 0
        return np.bincount(self.owners[1:][same], steps[same], len(self))

    def select(self, chosen: np.ndarray) -> HairCurves:
        """Return the curves of a boolean mask [S] or an index array, in that order."""
        rows = np.arange(len(self))[chosen]
        counts = self.counts[rows]
        ends = np.cumsum(counts)
        points = np.repeat(self.first[rows] - (ends - counts), counts) + np.arange(counts.sum())
        return HairCurves(self.points[points], counts, self.colors[points], self.radii[points], self.roots.select(rows))

    def moved(self, before: np.ndarray, after: np.ndarray) -> HairCurves:
        """Return the curves where their mesh takes them, each as rigidly as Blender's *Deform Curves on Surface*.

        Args:
            before: [V, 3] vertices of the mesh that they grow on.
            after: [V, 3] where these have gone.
        """
        turns, begin, end = rigid_moves(self.roots, before, after)
        owners = self.owners
        relative = self.points - begin[owners]
        points = np.einsum("pij,pj->pi", turns[owners], relative) + end[owners]
        return replace(self, points=points.astype(np.float32))

    def transformed(self, matrix: np.ndarray) -> HairCurves:
        """Return the curves, with their mesh, moved by an affine transformation [4, 4]."""
        linear, offset = np.asarray(matrix, np.float64)[:3, :3], np.asarray(matrix, np.float64)[:3, 3]
        scale = np.cbrt(abs(np.linalg.det(linear)))
        points = self.points @ linear.T + offset
        return replace(self, points=points.astype(np.float32), radii=(self.radii * scale).astype(np.float32))


def concatenate(parts: Sequence[HairCurves]) -> HairCurves:
    """Return the curves of all parts, one after the other; at least one part."""
    points, counts, colors, radii = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("points", "counts", "colors", "radii")
    )
    return HairCurves(points, counts, colors, radii, Roots.concatenate([part.roots for part in parts]))
