"""Which rasterizer to use."""

from __future__ import annotations

from collections.abc import Callable

from . import cpu, gsplat_backend
from .rendering import Rendering

Renderer = Callable[..., Rendering]
"""Takes Gaussians, a camera and optionally a background, as :func:`core.rasterize.cpu.render`."""


def best_renderer() -> Renderer:
    """Return the fastest rasterizer that works here: gsplat on a CUDA device, else the reference."""
    return gsplat_backend.render if gsplat_backend.is_available() else cpu.render
