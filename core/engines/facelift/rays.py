"""Rays of the six cameras and GS-LRM's 9-channel input (FaceLift specification, section 11)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from ...cameras import Camera


def camera_tensors(cameras: Sequence[Camera], device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Return extrinsics c2w [V, 4, 4] and intrinsics fx, fy, cx, cy [V, 4], float32."""
    c2w = np.stack([camera.c2w for camera in cameras])
    intrinsics = np.array([(camera.fx, camera.fy, camera.cx, camera.cy) for camera in cameras])
    return tuple(torch.from_numpy(array).to(device, torch.float32) for array in (c2w, intrinsics))


def pixel_rays(c2w: torch.Tensor, intrinsics: torch.Tensor, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rays through all pixel centres.

    The rotation is written out as three products: matrix-product hardware in reduced precision
    would round the directions.

    Args:
        c2w: [V, 4, 4] float32.
        intrinsics: [V, 4] float32 fx, fy, cx, cy in pixels.
        size: Height and width.

    Returns:
        Origins [V, 3, 1, 1] and unit directions [V, 3, H, W], float32, in the world.
    """
    height, width = size
    fx, fy, cx, cy = (intrinsics[:, i, None, None] for i in range(4))
    rows = torch.arange(height, device=c2w.device, dtype=torch.float32)[None, :, None]
    columns = torch.arange(width, device=c2w.device, dtype=torch.float32)[None, None, :]
    x = ((columns + 0.5 - cx) / fx).expand(-1, height, -1)
    y = ((rows + 0.5 - cy) / fy).expand(-1, -1, width)
    local = functional.normalize(torch.stack([x, y, torch.ones_like(x)], dim=1), dim=1)
    axes = c2w[:, :3, :3, None, None]
    directions = sum(axes[:, :, i] * local[:, i, None] for i in range(3))
    return c2w[:, :3, 3, None, None], functional.normalize(directions, dim=1)


def posed_images(pictures: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Return GS-LRM's input [V, 9, H, W]: colour, direction, the ray's point nearest to the world's origin.

    Args:
        pictures: [V, 3, H, W] float32, 0..1.
        origins: [V, 3, 1, 1], as of :func:`pixel_rays`.
        directions: [V, 3, H, W], likewise.
    """
    nearest = origins + nearest_distance(origins, directions) * directions
    return torch.cat([pictures * 2 - 1, directions, nearest], dim=1)


def nearest_distance(origins: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Return the distance [V, 1, H, W] along each ray to its point nearest to the world's origin."""
    return -(origins * directions).sum(dim=1, keepdim=True)
