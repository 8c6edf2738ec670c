"""How many splats light has to pass: what a renderer that goes from splat to splat must be allowed.

A path tracer counts each surface that a ray passes, also where it lets nearly everything through. Here
rays of a coarse grid meet the squares that stand for splats, up to where alpha falls to 1/255, as they
would there.
"""

from __future__ import annotations

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from .projection import MIN_ALPHA, Splats, project
from .tiles import MAX_ALPHA

RAYS = 64
"""Along a picture's width."""
SIZE = 256
"""Pixels of the pictures by which bounces are found. Larger ones are blurred less, and need fewer."""
DISTANCE, EXTENT = 2.7, 0.9
"""Of the cameras from the middle, and what the splats are scaled to: both in the rig's units."""
VIEWS = ((300.0, 0.0), (0.0, 0.0), (270.0, -30.0))
"""Azimuths and elevations from which heads are looked at: three quarters, the side, and from below."""
SOLID_FROM = 16
SOLID_ALPHA = 0.5
"""A ray that has passed so many squares ends at the next whose alpha is more than this, as if it were solid. Nearly
nothing is left of its light by then, or a surface of much the same colour follows: on a drafted head this leaves more
than 50 dB, and a quarter of the squares. Ending rays by chance instead, Cycles needs most of the time for 40 dB."""
MOST_LOST = 1e-5
"""Mean square of the light that is lost behind the last splat: 50 dB against white."""
STEP = 16
"""Bounces are found in multiples of it."""
MARGIN = 1.5
FEWEST, MOST = 64, 1024
MOST_SPLATS = 1_000_000
"""Of more, it would take too long to find out."""
UNKNOWN = 512
"""Bounces for splats that were not looked at."""


def bounces_for(gaussians: Gaussians) -> int:
    """Return how many surfaces a ray must be allowed to pass, so that nothing is black behind splats.

    Args:
        gaussians: Any, in any place and size.
    """
    if not 0 < len(gaussians) <= MOST_SPLATS:
        return UNKNOWN
    low, high = np.percentile(gaussians.means, (1, 99), axis=0)
    scale = np.float32(EXTENT / max(float((high - low).max()) / 2, 1e-9))
    means = (gaussians.means - (low + high).astype(np.float32) / 2) * scale
    framed = gaussians.replace(means=means, scales=gaussians.scales * scale)
    counts = np.arange(STEP, MOST + 1, STEP)
    lost = np.zeros(len(counts))
    for azimuth, elevation in VIEWS:
        camera = Camera.orbit(azimuth, elevation, radius=DISTANCE, size=SIZE)
        left = _left_after(counts, *passing(framed, camera, solid=True))
        lost = np.maximum(lost, (left**2).mean(axis=1))
    enough = counts[np.argmax(lost <= MOST_LOST)] if (lost <= MOST_LOST).any() else MOST
    return int(np.clip(np.ceil(MARGIN * enough / STEP) * STEP, FEWEST, MOST))


def _left_after(counts: np.ndarray, ray: np.ndarray, place: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Return how much light is left [K, RAYS^2] after K counts of squares, 0 where a ray meets no more."""
    totals = np.bincount(ray, minlength=RAYS**2)
    left = np.zeros((len(counts), RAYS**2))
    row = place // STEP - 1
    chosen = (place % STEP == 0) & (row < len(counts)) & (totals[ray] > place)
    left[row[chosen], ray[chosen]] = light[chosen]
    return left


def passing(
    gaussians: Gaussians, camera: Camera, rays: int = RAYS, solid: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow rays of a grid over a picture through the squares of splats.

    Args:
        gaussians: What stands in the way.
        camera: Where from. Its size counts: each splat is blurred by a third of a pixel's area.
        rays: Along the picture's width.
        solid: End rays as :data:`SOLID_FROM` says.

    Returns:
        For P meetings of rays and squares, ray by ray and front to back: which ray [P] int64, the how manieth
        square of the ray it is [P] int64, from 1, and how much light passes it and those before it [P] float64.
    """
    splats = project(gaussians, camera)
    step = camera.width / rays
    owners, columns, rows = _meetings(splats, step, camera)
    x, y = (columns + 0.5) * step - splats.centers[owners, 0], (rows + 0.5) * step - splats.centers[owners, 1]
    a, b, c = splats.conics[owners].T
    reach = np.sqrt(2 * np.maximum(splats.log_opacities[owners] - np.log(MIN_ALPHA), 0))
    # Principal axes of the ellipse: conics are inverse covariances.
    mean, root = (a + c) / 2, np.hypot((a - c) / 2, b)
    angle = 0.5 * np.arctan2(b, (a - c) / 2)
    first, second = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    near = np.sqrt(np.maximum(mean + root, 0)) * np.abs(first), np.sqrt(np.maximum(mean - root, 0)) * np.abs(second)
    met = (near[0] <= reach) & (near[1] <= reach)
    ray = (rows * rays + columns)[met]
    # Stable: splats come front to back.
    order = np.argsort(ray, kind="stable")
    ray = ray[order]
    squared = (near[0] ** 2 + near[1] ** 2)[met][order]
    alpha = np.exp(splats.log_opacities[owners][met][order] - squared / 2)
    alpha = np.where(alpha < MIN_ALPHA, 0, np.minimum(alpha, MAX_ALPHA))
    starts = np.flatnonzero(np.diff(ray, prepend=-1))
    lengths = np.diff(starts, append=len(ray))
    place = np.arange(len(ray)) - np.repeat(starts, lengths) + 1
    if solid:
        alpha[(place > SOLID_FROM) & (alpha > SOLID_ALPHA)] = 1 - 1e-12
    logs = np.cumsum(np.log1p(-alpha))
    before = np.concatenate([[0.0], logs])[starts]
    return ray, place, np.exp(logs - np.repeat(before, lengths))


def _meetings(splats: Splats, step: float, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return splats, columns and rows of all rays inside of the splats' bounding squares, splat by splat."""
    # A turned square reaches further than its ellipse, at most by the square root of 2.
    extents = splats.extents * np.sqrt(2)
    counts = np.array([camera.width, camera.height]) / step
    low = np.clip(np.ceil((splats.centers - extents) / step - 0.5), 0, np.ceil(counts))
    high = np.clip(np.floor((splats.centers + extents) / step - 0.5) + 1, 0, np.floor(counts))
    spans = np.maximum(high - low, 0).astype(np.int64)
    sizes = spans.prod(axis=1)
    owners = np.repeat(np.arange(len(splats)), sizes)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    width = np.maximum(spans[owners, 0], 1)
    return (
        owners,
        (low[owners, 0] + within % width).astype(np.int64),
        (low[owners, 1] + within // width).astype(np.int64),
    )
