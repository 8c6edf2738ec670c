"""Gaussian splats in SPZ files (Niantic): a tenth of a PLY file's size.

The frame is RUB (+X right, +Y up, +Z towards the viewer) unless an extension names another. Parts and
extra columns are not kept, and neither is the flag of splats that were trained with antialiasing: Gaussians
have no place for it.
Source: https://github.com/nianticlabs/spz, README of versions 2 to 4.
"""

from .reader import decode
from .writer import VERSIONS, encode

__all__ = ["VERSIONS", "decode", "encode"]
