"""Irises and lids close up: MediaPipe's iris network (Ablavatski et al. 2020)."""

from __future__ import annotations

import numpy as np

from ..photo.landmarks import Landmarks
from ..photo.network import load_network
from ..photo.sampling import Square, sample_square

EYE_CORNERS = ((362, 263), (33, 133))
"""Landmarks at the corners of the person's left and right eye, from the picture's left to its right."""
EYE_MARGIN = 2.3
"""Side of the network's crop in widths of the eye, as it was trained."""
MIRRORED = (True, False)
"""The network knows the person's right eye; the left one is shown to it in a mirror."""
SMALLEST_EYE = 5.0
"""Pixels across an eye below which its iris can't be told."""


def see_eyes(rgb: np.ndarray, landmarks: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """Find irises and lids.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        landmarks: The face's, in pixels of ``rgb``.

    Returns:
        [2, 3] float32 irises, the person's left eye first: centre x, y and radius in pixels, NaN where an eye is too
        small; [2, 71, 2] float32 lids and brow in the network's order.
    """
    irises, lids = np.full((2, 3), np.nan, np.float32), np.full((2, 71, 2), np.nan, np.float32)
    for eye, (corners, mirrored) in enumerate(zip(EYE_CORNERS, MIRRORED, strict=True)):
        first, second = landmarks.points[list(corners), :2].astype(np.float64)
        across = second - first
        width = float(np.hypot(*across))
        if width < SMALLEST_EYE:
            continue
        roll = float(np.degrees(np.arctan2(across[1], across[0])))
        x, y = ((first + second) / 2).tolist()
        square = Square(x, y, EYE_MARGIN * width, roll)
        iris, lids[eye] = _run(rgb, square, mirrored)
        irises[eye, :2] = iris[0]
        irises[eye, 2] = np.linalg.norm(iris[1:] - iris[0], axis=1).mean()
    return irises, lids


def _run(rgb: np.ndarray, square: Square, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the iris' centre and rim [5, 2] and the lids [71, 2] in pixels."""
    network = load_network("iris_landmarks")
    size = network.input_shape[0]
    picture = sample_square(rgb, square, size)
    result = network((picture[:, ::-1] if mirrored else picture) / np.float32(255))
    places = []
    for name in ("output_iris", "output_eyes_contours_and_brows"):
        points = result[name].reshape(-1, 3)[:, :2] / size
        if mirrored:
            points = points * [-1, 1] + [1, 0]
        places.append(square.to_photo(points))
    return places[0], places[1]
