"""The conditioning picture: a portrait over white, aligned or only resized (FaceLift specification, section 3)."""

from __future__ import annotations

import numpy as np
from PIL import Image

WHITE = (255, 255, 255, 255)


def over_white(rgba: np.ndarray) -> np.ndarray:
    """Return [H, W, 3] uint8, a picture [H, W, 4] uint8 with straight alpha over white."""
    picture = Image.fromarray(rgba)
    background = Image.new("RGBA", picture.size, WHITE)
    return np.asarray(Image.alpha_composite(background, picture).convert("RGB"))


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """Return a picture [H, W, C] uint8 as [size, size, C] with bicubic filtering, aspect ratio not kept."""
    if picture.shape[:2] == (size, size):
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))
