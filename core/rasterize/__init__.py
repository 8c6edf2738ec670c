"""Rasterizers of Gaussians and how to compare their pictures."""

from .cpu import render
from .rendering import WHITE, Rendering, to_uint8

__all__ = ["WHITE", "Rendering", "render", "to_uint8"]
