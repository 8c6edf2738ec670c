"""Follows a face from frame to frame: its crop is taken around the landmarks of the frame before."""

from __future__ import annotations

import numpy as np

from ..photo.faces import detect_faces
from ..photo.landmarks import FACE_MESH, FACE_OVAL, Landmarks, MeshNetwork, crop_around, crop_of, landmarks_in
from ..photo.sampling import Square, sample_square
from ..photo.types import FaceBox
from ..video.clip import reduced_size
from ..video.types import Frame
from .eyes import see_eyes
from .types import SeenFace

LEAST_SCORE = 0.5
"""Probability below which what is followed is no face."""
SURE_SCORE = 0.8
"""The same for a face that was just found, where nothing yet speaks for it."""
FAR = 0.08
"""Move of the crop, in its sides, from which the network looks again: it was shown the face off its middle."""
SEARCH_EVERY = 3
"""Frames between two searches for a lost face, which cost more than following it."""
QUICK_LEVELS, THOROUGH_EVERY = 2, 5
"""Levels of windows of a quick search; every so manyth search looks for small and turned faces, too."""
NEAR = 1.5
"""Distance in faces up to which a face found again is taken for the one that was lost before others."""
ELSEWHERE = 1e5
"""What faces elsewhere are unlike it at least: more than any that is near, and than pixels a face has."""
SHARP_SIDE = 96
"""Pixels of the square in which sharpness is measured: faces of all sizes are compared alike."""
BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in it."""
SMALLEST_FACE = 20.0
"""Pixels across below which nothing can be told of a face."""


class FaceTracker:
    """Follows one person's face.

    Args:
        start: Where the face is at first: until it is there, and when it is gone, others are not taken for it, unless
            there was a cut meanwhile. None takes the largest.
        mesh: The network that sees it.

    Attributes:
        others: How many other faces were seen when the face was last looked for.
    """

    def __init__(self, start: FaceBox | None = None, mesh: MeshNetwork = FACE_MESH) -> None:
        self._start, self._mesh = start, mesh
        self._crop: Square | None = None
        self._last: FaceBox | None = start
        self._is_chosen = self._is_awaited = start is not None
        self._is_anywhere = not self._is_chosen
        self._lost = self._searches = 0
        self.others = 0

    def track(self, frame: Frame) -> SeenFace | None:
        """Return the face in a frame, or None where it isn't seen. Frames come in their order."""
        landmarks = None if self._crop is None else self._follow(frame.rgb, self._crop)
        if landmarks is None:
            self._crop = None
            landmarks = self._search(frame.rgb)
        if landmarks is None:
            return None
        self._crop = crop_around(landmarks)
        self._last = box_of(landmarks)
        self._lost = self._searches = 0
        self._is_awaited, self._is_anywhere = False, not self._is_chosen
        irises, lids = see_eyes(frame.rgb, landmarks)
        height, width = frame.rgb.shape[:2]
        sharpness = sharpness_in(frame.rgb, self._crop)
        return SeenFace(frame.number, frame.time, (width, height), landmarks, irises, lids, sharpness)

    def forget(self, *, is_cut: bool = True) -> None:
        """Look anew in the next frame.

        Args:
            is_cut: Whether the face may be anywhere; else whoever was chosen is where it was, or gone.
        """
        if is_cut and not self._is_awaited:
            self._is_anywhere = True
        self._crop = None
        self._lost = self._searches = 0

    def _follow(self, rgb: np.ndarray, crop: Square) -> Landmarks | None:
        landmarks = landmarks_in(rgb, crop, self._mesh)
        around = crop_around(landmarks)
        moved = np.hypot(around.x - crop.x, around.y - crop.y) / crop.side
        if landmarks.score >= LEAST_SCORE and max(moved, abs(np.log(around.side / crop.side))) > FAR:
            landmarks = landmarks_in(rgb, around, self._mesh)
        return landmarks if _is_face(landmarks, rgb, LEAST_SCORE) else None

    def _search(self, rgb: np.ndarray) -> Landmarks | None:
        self._lost += 1
        if (self._lost - 1) % SEARCH_EVERY:
            return None
        self._searches += 1
        thorough = self._searches % THOROUGH_EVERY == 0 or (self._searches == 1 and self._last is None)
        faces = detect_faces(rgb, None if thorough else QUICK_LEVELS)
        self.others = max(0, len(faces) - 1)
        for face in sorted(faces, key=self._unlike):
            if not self._is_anywhere and self._unlike(face) >= ELSEWHERE:
                break
            landmarks = landmarks_in(rgb, crop_of(face), self._mesh)
            landmarks = landmarks_in(rgb, crop_around(landmarks), self._mesh)
            if _is_face(landmarks, rgb, SURE_SCORE):
                return landmarks
        return None

    def _unlike(self, face: FaceBox) -> float:
        """Return how far a face is from the one that was lost: in its place and size, then the smaller the farther."""
        if self._last is None:
            return -face.size
        distance = np.hypot(*np.subtract(face.center, self._last.center)) / self._last.size
        growth = abs(np.log(max(face.size, 1.0) / self._last.size))
        return float(distance + growth) if distance < NEAR else 2 * ELSEWHERE - face.size


def start_of(whom: FaceBox | None, size: tuple[int, int], longest_side: int) -> FaceBox | None:
    """Return where a tracker begins.

    Args:
        whom: The face in pixels of the clip; None for the largest.
        size: (width, height) of the clip.
        longest_side: Of the frames that are tracked, as a clip reduces them.
    """
    return None if whom is None else whom.scaled(reduced_size(size, longest_side)[0] / size[0])


def _is_face(landmarks: Landmarks, rgb: np.ndarray, least: float) -> bool:
    points = landmarks.points[:, :2]
    if landmarks.score < least or not np.isfinite(points).all():
        return False
    size = np.ptp(points, axis=0)
    middle = points.mean(axis=0)
    inside = (middle >= 0).all() and middle[0] < rgb.shape[1] and middle[1] < rgb.shape[0]
    return bool(inside and size.max() >= SMALLEST_FACE)


def box_of(landmarks: Landmarks) -> FaceBox:
    """Return the box of a face's outline, in pixels of its frame."""
    oval = landmarks.points[list(FACE_OVAL), :2]
    (x0, y0), (x1, y1) = oval.min(axis=0).tolist(), oval.max(axis=0).tolist()
    return FaceBox(x0, y0, x1, y1, landmarks.score, landmarks.roll)


def sharpness_in(rgb: np.ndarray, crop: Square) -> float:
    """Return the mean square of the Laplacian of a face's brightness, relative to its contrast.

    Args:
        rgb: [H, W, 3] uint8 of the frame.
        crop: The face's crop in it.
    """
    square = Square(crop.x, crop.y, crop.side / 1.5, crop.roll)
    gray = sample_square(rgb, square, SHARP_SIDE).astype(np.float32) @ BRIGHTNESS
    laplacian = 4 * gray[1:-1, 1:-1] - gray[:-2, 1:-1] - gray[2:, 1:-1] - gray[1:-1, :-2] - gray[1:-1, 2:]
    return float((laplacian**2).mean() / max(float(gray.var()), 1.0))
