"""FaceLift's alignment: the face at a fixed size and place in a 512 x 512 picture.

The same rule as in the reference's preprocessing, bit for bit: integer truncations included. The
reference takes its box from MTCNN (Zhang et al. 2016); :func:`reference_box` predicts that box from
face landmarks, so that no second detector is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER, Landmarks
from .types import FaceBox

ALIGNED_SIZE = 512
"""Side of the aligned picture in pixels."""
ALIGNED_FACE_SIZE = 194.2749650813705
"""Mean of width and height of the face box in the aligned picture."""
ALIGNED_FACE_CENTER = (251.83270369057132, 280.0133630862363)
"""Centre (x, y) of the face box in the aligned picture."""
MAX_SCALED_PIXELS = 30_000_000
"""Up to here the whole photo is scaled, as in the reference; beyond, only the part that is kept."""

FOREHEAD, CHIN, RIGHT_TEMPLE, LEFT_TEMPLE = 10, 152, 234, 454
"""Outermost points of the face mesh, the person's right and left."""
REFERENCE_SIZE_SHARE = 0.524
"""MTCNN's box size over the mesh's height plus width (3D distances). Like the next two fitted to
MTCNN's boxes on portraits and on one head seen from 13 sides; the ratio scatters by 4 %."""
REFERENCE_RISE = 0.063
"""How far MTCNN's box centre lies above the mesh's middle, in box sizes."""
REFERENCE_DEPTH = 0.36
"""How far behind the mesh's middle MTCNN's box centre seems to lie when a head turns sideways, in box sizes."""


@dataclass(frozen=True)
class Alignment:
    """How a photo's pixels map to aligned pixels.

    Attributes:
        source_size: (width, height) of the photo.
        scaled_size: (width, height) of the photo after scaling.
        crop: (left, top, right, bottom) of the part of the scaled photo that is kept.
        paste: (x, y) of that part's corner in the aligned picture.
        size: Side of the aligned picture.
    """

    source_size: tuple[int, int]
    scaled_size: tuple[int, int]
    crop: tuple[int, int, int, int]
    paste: tuple[int, int]
    size: int = ALIGNED_SIZE

    @classmethod
    def from_box(cls, source_size: tuple[int, int], box: FaceBox) -> Alignment:
        """Return FaceLift's alignment of a face.

        Args:
            source_size: (width, height) of the photo.
            box: The face as MTCNN would box it; see :func:`reference_box`.

        Raises:
            ValueError: the box is so large or far out that nothing of the photo would remain.
        """
        ratio = ALIGNED_FACE_SIZE / box.size
        scaled = (int(source_size[0] * ratio), int(source_size[1] * ratio))
        offset = [target - int(center * ratio) for target, center in zip(ALIGNED_FACE_CENTER, box.center, strict=True)]
        left, top = (int(max(0, -value)) for value in offset)
        right, bottom = (int(min(length, ALIGNED_SIZE - value)) for length, value in zip(scaled, offset, strict=True))
        if right <= left or bottom <= top:
            raise ValueError("the face box lies outside the photo")
        paste = (int(max(0, offset[0])), int(max(0, offset[1])))
        return cls(source_size, scaled, (left, top, right, bottom), paste)

    @classmethod
    def stretched(cls, source_size: tuple[int, int]) -> Alignment:
        """Return the reference's way without cropping: the whole photo, stretched to the aligned size."""
        return cls(source_size, (ALIGNED_SIZE, ALIGNED_SIZE), (0, 0, ALIGNED_SIZE, ALIGNED_SIZE), (0, 0))

    @property
    def is_stretched(self) -> bool:
        """Whether the photo was an aligned picture already."""
        return self == Alignment.stretched(self.source_size)

    @property
    def scale(self) -> tuple[float, float]:
        """Aligned pixels per photo pixel along x and y; they differ by rounding only."""
        return self.scaled_size[0] / self.source_size[0], self.scaled_size[1] / self.source_size[1]

    @property
    def mean_scale(self) -> float:
        """Aligned pixels per photo pixel."""
        return sum(self.scale) / 2

    @property
    def offset(self) -> tuple[float, float]:
        """Aligned position (x, y) of the photo's upper left corner."""
        return float(self.paste[0] - self.crop[0]), float(self.paste[1] - self.crop[1])

    @property
    def resolution(self) -> float:
        """Photo pixels per aligned pixel."""
        return 1 / self.mean_scale

    def magnified(self, factor: int) -> Alignment:
        """Return the alignment that divides every aligned pixel into ``factor`` times ``factor``."""
        width, height = (factor * value for value in self.scaled_size)
        left, top, right, bottom = (factor * value for value in self.crop)
        x, y = (factor * value for value in self.paste)
        return Alignment(self.source_size, (width, height), (left, top, right, bottom), (x, y), factor * self.size)

    def apply(self, image: np.ndarray, fill: int = 255) -> np.ndarray:
        """Align a picture.

        Args:
            image: [H, W, 3] or [H, W] uint8 of :attr:`source_size`.
            fill: Value where the photo does not reach; white in the reference.

        Returns:
            [size, size, 3] or [size, size] uint8.
        """
        left, top, right, bottom = self.crop
        picture = Image.fromarray(image)
        if self.scaled_size[0] * self.scaled_size[1] <= MAX_SCALED_PIXELS:
            part = picture.resize(self.scaled_size, Image.Resampling.BICUBIC).crop(self.crop)
        else:
            # Pillow's boxes are float32, so this differs from the reference in the last bit of some pixels.
            scale_x, scale_y = self.scale
            box = (left / scale_x, top / scale_y, right / scale_x, bottom / scale_y)
            part = picture.resize((right - left, bottom - top), Image.Resampling.BICUBIC, box)
        aligned = np.full((self.size, self.size, *image.shape[2:]), fill, np.uint8)
        x, y = self.paste
        aligned[y : y + bottom - top, x : x + right - left] = np.asarray(part)
        return aligned

    def align_landmarks(self, landmarks: Landmarks) -> Landmarks:
        """Map landmarks from photo pixels to aligned pixels."""
        return landmarks.transformed((*self.scale, self.mean_scale), self.offset)


def align(rgb: np.ndarray, box: FaceBox) -> np.ndarray:
    """Align a photo as FaceLift does.

    Args:
        rgb: [H, W, 3] uint8, the person over white.
        box: The face as MTCNN boxes it.

    Returns:
        [512, 512, 3] uint8.
    """
    return Alignment.from_box((rgb.shape[1], rgb.shape[0]), box).apply(rgb)


def reference_box(landmarks: Landmarks) -> FaceBox:
    """Return the box that MTCNN would give for a face with these landmarks."""
    points = landmarks.points.astype(np.float64)
    down = points[CHIN] - points[FOREHEAD]
    height = np.linalg.norm(down)
    width = np.linalg.norm(points[LEFT_TEMPLE] - points[RIGHT_TEMPLE])
    size = REFERENCE_SIZE_SHARE * (height + width)
    # Away from the camera for a frontal face; its x component is the sine of the head's turn.
    backward = np.cross(points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER], down)
    turn = backward[0] / np.linalg.norm(backward)
    middle = (points[FOREHEAD] + points[CHIN]) / 2
    x = middle[0] + REFERENCE_DEPTH * turn * size
    y = middle[1] - REFERENCE_RISE * size
    half = size / 2
    return FaceBox(x - half, y - half, x + half, y + half, landmarks.score, landmarks.roll)
