"""What is shown while a clip is captured: the frame, and what was found in it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from ..photo.landmarks import BROWS, EYE_OUTLINES, FACE_OVAL, MOUTH_OUTLINE
from .types import SeenFace

SIDE = 480
"""Longest side of the picture in pixels."""
LINE, IRIS = (90, 220, 255), (255, 190, 60)
"""sRGB colours of outlines and irises."""


def preview_png(rgb: np.ndarray, seen: SeenFace | None) -> bytes:
    """Return a frame with the face's outlines as PNG.

    Args:
        rgb: [H, W, 3] uint8.
        seen: The face in it, or None.
    """
    picture = Image.fromarray(rgb)
    scale = min(1.0, SIDE / max(picture.size))
    picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.BILINEAR)
    if seen is not None:
        draw = ImageDraw.Draw(picture)
        points = seen.landmarks.points[:, :2] * scale
        for outline in (*EYE_OUTLINES, MOUTH_OUTLINE, FACE_OVAL):
            draw.line([tuple(points[place]) for place in (*outline, outline[0])], LINE, 1)
        for brow in BROWS:
            draw.line([tuple(points[place]) for place in brow[:5]], LINE, 1)
        for x, y, radius in seen.irises * scale:
            if np.isfinite(radius):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=IRIS)
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
