"""Sampling squares out of a photo: at any place, size and roll, antialiased, beyond its borders too.

Pixel coordinates are continuous: pixel (column i, row j) is centred at (i + 0.5, j + 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Square:
    """A square region of a photo.

    Attributes:
        x, y: Centre in photo pixels.
        side: Side length in photo pixels.
        roll: Degrees by which the square is turned, clockwise positive as seen.
    """

    x: float
    y: float
    side: float
    roll: float = 0.0

    def matrix(self) -> np.ndarray:
        """Return the [2, 3] affine map from the square's own coordinates 0..1 to photo pixels."""
        angle = math.radians(self.roll)
        across = np.array([math.cos(angle), math.sin(angle)]) * self.side
        down = np.array([-math.sin(angle), math.cos(angle)]) * self.side
        origin = np.array([self.x, self.y]) - (across + down) / 2
        return np.stack([across, down, origin], axis=1)

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Map points [N, 2] from the square's coordinates 0..1 to photo pixels."""
        matrix = self.matrix()
        return points @ matrix[:, :2].T + matrix[:, 2]


def sample_square(image: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Resample a square region to ``size`` x ``size`` pixels.

    Args:
        image: [H, W, C] or [H, W] uint8.
        square: The region; it may reach beyond the photo, whose border pixels are repeated there.
        size: Side of the result in pixels.

    Returns:
        [size, size, C] or [size, size] uint8.
    """
    scale = min(1.0, size / square.side)
    # Shrink the region's bounding box first: an affine transform alone would alias.
    corners = square.to_photo(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]))
    margin = 2 / scale
    low = np.floor(corners.min(axis=0) - margin).astype(int)
    high = np.ceil(corners.max(axis=0) + margin).astype(int)
    patch = Image.fromarray(_clamped_window(image, low, high))
    width, height = (max(1, round(length * scale)) for length in high - low)
    if (width, height) != patch.size:
        patch = patch.resize((width, height), Image.Resampling.BILINEAR)
    to_photo = square.matrix() / [[size, size, 1]]
    factors = np.array([width, height]) / (high - low)
    to_patch = (to_photo - np.column_stack([np.zeros((2, 2)), low])) * factors[:, None]
    result = patch.transform((size, size), Image.Transform.AFFINE, to_patch.ravel().tolist(), Image.Resampling.BILINEAR)
    return np.asarray(result)


def _clamped_window(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return rows and columns low..high (x, y), repeating the border pixels outside the image."""
    height, width = image.shape[:2]
    inside = (max(0, low[0]), max(0, low[1]), min(width, high[0]), min(height, high[1]))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        columns = np.clip(np.arange(low[0], high[0]), 0, width - 1)
        rows = np.clip(np.arange(low[1], high[1]), 0, height - 1)
        return image[np.ix_(rows, columns)]
    window = image[inside[1] : inside[3], inside[0] : inside[2]]
    before, after = (inside[1] - low[1], inside[0] - low[0]), (high[1] - inside[3], high[0] - inside[2])
    if not any((*before, *after)):
        return np.ascontiguousarray(window)
    padding = [(int(b), int(a)) for b, a in zip(before, after, strict=True)] + [(0, 0)] * (image.ndim - 2)
    return np.pad(window, padding, mode="edge")


def sample_perspective(image: np.ndarray, to_photo: np.ndarray, size: int, fill: int) -> np.ndarray:
    """Resample a photo as a camera at the same place, turned and zoomed, would have taken it.

    Args:
        image: [H, W, C] or [H, W] uint8.
        to_photo: [3, 3] homography from the result's pixels to the photo's.
        size: Side of the result in pixels.
        fill: Value where the photo does not reach.

    Returns:
        [size, size, C] or [size, size] uint8. Where the homography moves by whole pixels, the photo's own values.
    """
    corners = np.array([[0, 0, 1], [size, 0, 1], [size, size, 1], [0, size, 1]]) @ to_photo.T
    corners = corners[:, :2] / corners[:, 2:]
    diagonals = corners[2:] - corners[:2]
    area = abs(diagonals[0, 0] * diagonals[1, 1] - diagonals[0, 1] * diagonals[1, 0]) / 2
    shrink = min(1.0, size / math.sqrt(area)) if area > 0 else 1.0
    # Shrink first: a transform alone would alias.
    margin, limits = 3 / shrink, np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(axis=0) - margin), 0, limits).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + margin), 0, limits).astype(int)
    if (high <= low).any():
        return np.full((size, size, *image.shape[2:]), fill, np.uint8)
    patch = Image.fromarray(np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]))
    width, height = (max(1, round(length * shrink)) for length in (high - low).tolist())
    if (width, height) != patch.size:
        patch = patch.resize((width, height), Image.Resampling.BICUBIC)
    factors = np.array([width, height]) / (high - low)
    to_patch = np.diag([*factors, 1.0]) @ np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ to_photo
    coefficients = (to_patch / to_patch[2, 2]).ravel()[:8].tolist()

    def transformed(channel: np.ndarray) -> np.ndarray:
        # As floating-point numbers: Pillow cuts the fractions of whole ones off.
        values = Image.fromarray(channel.astype(np.float32)).transform(
            (size, size), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC, fillcolor=fill
        )
        return np.clip(np.rint(np.asarray(values)), 0, 255).astype(np.uint8)

    pixels = np.asarray(patch)
    if pixels.ndim == 2:
        return transformed(pixels)
    return np.stack([transformed(channel) for channel in np.moveaxis(pixels, -1, 0)], axis=-1)
