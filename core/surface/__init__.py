"""Closed surfaces of splats and fields: what is inside, where the surface is, and which way it faces."""

from .mesh import Mesh
from .relief import Relief, relief_of

__all__ = ["Mesh", "Relief", "relief_of"]
