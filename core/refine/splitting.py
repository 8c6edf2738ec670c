"""Splats that are too large for a photo's detail become several smaller ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..gaussians import Gaussians
from ..geometry import quaternions
from .views import Seen

SMOOTH = 2.0
"""Pixels: what is smoother than this, colours alone can follow."""
LEAST_DETAIL = 1.5 / 255
"""Root mean square of a photo's detail that splats don't show, from which they are split."""
LEAST_SIZE = 1.0
"""Pixels: standard deviation on the photo from which an axis is divided."""
LEAST_FILLED = 1.0
"""Pixels that a splat must fill in a photo to be split: what shines through others has no detail."""
MOST_BEYOND = 2.0
"""Times the pixels that a splat fills in a photo, up to which it may fill from other sides to be split."""
APART, NARROWED = 0.5, 0.55
"""Where the halves of an axis lie and how wide they are, in standard deviations of the whole."""
DENSITY = 1 / (2 * NARROWED)
"""Share of the optical depth that each half has, so that both together are as dense as the whole."""


@dataclass(frozen=True, eq=False)
class Division:
    """Which Gaussians become several.

    Attributes:
        children: [N] how many each becomes: 1, 2 or 4.
        long: [N, 3] bool, the axes that are divided.
    """

    children: np.ndarray
    long: np.ndarray

    @classmethod
    def none(cls, count: int) -> Division:
        """Return that none of N Gaussians becomes several."""
        return cls(np.ones(count, np.int64), np.zeros((count, 3), bool))

    @property
    def divides(self) -> bool:
        """Whether any is divided."""
        return bool((self.children > 1).any())

    @property
    def sources(self) -> np.ndarray:
        """[M] int64, for every child the row it comes from."""
        return np.repeat(np.arange(len(self.children)), self.children)

    def divide(self, gaussians: Gaussians) -> Gaussians:
        """Return the children of Gaussians [N]: smaller ones side by side, as dense as the whole was."""
        sources = self.sources
        result = gaussians.select(sources)
        rows = np.flatnonzero((self.children > 1)[sources])
        axes = self.long[sources[rows]]
        number = (np.arange(len(sources)) - np.repeat(np.cumsum(self.children) - self.children, self.children))[rows]
        # Every long axis takes one bit of the child's number: which half of it the child is.
        bit = np.maximum(np.cumsum(axes, axis=1) - 1, 0)
        side = np.where(axes, (number[:, None] >> bit & 1) * 2 - 1, 0)
        scales = result.scales[rows].astype(np.float64)
        turned = quaternions.to_matrices(result.rotations[rows].astype(np.float64))
        means, smaller, opacities = result.means.copy(), result.scales.copy(), result.opacities.copy()
        means[rows] += np.einsum("nij,nj->ni", turned, side * APART * scales)
        smaller[rows] = np.where(axes, NARROWED * scales, scales)
        opacities[rows] = 1 - (1 - result.opacities[rows].astype(np.float64)) ** (DENSITY ** axes.sum(axis=1))
        return result.replace(means=means, scales=smaller, opacities=opacities)


def plan_division(gaussians: Gaussians, seen: Sequence[Seen], beyond: np.ndarray, most: int) -> Division:
    """Find splats that are too large for detail which the photos have and pictures of the splats lack.

    Only those are divided that a photo sees about as well as any other side does: of what it sees at a grazing angle
    it has no detail.

    Args:
        gaussians: The Gaussians.
        seen: What of them is in the photos, with colours solved already.
        beyond: [N] pixels that each splat fills from other sides.
        most: How many Gaussians there may be in the end; the most detail comes first.
    """
    gain, long = np.zeros(len(gaussians)), np.zeros((len(gaussians), 3), bool)
    for each in seen:
        place = each.splats.indices
        filled, energy = each.weights.sum(axis=0), each.weights.T @ _missing_detail(each)
        sizes = axis_pixels(gaussians, each)
        wide = (sizes > LEAST_SIZE) & (sizes > sizes.min(axis=1, keepdims=True))
        lacking = (energy > LEAST_DETAIL**2 * filled) & (filled > np.maximum(LEAST_FILLED, beyond[place] / MOST_BEYOND))
        lacking &= wide.any(axis=1)
        gain[place] = np.maximum(gain[place], np.where(lacking, energy, 0))
        long[place] |= wide & lacking[:, None]
    children = np.where(gain > 0, 2 ** long.sum(axis=1), 1)
    order = np.argsort(-gain, kind="stable")
    children[order[np.cumsum(children[order] - 1) > most - len(gaussians)]] = 1
    return Division(children, long & (children > 1)[:, None])


def axis_pixels(gaussians: Gaussians, seen: Seen) -> np.ndarray:
    """Return how long the visible splats' axes are on the photo, [M, 3] standard deviations in pixels."""
    camera, place = seen.view.camera, seen.splats.indices
    points = camera.to_camera(gaussians.means[place])
    axes = quaternions.to_matrices(gaussians.rotations[place].astype(np.float64)) * gaussians.scales[place, None, :]
    moves = np.einsum("ji,njk->nik", camera.c2w[:3, :3], axes).transpose(2, 0, 1)
    across, down = np.moveaxis(camera.pixel_moves(points, moves), -1, 0)
    return np.hypot(across, down).T


def _missing_detail(seen: Seen) -> np.ndarray:
    """Return the square of the fine detail that the photo has and the splats lack, [H * W]."""
    height, width = seen.view.alpha.shape
    missing = (seen.wanted() - seen.picture()).reshape(height, width, 3) * seen.view.alpha[..., None]
    fine = missing - ndimage.gaussian_filter(missing, (SMOOTH, SMOOTH, 0))
    return (fine * fine).mean(axis=-1).ravel()
