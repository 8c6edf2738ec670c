"""Pictures as files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .files import replacing

if TYPE_CHECKING:
    from PIL import Image


def write_png(picture: np.ndarray, path: Path) -> Path:
    """Write a picture [H, W, 3 or 4] uint8 as PNG into a folder that is made when missing; return the path.

    Raises:
        FaceLiftError: the file can't be written.
    """
    # Here, so that whoever only might write a picture does not wait for the library.
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as stream:
        Image.fromarray(picture).save(stream, "PNG")
    return path


def png_bytes(picture: np.ndarray) -> bytes:
    """Return a picture [H, W, 3 or 4] uint8 as the bytes of a PNG file, packed quickly rather than small."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", compress_level=2)
    return stream.getvalue()


def pixels_within(png: bytes, side: int) -> np.ndarray:
    """Return a picture file's pixels [H, W, 4] uint8, scaled down where it is larger than a square.

    Args:
        png: The file.
        side: Of the square, in pixels.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return _within(image.convert("RGBA"), side)


def reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture [H, W, 3 or 4] uint8, scaled down where it is larger than a square of ``side`` pixels."""
    from PIL import Image

    return _within(Image.fromarray(picture), side)


def _within(image: Image.Image, side: int) -> np.ndarray:
    image.thumbnail((side, side), reducing_gap=2.0)
    return np.asarray(image)
