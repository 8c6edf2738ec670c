"""What draws splats so that pictures have gradients. Importing this loads no PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ...errors import FaceLiftError
from ...rasterize import gsplat_backend

CODE = "no-gradients"
"""Of the error that says what is missing here."""


@dataclass(frozen=True)
class Rasterizer:
    """A differentiable rasterizer.

    Attributes:
        rasterize: As ``gsplat.rasterization`` is called, by names: means, quats (w, x, y, z), scales, opacities, colors
            (harmonics), sh_degree, viewmats (world to camera, OpenCV's axes), Ks (in pixels), width, height,
            near_plane, eps2d and render_mode "RGB". Returns pictures over black [1, H, W, 3], alphas [1, H, W, 1] and
            anything.
        device: PyTorch's name of where it computes.
    """

    rasterize: Callable[..., tuple[Any, Any, Any]]
    device: str


def cuda_rasterizer() -> Rasterizer:
    """Return gsplat on a CUDA device.

    Raises:
        FaceLiftError: something is missing here ("no-gradients").
    """
    if find_spec("torch") is None or find_spec("gsplat") is None:
        raise FaceLiftError("Changing them needs PyTorch with gsplat, which is not installed here.", code=CODE)
    import torch

    if not torch.cuda.is_available():
        raise FaceLiftError("Changing them needs an NVIDIA graphics card, and PyTorch finds none here.", code=CODE)
    if not gsplat_backend.is_available():
        raise FaceLiftError("gsplat does not work with this graphics card: the log says why.", code=CODE)
    from gsplat import rasterization

    return Rasterizer(rasterization, "cuda")
