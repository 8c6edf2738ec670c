"""Any mode and colour profile of a picture as sRGB with 8 bits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

ImageCms: Any
try:
    from PIL import ImageCms
except ImportError:  # Some builds of Pillow come without LittleCMS: photos are then taken as sRGB.
    ImageCms = None

LINEAR_GREY = 170
"""sRGB value, 0..255, beyond which the grey 128 of a colour profile is linear light (188) rather than encoded."""


def to_srgb(image: Image.Image) -> Image.Image:
    """Return the picture as RGB or RGBA with 8 bits in sRGB, applying an embedded colour profile."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_high_depth(image)
    profile = image.info.get("icc_profile")
    has_alpha = image.has_transparency_data
    if image.mode in ("P", "PA", "1", "La", "RGBa", "LAB", "HSV", "YCbCr"):
        image = image.convert("RGBA" if has_alpha else "RGB")
    if profile:
        converted = _apply_profile(image, profile)
        if converted is not None:
            return converted
    return image.convert("RGBA" if has_alpha else "RGB")


def _from_high_depth(image: Image.Image) -> Image.Image:
    """Convert grey pictures of 16 or 32 bits, or floats, to 8 bits."""
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        # Floats are 0..1 by convention; other ranges come from scientific pictures and are stretched.
        low, high = (0.0, 1.0) if 0 <= np.nanmin(values) and np.nanmax(values) <= 1 else (values.min(), values.max())
    else:
        low, high = 0.0, 255.0 if values.max() <= 255 else 65535.0 if values.max() <= 65535 else float(values.max())
    scaled = np.clip((np.nan_to_num(values) - low) / max(high - low, 1e-12), 0, 1)
    return Image.fromarray(np.rint(scaled * 255).astype(np.uint8)).convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert from an ICC profile to sRGB; None when the profile or Pillow's build does not allow it."""
    if ImageCms is None:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colors = image.convert({"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode))
        converted = ImageCms.profileToProfile(colors, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (OSError, ValueError, ImageCms.PyCMSError):
        # A broken profile is common and no reason to refuse the photo.
        return None
    if converted is None:
        return None
    if "A" in image.getbands():
        converted.putalpha(image.getchannel("A"))
    elif "transparency" in image.info:
        converted.putalpha(image.convert("RGBA").getchannel("A"))
    return converted


def is_linear(profile: bytes | None) -> bool:
    """Return whether an ICC profile's values are linear light: middle grey is much brighter in sRGB."""
    grey = _apply_profile(Image.new("RGB", (1, 1), (128, 128, 128)), profile) if profile else None
    return grey is not None and int(np.asarray(grey).min()) > LINEAR_GREY
