"""The smooth colour of hair that the photo does not show: the photo's own hair, wrapped around the head.

A mean would turn streaks, dyed tips and grey temples into one brown. So the sides and the back take, at every height,
the colours that the photo's hair has at that height, in their order from left to right: what meets at the outline
is one lock, streaks stay streaks, and roots and tips have their own colours.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .fields import nearest_fill
from .portrait import FittedPortrait

TURNS = 64
"""Columns of the wrap from one ear around the back to the other: about 1.5 cm of hair each."""
ROW_BLUR, TURN_BLUR = 0.04, 1.0
"""Averages over the height, in face heights, and over columns: rows with little hair (temples) take their
neighbours' colours."""
EVEN = 6.0
"""Pixels of hair in a row that count as much as all rows' mean colour: fewer tell little."""


def wrapped_colors(portrait: FittedPortrait, source: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Return colours [V, 3] for the hair at vertices, wrapped around the head from left to right.

    Args:
        portrait: The portrait.
        source: [512, 512] bool: pixels that show hair and nothing else, some of them true.
        vertices: [V, 3] world.
    """
    rows, columns = np.nonzero(source)
    per_row = np.bincount(rows, minlength=source.shape[0])
    # Pixels come row by row: each one's place in its own row, from left to right.
    rank = np.arange(len(rows)) - (np.cumsum(per_row) - per_row)[rows]
    turn = ((rank + 0.5) / per_row[rows] * TURNS).astype(int)
    cells = np.ravel_multi_index((rows, turn), (len(per_row), TURNS))
    blur = (ROW_BLUR * portrait.face_height, TURN_BLUR)

    def spread(weights: np.ndarray | None) -> np.ndarray:
        total = np.bincount(cells, weights, len(per_row) * TURNS).reshape(len(per_row), TURNS)
        return ndimage.gaussian_filter(total.astype(np.float64), blur, mode="nearest")

    weight = spread(None)
    colors = portrait.rgb[rows, columns].astype(np.float64)
    mean, least = np.median(colors, axis=0), EVEN / TURNS
    wrap = np.stack([(spread(colors[:, k]) + least * mean[k]) / (weight + least) for k in range(3)], axis=-1)
    wrap = nearest_fill(wrap, np.broadcast_to((weight.sum(1) > 1)[:, None], weight.shape))
    at = [_rows(portrait, vertices), _turns(portrait, vertices) * TURNS - 0.5]
    return np.stack([ndimage.map_coordinates(wrap[..., k], at, order=1, mode="nearest") for k in range(3)], axis=1)


def _rows(portrait: FittedPortrait, vertices: np.ndarray) -> np.ndarray:
    """Return the photo's rows [V] at which vertices lie."""
    return portrait.camera.project(vertices)[0][:, 1] - 0.5


def _turns(portrait: FittedPortrait, vertices: np.ndarray) -> np.ndarray:
    """Return how far around the back vertices [V] lie: 0 at the picture's left ear and before it, 1 at the other."""
    pose = portrait.fit.pose
    offset = vertices - pose.translation
    aside, behind = offset @ pose.rotation[:, 0], offset @ pose.rotation[:, 1]
    return np.arctan2(aside, np.abs(behind)) / np.pi + 0.5
