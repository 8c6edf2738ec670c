"""Where strands run in a picture: the structure tensor of its lightness (Bigun and Granlund 1987)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

GRADIENT, WINDOW = 1.0, 2.5
"""Standard deviations in pixels: strands of a portrait 512 pixels wide are 1 to 3 pixels wide; their direction is
averaged over a few of them."""
BORDER = 3
"""Pixels at hair's outline that tell nothing: the outline itself is the strongest edge there."""


@dataclass(frozen=True, eq=False)
class Directions:
    """Strand directions in a picture: x right, y down.

    Attributes:
        double: [H, W, 2] cosine and sine of twice the angle, unit length: direction and counter-direction are one.
        coherence: [H, W] 0..1: 1 where all agree on one direction, 0 where none prevails or there is no hair.
    """

    double: np.ndarray
    coherence: np.ndarray

    def vectors(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return unit vectors (x, y) [N, 2] at pixels, of either sign."""
        cosine, sine = self.double[rows, columns].T
        angle = np.arctan2(sine, cosine) / 2
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return the lightness [...] of sRGB-encoded colours [..., 3] (Rec. 709 weights)."""
    return rgb @ np.array([0.2126, 0.7152, 0.0722], rgb.dtype)


def blur_within(values: np.ndarray, mask: np.ndarray, sigma: float) -> np.ndarray:
    """Return the Gaussian average of a map [H, W] over the pixels of a mask only; 0 where none is near."""
    weights = mask.astype(np.float32)
    spread = ndimage.gaussian_filter(weights, sigma, truncate=3)
    total = ndimage.gaussian_filter(np.where(mask, values, 0).astype(np.float32), sigma, truncate=3)
    return np.where(spread > 1e-3, total / np.maximum(spread, 1e-3), 0)


@dataclass(frozen=True, eq=False)
class Tensor:
    """Products of the lightness' gradient at each pixel, turned so that they point along strands; all [H, W].

    Attributes:
        cosine, sine: Of twice the strand's angle, times the strength.
        strength: Square of the gradient.
    """

    cosine: np.ndarray
    sine: np.ndarray
    strength: np.ndarray


def gradient_tensor(rgb: np.ndarray, hair: np.ndarray) -> Tensor:
    """Return the gradient's products in a picture [H, W, 3], zero but inside of hair [H, W]."""
    light = luminance(np.asarray(rgb, np.float32))
    light = np.where(hair, light, blur_within(light, hair, WINDOW))
    inner = ndimage.binary_erosion(hair, iterations=BORDER, border_value=1)
    down, right = (ndimage.gaussian_filter(light, GRADIENT, order=order) * inner for order in ((1, 0), (0, 1)))
    # The gradient's double angle points across the strands: the opposite is theirs.
    return Tensor(down * down - right * right, -2 * right * down, right * right + down * down)


def strand_directions(tensor: Tensor, hair: np.ndarray) -> Directions:
    """Return the directions of strands in a picture at the pixels of hair [H, W]."""
    cosine, sine, strength = (
        ndimage.gaussian_filter(part, WINDOW, truncate=3) for part in (tensor.cosine, tensor.sine, tensor.strength)
    )
    length = np.hypot(cosine, sine)
    noise = 1e-3 * float(strength[hair].mean()) if hair.any() else 0.0
    coherence = np.where(hair, length / (strength + noise + 1e-12), 0)
    double = np.stack([cosine, sine], axis=-1) / np.maximum(length, 1e-12)[..., None]
    return Directions(np.where(length[..., None] > 0, double, [1.0, 0.0]), coherence)
