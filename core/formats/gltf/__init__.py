"""Gaussian splats in glTF 2.0 files, .glb and .gltf, with KHR_gaussian_splatting.

The frame is glTF's: +Y up, the face looks to +Z. Parts and extra columns travel as attributes whose
names begin with an underscore. Source: the extension's specification,
https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_gaussian_splatting (2026).
"""

from .reader import decode
from .writer import encode_binary, encode_text

__all__ = ["decode", "encode_binary", "encode_text"]
