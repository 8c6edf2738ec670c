"""Face detection: BlazeFace (Bazarevsky et al. 2019, short range) over a pyramid of windows.

The network sees 128 x 128 pixels and finds faces that fill a good part of them. Faces small in
the frame are found by sliding ever smaller windows over the photo, and rolled ones by turning it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from .network import load_network
from .sampling import Square, sample_square
from .types import FaceBox

SEARCH_SIZE = 1536
"""Longest side in pixels of the picture that is searched."""
WINDOW_LEVELS = 4
"""Windows of 1, 1/2, 1/4 and 1/8 of the photo's longest side."""
ALWAYS_SEARCHED_LEVELS = 2
"""Levels that are always searched; smaller windows follow only while no face is found."""
TURNED_SEARCHES = (-45.0, 45.0, 90.0, -90.0, 180.0)
"""Rolls in degrees tried when nothing was found upright."""

SCORE_THRESHOLD = 0.5
WINDOW_SCORE_THRESHOLD = 0.7
"""Small windows see much more that is no face, so they must be surer."""
OVERLAP_THRESHOLD = 0.4
"""Two boxes are one face when they share more than this of the smaller one's area."""
MERGE_THRESHOLD = 0.3
"""Boxes with this intersection over union and more are averaged, weighted by score."""

ANCHOR_LEVELS = ((8, 2), (16, 6))
"""(stride in pixels, anchors per cell) of the detector's two output levels."""
LOGIT_LIMIT = 80.0
"""Keeps exp() inside float32."""
RIGHT_EYE, LEFT_EYE = 0, 1
"""Key points of the detector; right and left are the person's."""
MIRRORED_POINTS = (1, 0, 2, 3, 5, 4)
"""Which key point each one is in a mirror image."""


def detect_faces(rgb: np.ndarray, levels: int | None = None) -> tuple[FaceBox, ...]:
    """Find all faces.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        levels: A quick look for upright faces: windows down to 1/2^(levels - 1) of the picture only. None
            looks for small and turned ones too.

    Returns:
        The faces, largest first; empty when none is found.
    """
    height, width = rgb.shape[:2]
    shrink = min(1.0, SEARCH_SIZE / max(height, width))
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    faces = _search(rgb) if levels is None else _merge(_look(rgb, range(levels)))
    faces = [
        replace(face, x0=face.x0 / shrink, y0=face.y0 / shrink, x1=face.x1 / shrink, y1=face.y1 / shrink)
        for face in faces
    ]
    return tuple(sorted(faces, key=lambda face: -face.area))


def _search(rgb: np.ndarray) -> list[FaceBox]:
    """Search level by level, then turned, until faces are found."""
    found: list[FaceBox] = []
    for level in range(WINDOW_LEVELS):
        if level >= ALWAYS_SEARCHED_LEVELS and found:
            break
        found += _look(rgb, (level,))
        if level + 1 == ALWAYS_SEARCHED_LEVELS and not found:
            for roll in TURNED_SEARCHES:
                window = replace(_windows(rgb.shape[1], rgb.shape[0], 0)[0], roll=roll)
                found += _detect_in_window(rgb, window, WINDOW_SCORE_THRESHOLD)
    return _merge(found)


def _look(rgb: np.ndarray, levels: Iterable[int]) -> list[FaceBox]:
    """Search the windows of some levels; a face in several windows is found several times."""
    found: list[FaceBox] = []
    for level in levels:
        threshold = SCORE_THRESHOLD if level == 0 else WINDOW_SCORE_THRESHOLD
        for window in _windows(rgb.shape[1], rgb.shape[0], level):
            found += _detect_in_window(rgb, window, threshold)
    return found


def _windows(width: int, height: int, level: int) -> list[Square]:
    """Return the windows of one level: squares that cover the picture and overlap by half."""
    side = max(width, height) / 2**level
    if level == 0:
        return [Square(width / 2, height / 2, side)]
    columns, rows = (
        np.linspace(0, length, max(1, math.ceil(2 * length / side) - 1) + 2)[1:-1] for length in (width, height)
    )
    return [Square(float(x), float(y), side) for y in rows for x in columns]


@cache
def _anchors() -> np.ndarray:
    """Return the centres [896, 2] of the detector's anchors, in pixels of its input."""
    size = load_network("face_detection").input_shape[0]
    levels = []
    for stride, count in ANCHOR_LEVELS:
        centres = (np.arange(size // stride) + 0.5) * stride
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        levels.append(np.repeat(grid, count, axis=0))
    return np.concatenate(levels)


def _detect_in_window(rgb: np.ndarray, window: Square, threshold: float) -> list[FaceBox]:
    """Run the detector on one window and return its merged boxes in picture pixels."""
    scores, regressors = _outputs(sample_square(rgb, window, _input_size()))
    faces = []
    for index in np.flatnonzero(scores >= threshold):
        size, points = _face_at(regressors, int(index))
        points = window.to_photo(points)
        half = size / 2 * window.side
        eyes = points[1 + LEFT_EYE] - points[1 + RIGHT_EYE]
        (x, y), roll = points[0], math.degrees(math.atan2(eyes[1], eyes[0]))
        faces.append(FaceBox(x - half[0], y - half[1], x + half[0], y + half[1], float(scores[index]), roll))
    return _merge(faces)


def key_points(rgb: np.ndarray, window: Square, mirrored: bool = False) -> tuple[float, np.ndarray]:
    """Return the surest face's probability and key points in a part of a photo, even where it is hardly a face.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        window: The part.
        mirrored: Look at its mirror image; what is returned is the picture's own all the same.

    Returns:
        Probability 0..1 and [6, 2] pixels: the person's right eye, left eye, nose, mouth, right ear, left ear.
    """
    picture = sample_square(rgb, window, _input_size())
    scores, regressors = _outputs(picture[:, ::-1] if mirrored else picture)
    best = int(scores.argmax())
    points = _face_at(regressors, best)[1][1:]
    if mirrored:
        points = (points * [-1, 1] + [1, 0])[list(MIRRORED_POINTS)]
    return float(scores[best]), window.to_photo(points)


def _input_size() -> int:
    return load_network("face_detection").input_shape[0]


def _outputs(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the detector's scores [896] and what it says of each anchor [896, 16]."""
    result = load_network("face_detection")(picture / np.float32(127.5) - 1)
    scores = 1 / (1 + np.exp(-np.clip(result["classificators"][:, 0], -LOGIT_LIMIT, LOGIT_LIMIT)))
    return scores, result["regressors"]


def _face_at(regressors: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return width and height [2] and centre with the six key points [7, 2] of an anchor's face, 0..1 of the window."""
    # Row: box centre x, y relative to the anchor, width, height, then six key points x, y.
    values = regressors[index].reshape(-1, 2)
    size = _input_size()
    return values[1] / size, (np.delete(values, 1, axis=0) + _anchors()[index]) / size


def _merge(faces: list[FaceBox]) -> list[FaceBox]:
    """Average boxes of the same face, weighted by score, and drop overlapping weaker ones."""
    merged = []
    waiting = sorted(faces, key=lambda face: -face.score)
    while waiting:
        best = waiting[0]
        same = [face for face in waiting if _overlap(best, face)[0] >= MERGE_THRESHOLD]
        waiting = [face for face in waiting[1:] if max(_overlap(best, face)) < OVERLAP_THRESHOLD and face not in same]
        weights = np.array([face.score for face in same])
        corners = np.array([(face.x0, face.y0, face.x1, face.y1) for face in same])
        x0, y0, x1, y1 = (weights @ corners / weights.sum()).tolist()
        merged.append(FaceBox(x0, y0, x1, y1, best.score, best.roll))
    return merged


def _overlap(first: FaceBox, second: FaceBox) -> tuple[float, float]:
    """Return the intersection over the union, and over the smaller box."""
    width = min(first.x1, second.x1) - max(first.x0, second.x0)
    height = min(first.y1, second.y1) - max(first.y0, second.y0)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (first.area + second.area - shared), shared / min(first.area, second.area)
