"""Face landmarks: MediaPipe's Face Mesh (Kartynnik et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .network import load_network
from .sampling import Square, sample_square
from .types import FaceBox

CROP_MARGIN = 1.5
"""Side of the network's crop in face sizes, as the network was trained."""
PASSES = 2
"""The second pass crops by the first one's landmarks, which centre it much better than a detection."""
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
"""Outer eye corners in the mesh, the person's right and left."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Face landmarks of one face.

    Attributes:
        points: [468, 3] float32, MediaPipe's mesh: x right and y down in photo pixels; z in the
            same scale, smaller is nearer to the camera, about 0 at the face's middle.
        score: Probability that this is a face, 0..1.
    """

    points: np.ndarray
    score: float

    @property
    def roll(self) -> float:
        """Degrees by which the face is turned in the picture plane, clockwise positive."""
        across = self.points[LEFT_EYE_OUTER] - self.points[RIGHT_EYE_OUTER]
        return math.degrees(math.atan2(across[1], across[0]))

    def transformed(self, scale: Sequence[float], offset: tuple[float, float]) -> Landmarks:
        """Return the landmarks in another picture: x, y and z times ``scale``, plus ``offset`` (x, y)."""
        return Landmarks((self.points * scale + [*offset, 0.0]).astype(np.float32), self.score)


def detect_landmarks(rgb: np.ndarray, box: FaceBox) -> Landmarks:
    """Find the landmarks of a detected face.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        box: A face of :func:`core.photo.faces.detect_faces`.

    Returns:
        The landmarks in pixels of ``rgb``; check ``score`` before trusting them.
    """
    side = max(box.x1 - box.x0, box.y1 - box.y0)
    crop = Square(*box.center, side * CROP_MARGIN, box.roll)
    for _ in range(PASSES):
        landmarks = _run(rgb, crop)
        crop = _crop_around(landmarks)
    return landmarks


def _run(rgb: np.ndarray, crop: Square) -> Landmarks:
    """Run the network on one crop."""
    network = load_network("face_landmarks")
    size = network.input_shape[0]
    result = network(sample_square(rgb, crop, size) / np.float32(255))
    points = result["conv2d_21"].reshape(-1, 3) / size
    points = np.column_stack([crop.to_photo(points[:, :2]), points[:, 2] * crop.side])
    score = 1 / (1 + math.exp(-float(result["conv2d_31"].ravel()[0])))
    return Landmarks(points.astype(np.float32), score)


def _crop_around(landmarks: Landmarks) -> Square:
    """Return the upright square around landmarks, with the network's margin."""
    roll = landmarks.roll
    axes = Square(0, 0, 1, roll).matrix()[:, :2]
    upright = landmarks.points[:, :2] @ axes
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = axes @ ((low + high) / 2)
    return Square(float(centre[0]), float(centre[1]), float((high - low).max()) * CROP_MARGIN, roll)
