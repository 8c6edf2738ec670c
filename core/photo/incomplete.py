"""JPEGs whose end is missing: read when all their pixels are there, as when only the end marker was cut off."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

END_MARKER = b"\xff\xd9"
OTHER_DATA = b"\xaa" * 4096
"""Stands for whatever may have been cut off: a decoder that needs more bits takes them from here."""


def without_end_marker(data: bytes, target: tuple[int, int]) -> Image.Image | None:
    """Return the picture of a JPEG without end marker, or None where pixels are missing, too.

    A decoder fills what is missing in silence. So the file is decoded with two different continuations: where
    all pixels are there, neither changes anything.

    Args:
        data: The file.
        target: (width, height) below which the decoder need not go; see Pillow's ``draft``.
    """
    pictures = []
    for end in (END_MARKER, OTHER_DATA + END_MARKER):
        picture = Image.open(io.BytesIO(data + end))
        picture.draft("RGB", target)
        try:
            picture.load()
        except OSError:
            return None
        pictures.append(picture)
    first, second = pictures
    return first if np.array_equal(np.asarray(first), np.asarray(second)) else None
