"""The decoded photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes:
        rgba: [H, W, 4] uint8, sRGB, upright (EXIF orientation applied), straight alpha.
        has_alpha: Whether the file brought its own transparency.
        name: File name without folder, for recipes and object names.
        sha256: Hash of the file's bytes.
        notes: Sentences for the user ("scaled down from 100 megapixels").
    """

    rgba: np.ndarray
    has_alpha: bool
    name: str
    sha256: str
    notes: tuple[str, ...] = ()
