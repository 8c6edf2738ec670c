"""Pictures of Gaussians: rasterizers, sheets and turntables of them, and how to compare them."""

from .cpu import render
from .rendering import WHITE, Rendering, to_uint8

__all__ = ["WHITE", "Rendering", "render", "to_uint8"]
