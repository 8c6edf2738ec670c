"""Pictures as files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from .files import replacing


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
