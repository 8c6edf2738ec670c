"""The reference rasterizer: 3D Gaussian splatting on the CPU, with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from .projection import project
from .rendering import WHITE, Rendering
from .tiles import blend


def render(gaussians: Gaussians, camera: Camera, background: Sequence[float] = WHITE) -> Rendering:
    """Render Gaussians as the 3DGS rasterizer does (Kerbl et al., 2023).

    Args:
        gaussians: What to render.
        camera: Where from.
        background: r, g, b behind everything, sRGB-encoded, 0..1.
    """
    splats = project(gaussians, camera)
    values = np.empty((len(splats), 5), np.float32)
    values[:, :3] = splats.colors
    values[:, 3] = 1
    values[:, 4] = splats.depths
    blended = blend(splats, values, camera.width, camera.height)
    alpha = np.ascontiguousarray(blended[..., 3])
    image = blended[..., :3] + (1 - alpha[..., None]) * np.asarray(background, np.float32)
    depth = np.divide(blended[..., 4], alpha, out=np.zeros_like(alpha), where=alpha > 0)
    return Rendering(image, alpha, depth)
