"""Rendering on a CUDA device with gsplat (github.com/nerfstudio-project/gsplat), by the rules of :mod:`.cpu`.

Known differences from the reference rasterizer: gsplat caps alpha at 0.999 instead of 0.99, and
cuts splats at 3.33 standard deviations.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from . import cpu
from .projection import BLUR, NEAR
from .rendering import WHITE, Rendering

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

NOTICE_SECONDS = 5.0
COMPILING = "gsplat compiles its kernels for this graphics card: some minutes, once for this computer."


@cache
def is_available() -> bool:
    """Return whether gsplat renders here.

    Asked in the order of cost: gsplat's kernels are compiled when they are first used, which takes
    minutes and a CUDA compiler, so a machine without a CUDA device never gets there.
    """
    if find_spec("gsplat") is None or find_spec("torch") is None:
        return False
    import torch

    if not torch.cuda.is_available():
        return False
    notice = threading.Timer(NOTICE_SECONDS, logger.warning, [COMPILING])
    notice.start()
    try:
        render(_single_gaussian(), Camera.orbit(0, size=16))
    except Exception:  # Compilers and drivers fail in ways of their own; the reference rasterizer is there.
        logger.warning("gsplat can't render here; the reference rasterizer does.", exc_info=True)
        return False
    finally:
        notice.cancel()
    return True


def render(gaussians: Gaussians, camera: Camera, background: Sequence[float] = WHITE) -> Rendering:
    """Render Gaussians on the CUDA device.

    Args:
        gaussians: What to render; kept on the device until others are rendered.
        camera: Where from.
        background: r, g, b behind everything, sRGB-encoded, 0..1.
    """
    import torch
    from gsplat import rasterization

    if not len(gaussians):
        return cpu.render(gaussians, camera, background)
    device = torch.device("cuda")
    with torch.inference_mode():
        colors, alphas, _ = rasterization(**splat_arguments(gaussians, device), **camera_arguments(camera, device))
        values, alpha = colors[0].cpu().numpy(), alphas[0, ..., 0].cpu().numpy()
    image = values[..., :3] + (1 - alpha[..., None]) * np.asarray(background, np.float32)
    return Rendering(image, alpha, np.where(alpha > 0, values[..., 3], 0).astype(np.float32))


@lru_cache(maxsize=1)
def splat_arguments(gaussians: Gaussians, device: torch.device) -> dict[str, Any]:
    """Return gsplat's arguments for Gaussians; those of the last ones are kept, for turntables."""
    import torch

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    return {
        "means": tensor(gaussians.means),
        "quats": tensor(gaussians.rotations),
        "scales": tensor(gaussians.scales),
        "opacities": tensor(gaussians.opacities),
        "colors": tensor(gaussians.sh),
        "sh_degree": gaussians.sh_degree,
    }


def camera_arguments(camera: Camera, device: torch.device) -> dict[str, Any]:
    """Return gsplat's arguments for one camera and the rules of rendering."""
    import torch

    intrinsics = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
    return {
        "viewmats": torch.tensor(camera.w2c, dtype=torch.float32, device=device)[None],
        "Ks": torch.tensor(intrinsics, dtype=torch.float32, device=device)[None],
        "width": camera.width,
        "height": camera.height,
        "near_plane": NEAR,
        "eps2d": BLUR,
        # Colours and the mean depth; the background is put behind them here.
        "render_mode": "RGB+ED",
    }


def _single_gaussian() -> Gaussians:
    return Gaussians(
        np.zeros((1, 3)), np.full((1, 3), 0.1), np.array([[1.0, 0, 0, 0]]), np.ones(1), np.zeros((1, 1, 3))
    )
