"""How far a drawn picture is from what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.nn import functional

SIMILARITY = 0.2
"""Weight of 1 - SSIM beside L1, as in 3DGS."""
OUTLINE = 0.5
"""Weight of coverage beside colours."""
FOOT = 1 / 255
"""Differences below are squared: less than a step of 8 bits is no reason to move."""
WINDOW, DEVIATION = 11, 1.5
"""Pixels of SSIM's window and its standard deviation."""
C1, C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, eq=False)
class Target:
    """What a picture should be.

    Attributes:
        view: What ``gsplat.rasterization`` takes of its camera.
        color: [H, W, 3] over black.
        alpha: [H, W] coverage.
        weight: [H, W] 0..1, what of it counts.
        pixels: How many pixels it shows, which count together as much as those of any other picture.
    """

    view: dict[str, Any]
    color: torch.Tensor
    alpha: torch.Tensor
    weight: torch.Tensor
    pixels: float


def distance(color: torch.Tensor, alpha: torch.Tensor, target: Target) -> torch.Tensor:
    """Return how far a picture over black [H, W, 3] and its coverage [H, W] are off, for each pixel that is shown."""
    weight = target.weight[..., None]
    ours, theirs = color * weight, target.color * weight
    off = _absolute(ours - theirs).mean(dim=-1) + OUTLINE * _absolute((alpha - target.alpha) * target.weight)
    off = off + SIMILARITY * (1 - structural_similarity(ours, theirs))
    return off.sum() / target.pixels


def _absolute(difference: torch.Tensor) -> torch.Tensor:
    return functional.smooth_l1_loss(difference, torch.zeros_like(difference), reduction="none", beta=FOOT)


def structural_similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return SSIM [H, W] of two pictures [H, W, C] with values 0..1, averaged over their channels.

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.
    """
    planes = torch.stack([a, b, a * a, b * b, a * b]).movedim(-1, 1)
    kernel = _kernel(a.device)
    size = planes.shape
    flat = planes.reshape(-1, 1, *size[2:])
    for shape in ((1, 1, WINDOW, 1), (1, 1, 1, WINDOW)):
        padding = (shape[2] // 2, shape[3] // 2)
        flat = functional.conv2d(flat, kernel.reshape(shape), padding=padding)
    mean_a, mean_b, aa, bb, ab = flat.reshape(size)
    same_mean = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    variances = aa - mean_a**2 + bb - mean_b**2
    return (same_mean * (2 * (ab - mean_a * mean_b) + C2) / (variances + C2)).mean(dim=0)


@lru_cache(maxsize=2)
def _kernel(device: torch.device) -> torch.Tensor:
    places = torch.arange(WINDOW, dtype=torch.float32, device=device) - WINDOW // 2
    values = torch.exp(-0.5 * (places / DEVIATION) ** 2)
    return values / values.sum()
