"""What a rasterizer returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Rendering:
    """A rendered picture.

    Attributes:
        image: [H, W, 3] float32, sRGB-encoded, >= 0; bright splats may exceed 1.
        alpha: [H, W] float32, coverage, 0..1.
        depth: [H, W] float32, mean depth along the camera's z, weighted as the colours are;
            0 where nothing was hit.
    """

    image: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray

    def to_uint8(self) -> np.ndarray:
        """Return the image as [H, W, 3] uint8, truncated as the reference writes its pictures."""
        return to_uint8(self.image)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Return floating-point values 0..1 as uint8: clipped and truncated, not rounded."""
    return np.clip(np.asarray(image) * 255, 0, 255).astype(np.uint8)
