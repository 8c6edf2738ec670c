"""Gaussian splats in PLY files, as INRIA's 3DGS, FaceLift and most other tools write them."""

from .compressed import encode as encode_compressed
from .reader import decode
from .writer import encode

__all__ = ["decode", "encode", "encode_compressed"]
