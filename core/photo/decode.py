"""Decoding photos as people have them: any mode, depth, orientation, profile and size."""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import PhotoError
from . import tiff
from .color_profiles import is_linear, to_srgb
from .high_range import to_8_bits
from .incomplete import without_end_marker
from .lens import exif_focal
from .reduction import reduced_png

MAX_SIDE = 4096
"""Larger photos are scaled down to this longest side while they are decoded."""
MAX_PIXELS = 400_000_000
"""Photos with more pixels are refused: decoding them could exhaust the memory."""
LARGE_PIXELS = 50_000_000
"""Photos with more pixels are reduced while they are decoded, where their format allows."""
MIN_SIDE = 32
"""Smaller pictures hold no usable face."""
SUGGESTED_FORMATS = "Save the photo as JPEG or PNG and try again."

_own_limit = threading.Lock()
"""Pillow's limit of pixels is lower than ours and holds for the whole process: it is off while a file is opened."""

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
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
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
        layout = tiff.layout_of(data)
        if layout is not None and layout.is_camera_raw:
            raise _unsupported(name, "camera raw", "Develop it, save it as JPEG or PNG and try again.")
        opened = layout if layout is not None and not layout.is_plain else _open(data, name)
        source_size = opened.size
        _check_size(*source_size)
        if source_size[0] * source_size[1] > MAX_PIXELS:
            raise _too_large(source_size[0] * source_size[1] / 1e6)
        try:
            image, notes = _load(opened, data, layout)
        except tiff.UnsupportedTiff as error:
            raise _unsupported(name, "TIFF", SUGGESTED_FORMATS, f"{error}") from error
        except (MemoryError, Image.DecompressionBombError) as error:
            raise _too_large(source_size[0] * source_size[1] / 1e6) from error
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged data.
            raise PhotoError(
                f"{name} is damaged or incomplete.", "Copy or export the photo again.", code="damaged-photo"
            ) from error
        focal = exif_focal(image.getexif(), source_size)
        ImageOps.exif_transpose(image, in_place=True)
        image, scaled = _limit_size(image, source_size)
        image = to_srgb(image)
    if focal is not None:
        focal *= max(image.size) / max(source_size)
    return _to_photo(image, name, hashlib.sha256(data).hexdigest(), notes + scaled, focal)


def _load(
    image: Image.Image | tiff.Layout, data: bytes, layout: tiff.Layout | None
) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode the pixels, in as little memory as the format allows; return the picture and notes for the user.

    Args:
        image: The file as Pillow opened it, or the layout of a TIFF that Pillow would not read right.
        data: The file.
        layout: Of a TIFF.
    """
    if isinstance(image, tiff.Layout):
        return _from_tiff(data, image)
    width, height = image.size
    factor = max(1, max(width, height) // MAX_SIDE)
    if width * height > LARGE_PIXELS and image.format == "PNG":
        pixels = reduced_png(data, factor)
        if pixels is not None:
            return _with_metadata(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), image), ()
    if width * height > LARGE_PIXELS and layout is not None and layout.kind == "u1" and layout.channels:
        return _from_tiff(data, layout)
    # A JPEG decoder can scale by 1/2, 1/4 and 1/8 as it goes, which bounds time and memory.
    target = (max(1, round(width * MAX_SIDE / max(image.size))), max(1, round(height * MAX_SIDE / max(image.size))))
    image.draft("RGB", target)
    try:
        image.load()
    except OSError:
        whole = without_end_marker(data, target) if image.format in ("JPEG", "MPO") else None
        if whole is None:
            raise
        return whole, ()
    return image, ()


def _from_tiff(data: bytes, layout: tiff.Layout) -> tuple[Image.Image, tuple[str, ...]]:
    """Read a TIFF by its samples; its orientation and profile go along."""
    pixels = tiff.read(data, layout, max(1, max(layout.size) // MAX_SIDE))
    profile: bytes | None = layout.tags.get(tiff.ICC_PROFILE)
    notes: tuple[str, ...] = ()
    if pixels.dtype != np.uint8:
        colors, notes = to_8_bits(pixels[..., : layout.channels], linear=is_linear(profile))
        alpha = np.rint(np.clip(pixels[..., layout.channels :], 0, 1) * 255).astype(np.uint8)
        pixels = np.concatenate([colors, alpha], axis=2)
        profile = None if is_linear(profile) else profile
    if layout.channels == 4:  # Pillow has no CMYK with alpha.
        image = Image.fromarray(np.ascontiguousarray(pixels[..., :4]), "CMYK")
    else:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if profile:
        image.info["icc_profile"] = profile
    exif = image.getexif()
    exif.endian, exif.bigtiff = layout.order, layout.is_big
    exif.load_from_fp(io.BytesIO(data), layout.directory)
    return image, notes


def _with_metadata(image: Image.Image, source: Image.Image) -> Image.Image:
    """Give a picture the colour profile and the EXIF data of the file that it comes from."""
    image.info.update({key: source.info[key] for key in ("icc_profile", "exif") if key in source.info})
    return image


def _open(data: bytes, name: str) -> Image.Image:
    """Identify the file, without decoding its pixels."""
    if data[4:8] == b"ftyp":
        _teach_heic()
    try:
        with _own_limit:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(io.BytesIO(data))
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except Image.DecompressionBombError as error:
        raise _too_large(None) from error
    except UnidentifiedImageError as error:
        for format_name, marks in FOREIGN_FORMATS.items():
            if any(mark in data[:16] for mark in marks):
                raise _unsupported(name, format_name) from error
        raise PhotoError(
            f"{name} is not a picture.", "Choose a JPEG, PNG or TIFF photo.", code="not-an-image"
        ) from error
    except Exception as error:  # A known format with a header beyond repair.
        raise PhotoError(
            f"{name} is damaged or incomplete.", "Copy or export the photo again.", code="damaged-photo"
        ) from error


@cache
def _teach_heic() -> None:
    """Teach Pillow to read HEIC, where the library for it is there: Blender's Python has it from the zip."""
    try:
        import pi_heif
    except ImportError:
        return
    pi_heif.register_heif_opener(thumbnails=False)


def _unsupported(name: str, format_name: str, advice: str = SUGGESTED_FORMATS, why: str = "") -> PhotoError:
    """Return the error for a format that is known by name only."""
    reason = f": {why}" if why else ""
    return PhotoError(
        f"{name} is a {format_name} file, which can't be read here{reason}.",
        advice,
        code="unsupported-format",
        format=format_name,
    )


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


def _to_photo(image: Image.Image, name: str, digest: str, notes: tuple[str, ...], focal: float | None = None) -> Photo:
    """Bundle a decoded picture."""
    rgba = np.asarray(image.convert("RGBA"))
    return Photo(rgba, bool((rgba[..., 3] < 255).any()), name, digest, notes, focal)
