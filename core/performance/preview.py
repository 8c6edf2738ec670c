"""What is shown while a clip is captured: the face that is followed, and what was found in it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from ..photo.landmarks import BROWS, EYE_OUTLINES, FACE_OVAL, MOUTH_OUTLINE, crop_around
from ..photo.sampling import Square, sample_square
from .types import SeenFace

SIDE = 320
"""Side of the picture in pixels."""
AROUND = 1.25
"""Side of what is shown, in the network's crops: panels are narrow, and of a whole frame little would be seen."""
LINE, IRIS = (90, 220, 255), (255, 190, 60)
"""sRGB colours of outlines and irises."""


def preview_png(rgb: np.ndarray, seen: SeenFace | None) -> bytes:
    """Return a square PNG of a face with its outlines, or of the frame's middle where none is seen.

    Args:
        rgb: [H, W, 3] uint8.
        seen: The face in it, or None.
    """
    square = _around(seen, rgb.shape[1], rgb.shape[0])
    picture = Image.fromarray(sample_square(rgb, square, SIDE))
    if seen is not None:
        draw, scale = ImageDraw.Draw(picture), SIDE / square.side
        corner = np.array([square.x, square.y]) - square.side / 2
        points = (seen.landmarks.points[:, :2] - corner) * scale
        for outline in (*EYE_OUTLINES, MOUTH_OUTLINE, FACE_OVAL):
            draw.line([tuple(points[place]) for place in (*outline, outline[0])], LINE, 1)
        for brow in BROWS:
            draw.line([tuple(points[place]) for place in brow[:5]], LINE, 1)
        for x, y, radius in (seen.irises - [*corner, 0.0]) * scale:
            if np.isfinite(radius):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=IRIS)
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _around(seen: SeenFace | None, width: int, height: int) -> Square:
    """Return the square of a frame that is shown; it lies inside."""
    most = float(min(width, height))
    if seen is None:
        return Square(width / 2, height / 2, most)
    crop = crop_around(seen.landmarks)
    side = min(AROUND * crop.side, most)
    x, y = (float(np.clip(at, side / 2, end - side / 2)) for at, end in ((crop.x, width), (crop.y, height)))
    return Square(x, y, side)
