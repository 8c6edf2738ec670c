"""Gaussian splats in OpenUSD files: ParticleField3DGaussianSplat prims (USD 26.03 and later).

Read and written through Pixar's ``pxr`` package, which Blender brings; versions of it that don't know
the schema yet do as well. A USD file says which axis is up and how long its unit is, so both are
converted while reading, and files are written +Z up in metres: our frame. Parts and extra columns
travel as primvars.
"""

from .reader import decode
from .writer import encode_binary, encode_package, encode_text

__all__ = ["decode", "encode_binary", "encode_package", "encode_text"]
