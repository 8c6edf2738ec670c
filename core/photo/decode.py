"""Decoding photos as people have them: any mode, depth, orientation, profile and size."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

try:
    from PIL import ImageCms
except ImportError:  # Some builds of Pillow come without LittleCMS: photos are then taken as sRGB.
    ImageCms = None

from ..errors import PhotoError
from .lens import exif_focal

MAX_SIDE = 4096
"""Larger photos are scaled down to this longest side while they are decoded."""
MAX_PIXELS = 400_000_000
"""Photos with more pixels are refused: decoding them could exhaust the memory."""
MIN_SIDE = 32
"""Smaller pictures hold no usable face."""
SUGGESTED_FORMATS = "Save the photo as JPEG or PNG and try again."

FOREIGN_FORMATS = {
    "HEIC": (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1", b"ftypheim", b"ftypheis"),
    "AVIF": (b"ftypavif", b"ftypavis"),
    "JPEG XL": (b"\xff\x0a", b"\x00\x00\x00\x0cJXL "),
    "PDF": (b"%PDF",),
    "SVG": (b"<svg", b"<?xml"),
    "OpenEXR": (b"\x76\x2f\x31\x01",),
}
"""Formats that a Pillow build may not read -> byte sequences near their start."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes:
        rgba: [H, W, 4] uint8, sRGB, upright (EXIF orientation applied), straight alpha.
        has_alpha: Whether the file brought its own transparency.
        name: File name without folder, for recipes and object names.
        sha256: Hash of the file's bytes.
        notes: Sentences for the user ("scaled down from 100 megapixels").
        focal: Focal length in pixels of ``rgba``, where the file's EXIF data tell it.
    """

    rgba: np.ndarray
    has_alpha: bool
    name: str
    sha256: str
    notes: tuple[str, ...] = ()
    focal: float | None = None


def from_array(pixels: np.ndarray, name: str = "image") -> Photo:
    """Make a photo of pixels that are already decoded, e.g. an image in a .blend file.

    Args:
        pixels: [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]; uint8, or float 0..1; sRGB-encoded,
            straight alpha, first row on top.
        name: The picture's name.

    Returns:
        The photo; ``sha256`` is that of its RGBA pixels.

    Raises:
        PhotoError: wrong shape or type ("bad-photo"), too small ("photo-too-small").
    """
    pixels = np.asarray(pixels)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or 0 in pixels.shape:
        raise PhotoError(f"An array of shape {pixels.shape} is no picture.", "Pass rows x columns x RGB or RGBA.")
    if np.issubdtype(pixels.dtype, np.floating):
        pixels = np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        raise PhotoError(f"Pixels of type {pixels.dtype} are not supported.", "Pass uint8, or floats from 0 to 1.")
    _check_size(pixels.shape[1], pixels.shape[0])
    alpha = pixels[..., 3:] if pixels.shape[2] == 4 else np.full((*pixels.shape[:2], 1), 255, np.uint8)
    rgb = np.broadcast_to(pixels[..., :3], (*pixels.shape[:2], 3))
    image, notes = _limit_size(Image.fromarray(np.concatenate([rgb, alpha], axis=2)))
    digest = hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()
    return _to_photo(image, name, digest, notes)


def decode(data: bytes, name: str) -> Photo:
    """Decode a photo file.

    Args:
        data: The file's bytes.
        name: The file's name, with or without folder.

    Returns:
        The photo, scaled down to :data:`MAX_SIDE` when it is larger.

    Raises:
        PhotoError: with code "empty-file", "not-an-image", "unsupported-format", "damaged-photo",
            "photo-too-large" or "photo-too-small".
    """
    name = PurePath(name.replace("\\", "/")).name
    if not data:
        raise PhotoError(f"{name} is empty.", "Copy or export the photo again.", code="empty-file")
    with warnings.catch_warnings():
        # Pillow warns of large pictures and odd metadata; sizes are checked here, metadata does not matter.
        warnings.simplefilter("ignore")
        image = _open(data, name)
        _check_size(*image.size)
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(image.width * image.height / 1e6)
        source_size = image.size
        try:
            # A JPEG decoder can scale by 1/2, 1/4 and 1/8 as it goes, which bounds time and memory.
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
            image.load()
        except (MemoryError, Image.DecompressionBombError) as error:
            raise _too_large(source_size[0] * source_size[1] / 1e6) from error
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged data.
            raise PhotoError(
                f"{name} is damaged or incomplete.", "Copy or export the photo again.", code="damaged-photo"
            ) from error
        focal = exif_focal(image.getexif(), source_size)
        ImageOps.exif_transpose(image, in_place=True)
        image, notes = _limit_size(image, source_size)
        image = _to_srgb(image)
    if focal is not None:
        focal *= max(image.size) / max(source_size)
    return _to_photo(image, name, hashlib.sha256(data).hexdigest(), notes, focal)


def _open(data: bytes, name: str) -> Image.Image:
    """Identify the file, without decoding its pixels."""
    try:
        return Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise _too_large(None) from error
    except UnidentifiedImageError as error:
        for format_name, marks in FOREIGN_FORMATS.items():
            if any(mark in data[:16] for mark in marks):
                raise PhotoError(
                    f"{name} is a {format_name} file, which can't be read here.",
                    SUGGESTED_FORMATS,
                    code="unsupported-format",
                    format=format_name,
                ) from error
        raise PhotoError(
            f"{name} is not a picture.", "Choose a JPEG, PNG or TIFF photo.", code="not-an-image"
        ) from error
    except Exception as error:  # A known format with a header beyond repair.
        raise PhotoError(
            f"{name} is damaged or incomplete.", "Copy or export the photo again.", code="damaged-photo"
        ) from error


def _too_large(megapixels: float | None) -> PhotoError:
    """Return the error for a picture that would need too much memory."""
    size = f"{megapixels:.0f} megapixels are" if megapixels else "The photo is"
    return PhotoError(
        f"{size} too large to decode safely.", "Scale the photo down and try again.", code="photo-too-large"
    )


def _check_size(width: int, height: int) -> None:
    """Refuse pictures that can't hold a usable face."""
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            f"The photo has only {width} x {height} pixels.",
            "Choose a photo whose face is at least 100 pixels wide.",
            code="photo-too-small",
        )


def _limit_size(image: Image.Image, source_size: tuple[int, int] | None = None) -> tuple[Image.Image, tuple[str, ...]]:
    """Scale down to :data:`MAX_SIDE`, telling the user when it mattered."""
    source_size = source_size or image.size
    if max(image.size) > MAX_SIDE:
        # Palettes and bilevel pictures can't be averaged.
        if image.mode in ("P", "1"):
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    if sorted(image.size) == sorted(source_size):
        return image, ()
    megapixels = source_size[0] * source_size[1] / 1e6
    return image, (f"The photo was scaled down from {megapixels:.0f} megapixels to {image.width} x {image.height}.",)


def _to_srgb(image: Image.Image) -> Image.Image:
    """Return the picture as RGB or RGBA with 8 bits in sRGB, applying an embedded colour profile."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_high_depth(image)
    profile = image.info.get("icc_profile")
    has_alpha = image.has_transparency_data
    if image.mode in ("P", "PA", "1", "La", "RGBa", "LAB", "HSV", "YCbCr"):
        image = image.convert("RGBA" if has_alpha else "RGB")
    if profile and ImageCms is not None:
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
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colors = image.convert({"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode))
        converted = ImageCms.profileToProfile(colors, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (OSError, ValueError, ImageCms.PyCMSError):
        # A broken profile is common and no reason to refuse the photo.
        return None
    if "A" in image.getbands():
        converted.putalpha(image.getchannel("A"))
    elif "transparency" in image.info:
        converted.putalpha(image.convert("RGBA").getchannel("A"))
    return converted


def _to_photo(image: Image.Image, name: str, digest: str, notes: tuple[str, ...], focal: float | None = None) -> Photo:
    """Bundle a decoded picture."""
    rgba = np.asarray(image.convert("RGBA"))
    return Photo(rgba, bool((rgba[..., 3] < 255).any()), name, digest, notes, focal)
