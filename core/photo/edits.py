"""What the user changes of a photo by hand before a head is made: which part of it is taken, and its matte."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ..errors import PhotoError
from .alignment import ALIGNED_FACE_CENTER, ALIGNED_FACE_SIZE, ALIGNED_SIZE, Alignment
from .types import FaceBox

SMALLEST_CROP, LARGEST_CROP = 0.01, 10.0
"""Sides of a crop, in widths of the photo."""
FARTHEST_CROP = 2.0
"""How far a crop's centre may lie outside, in widths and heights of the photo."""
PICTURE_SIDE = 1536
"""Longest side in pixels of the picture in which the matte is mended."""
UNCHANGED = 2
"""Steps of 255 by which a painted alpha may differ without counting as painted: programs round."""


@dataclass(frozen=True)
class Crop:
    """The square of a photo that becomes the aligned picture.

    Attributes:
        x: Centre, in widths of the photo from its left edge.
        y: Centre, in heights of the photo from its top.
        size: Side, in widths of the photo. The square may reach beyond the photo.
    """

    x: float
    y: float
    size: float

    @classmethod
    def read(cls, values: Any) -> Crop:
        """Return a crop of three numbers x, y, size.

        Raises:
            PhotoError: they are none, or far outside the photo ("bad-crop").
        """
        try:
            crop = cls(*(float(value) for value in values))
        except (TypeError, ValueError) as error:
            raise PhotoError(
                "A crop needs three numbers: centre x and y, and size.", "Reset the crop.", code="bad-crop"
            ) from error
        usual = all(-FARTHEST_CROP <= value <= 1 + FARTHEST_CROP for value in (crop.x, crop.y))
        if not usual or not SMALLEST_CROP <= crop.size <= LARGEST_CROP:
            raise PhotoError("The crop lies outside the photo.", "Move it onto the face, or reset it.", code="bad-crop")
        return crop

    @classmethod
    def of_box(cls, photo_size: tuple[int, int], box: FaceBox) -> Crop:
        """Return the square that the alignment of a face box takes of a photo of (width, height) pixels."""
        side = box.size * ALIGNED_SIZE / ALIGNED_FACE_SIZE
        shift = [side * (0.5 - center / ALIGNED_SIZE) for center in ALIGNED_FACE_CENTER]
        x, y = (center + offset for center, offset in zip(box.center, shift, strict=True))
        return cls(x / photo_size[0], y / photo_size[1], side / photo_size[0])

    @classmethod
    def of_alignment(cls, alignment: Alignment) -> Crop:
        """Return the square that an alignment takes, to the pixel's fraction."""
        width, height = alignment.source_size
        x, y = (np.full(2, alignment.size / 2) - alignment.offset) / alignment.scale
        return cls(float(x / width), float(y / height), alignment.size / alignment.scale[0] / width)

    @classmethod
    def around(cls, photo_size: tuple[int, int]) -> Crop:
        """Return the smallest square with all of a photo of (width, height) pixels in it."""
        return cls(0.5, 0.5, max(photo_size) / photo_size[0])

    def box(self, photo_size: tuple[int, int]) -> FaceBox:
        """Return the face box whose alignment takes this square, in pixels of a photo of (width, height)."""
        left, top, side = self.square(photo_size)
        x, y = left + side * ALIGNED_FACE_CENTER[0] / ALIGNED_SIZE, top + side * ALIGNED_FACE_CENTER[1] / ALIGNED_SIZE
        half = side * ALIGNED_FACE_SIZE / ALIGNED_SIZE / 2
        return FaceBox(x - half, y - half, x + half, y + half, 1.0)

    def square(self, photo_size: tuple[int, int]) -> tuple[float, float, float]:
        """Return left, top and side in pixels of a photo of (width, height)."""
        side = self.size * photo_size[0]
        return self.x * photo_size[0] - side / 2, self.y * photo_size[1] - side / 2, side

    def values(self) -> list[float]:
        """Return x, y and size for messages and recipes."""
        return [self.x, self.y, self.size]


@dataclass(frozen=True)
class PhotoEdits:
    """What was changed of a photo by hand.

    Attributes:
        crop: The part of it that is taken; None for where the face is.
        matte: PNG of any size, stretched over the photo: grey is the person's alpha, the PNG's own alpha is how much
            of it counts. Empty where nothing was painted.
    """

    crop: Crop | None = None
    matte: bytes = b""

    def apply_matte(self, matte: np.ndarray) -> np.ndarray:
        """Return a photo's matte [H, W] uint8 with what was painted.

        Raises:
            PhotoError: the painted matte is no picture ("bad-matte").
        """
        if not self.matte:
            return matte
        painted = _read_matte(self.matte).resize(matte.shape[::-1], Image.Resampling.BILINEAR)
        value, weight = (np.asarray(channel, np.float32) for channel in painted.split())
        mixed = matte + (value - matte) * (weight / 255)
        return np.rint(mixed).astype(np.uint8)


NO_EDITS = PhotoEdits()
"""A photo as it is."""


def painted_matte(before: np.ndarray, after: np.ndarray, earlier: bytes = b"") -> bytes:
    """Return what was painted as :attr:`PhotoEdits.matte`.

    Args:
        before: [H, W] uint8, the alpha that was shown.
        after: [H, W] uint8, the alpha after painting.
        earlier: What had been painted before that; it stays where nothing new was painted.

    Returns:
        The PNG's bytes, empty when nothing was ever painted.
    """
    changed = np.abs(after.astype(np.int16) - before) > UNCHANGED
    if not changed.any():
        return earlier
    value, weight = after.copy(), np.where(changed, np.uint8(255), np.uint8(0))
    if earlier:
        old = _read_matte(earlier).resize(before.shape[::-1], Image.Resampling.BILINEAR)
        old_value, old_weight = (np.asarray(channel) for channel in old.split())
        value, weight = np.where(changed, after, old_value), np.maximum(weight, old_weight)
    stream = io.BytesIO()
    Image.fromarray(np.dstack([value, weight])).save(stream, "PNG", compress_level=2)
    return stream.getvalue()


def lasso(alpha: np.ndarray, path: np.ndarray, keep: bool) -> np.ndarray:
    """Return an alpha in which everything inside an outline is the person, or none of it.

    Args:
        alpha: [H, W] uint8.
        path: [N, 2] corners of the outline in pixels, x to the right and y down; at least three.
        keep: Whether to keep what is inside; else it is removed.

    Returns:
        [H, W] uint8; the outline is antialiased.
    """
    fine = 4
    low = np.clip(np.floor(path.min(axis=0)) - 1, 0, alpha.shape[::-1]).astype(int)
    high = np.clip(np.ceil(path.max(axis=0)) + 1, 0, alpha.shape[::-1]).astype(int)
    if (high <= low).any():
        return alpha
    mask = Image.new("L", tuple(((high - low) * fine).tolist()))
    ImageDraw.Draw(mask).polygon([tuple(point) for point in ((path - low) * fine).tolist()], fill=255)
    share = np.asarray(mask.reduce(fine), np.float32) / 255
    result = alpha.copy()
    part = result[low[1] : high[1], low[0] : high[0]]
    part[:] = np.rint(part + ((255 if keep else 0) - part.astype(np.float32)) * share)
    return result


def picture_of(rgb: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Return a photo with its matte as straight alpha, at most :data:`PICTURE_SIDE` pixels long.

    Args:
        rgb: [H, W, 3] uint8.
        matte: [H, W] uint8.
    """
    shrink = min(1.0, PICTURE_SIDE / max(matte.shape))
    size = tuple(max(1, round(length * shrink)) for length in matte.shape[::-1])
    parts = (
        np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
        for part in (rgb, matte)
    )
    return np.dstack(list(parts))


def _read_matte(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.convert("LA")
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged data.
        raise PhotoError("The painted matte is no picture.", "Reset the matte.", code="bad-matte") from error
