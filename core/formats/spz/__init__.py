"""Gaussian splats in SPZ files (Niantic): a tenth of a PLY file's size.

The frame is RUB (+X right, +Y up, +Z towards the viewer). Parts and extra columns are not kept.
Source: https://github.com/nianticlabs/spz, README of versions 2 to 4.
"""

from .reader import decode
from .writer import VERSIONS, encode

__all__ = ["VERSIONS", "decode", "encode"]
