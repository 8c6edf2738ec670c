"""Face landmarks: MediaPipe's Face Mesh (Kartynnik et al. 2019) and Attention Mesh (Grishchenko et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""Landmarks around the face, in order (MediaPipe's FACEMESH_FACE_OVAL)."""
EYE_OUTLINES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
"""Landmarks around the person's right and left eye."""
MOUTH_OUTLINE = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""Landmarks around the lips."""
BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
"""Landmarks around the person's right and left eyebrow."""
CHIN, BROW_TOPS = 152, (105, 334)
"""The chin's lowest landmark; the highest of the person's right and left eyebrow."""


class MeshNetwork(NamedTuple):
    """A network that finds the landmarks: its file, and its outputs with their places and with the face's score."""

    name: str
    points: str
    score: str


FACE_MESH = MeshNetwork("face_landmarks", "conv2d_21", "conv2d_31")
"""Sees faces as they usually are: what heads are fitted to."""
ATTENTION_MESH = MeshNetwork("attention_mesh", "mesh", "conv_faceflag")
"""Looks at lips and eyes again close up: follows what a face does, at twice the cost."""


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


def detect_landmarks(rgb: np.ndarray, box: FaceBox, mesh: MeshNetwork = FACE_MESH) -> Landmarks:
    """Find the landmarks of a detected face.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        box: A face of :func:`core.photo.faces.detect_faces`.
        mesh: The network.

    Returns:
        The landmarks in pixels of ``rgb``; check ``score`` before trusting them.
    """
    crop = crop_of(box)
    for _ in range(PASSES):
        landmarks = landmarks_in(rgb, crop, mesh)
        crop = crop_around(landmarks)
    return landmarks


def landmarks_in(rgb: np.ndarray, crop: Square, mesh: MeshNetwork = FACE_MESH) -> Landmarks:
    """Return the landmarks of the face that fills a square of a picture; they are best where it does so just right."""
    network = load_network(mesh.name)
    size = network.input_shape[0]
    result = network(sample_square(rgb, crop, size) / np.float32(255))
    points = result[mesh.points].reshape(-1, 3) / size
    points = np.column_stack([crop.to_photo(points[:, :2]), points[:, 2] * crop.side])
    score = 1 / (1 + math.exp(-float(result[mesh.score].ravel()[0])))
    return Landmarks(points.astype(np.float32), score)


def crop_of(box: FaceBox) -> Square:
    """Return the square around a detected face that the network is to be shown."""
    side = max(box.x1 - box.x0, box.y1 - box.y0)
    return Square(*box.center, side * CROP_MARGIN, box.roll)


def crop_around(landmarks: Landmarks) -> Square:
    """Return the upright square around landmarks, with the network's margin."""
    roll = landmarks.roll
    axes = Square(0, 0, 1, roll).matrix()[:, :2]
    upright = landmarks.points[:, :2] @ axes
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = axes @ ((low + high) / 2)
    return Square(float(centre[0]), float(centre[1]), float((high - low).max()) * CROP_MARGIN, roll)
