"""A plain differentiable rasterizer that is called as ``gsplat.rasterization`` is: all splats at all pixels, at once.

By the rules of :mod:`core.rasterize.cpu`. For hundreds of splats and thousands of pixels.
"""

from __future__ import annotations

import torch

from core.splats import spherical_harmonics as harmonics

MIN_ALPHA, MAX_ALPHA, MIN_TRANSMITTANCE, FRUSTUM_MARGIN = 1 / 255, 0.99, 1e-4, 1.3


def rasterization(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    opacities: torch.Tensor,
    colors: torch.Tensor,
    viewmats: torch.Tensor,
    Ks: torch.Tensor,
    width: int,
    height: int,
    near_plane: float = 0.01,
    eps2d: float = 0.3,
    sh_degree: int | None = None,
    render_mode: str = "RGB",
) -> tuple[torch.Tensor, torch.Tensor, dict]:
    """Return a picture over black [1, H, W, 3], its alpha [1, H, W, 1] and nothing more, for one camera."""
    assert render_mode == "RGB" and len(viewmats) == len(Ks) == 1
    turn, offset = viewmats[0, :3, :3], viewmats[0, :3, 3]
    points = means @ turn.T + offset
    order = torch.argsort(points[:, 2].detach(), stable=True)
    order = order[points[order, 2] > near_plane]
    points = points[order]
    focal, center = Ks[0].diagonal()[:2], Ks[0, :2, 2]
    centers = focal * points[:, :2] / points[:, 2:] + center
    xx, xy, yy = _covariances(points, turn @ _matrices(quats[order]) * scales[order, None], focal, (width, height))
    xx, yy = xx + eps2d, yy + eps2d
    # Pixels in each splat's standard deviations, by the inverse of its covariance's Cholesky factor.
    wide = torch.sqrt(xx)
    high = torch.sqrt(yy - xy * xy / xx)
    across = torch.stack([1 / wide, torch.zeros_like(wide)], dim=1)
    down = torch.stack([-xy / xx / high, 1 / high], dim=1)
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([columns.flatten(), rows.flatten()])
    u, v = (way @ pixels - (way * centers).sum(dim=1, keepdim=True) for way in (across, down))
    alpha = (opacities[order, None] * torch.exp(-0.5 * (u * u + v * v))).clamp(max=MAX_ALPHA)
    alpha = torch.where(alpha < MIN_ALPHA, 0, alpha)
    left = torch.exp(torch.cumsum(torch.log1p(-alpha), dim=0))
    before = torch.cat([torch.ones_like(left[:1]), left[:-1]])
    weights = torch.where(left < MIN_TRANSMITTANCE, 0, alpha * before)
    position = -turn.T @ offset
    directions = torch.nn.functional.normalize(means[order] - position, dim=1)
    picture = weights.T @ _shades(colors[order], directions, sh_degree)
    coverage = weights.sum(dim=0)
    return picture.reshape(1, height, width, 3), coverage.reshape(1, height, width, 1), {}


def _matrices(quats: torch.Tensor) -> torch.Tensor:
    w, x, y, z = torch.nn.functional.normalize(quats, dim=1).unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _covariances(
    points: torch.Tensor, axes: torch.Tensor, focal: torch.Tensor, size: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return entries xx, xy, yy of covariances on the screen, for points [N, 3] and scaled axes [N, 3, 3] (columns)."""
    depth = points[:, 2:]
    limits = FRUSTUM_MARGIN * torch.tensor(size) / (2 * focal)
    slopes = torch.minimum(torch.maximum(points[:, :2] / depth, -limits), limits)
    moves = (focal / depth)[..., None] * (axes[:, :2] - slopes[..., None] * axes[:, 2:])
    across, down = moves.unbind(1)
    return (across * across).sum(dim=1), (across * down).sum(dim=1), (down * down).sum(dim=1)


def _shades(sh: torch.Tensor, directions: torch.Tensor, degree: int) -> torch.Tensor:
    """Return colours [N, 3] of harmonics up to degree 1."""
    values = 0.5 + harmonics.C0 * sh[:, 0]
    if degree == 1:
        x, y, z = directions.T[..., None]
        values = values + harmonics.LINEAR * (-y * sh[:, 1] + z * sh[:, 2] - x * sh[:, 3])
    return values.clamp(min=0)
