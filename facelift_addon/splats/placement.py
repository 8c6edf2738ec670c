"""From the engines' reference frame to Blender: metres, origin at the base of the neck.

The alignment scales every photo so that the face has one size in the reference frame; one
fixed mapping therefore fits every head, and regenerated or exchanged heads coincide. A
measured height would follow hair and hats instead.
"""

from __future__ import annotations

import numpy as np

HEAD_HEIGHT_UNITS = 1.3
"""Chin to crown of an aligned adult head, in reference units."""
NECK_BASE = np.array([0.0, 0.1, -0.86])
"""Where neck and shoulders meet, in reference units: a third of a head below the chin, behind its tip."""
DEFAULT_HEAD_HEIGHT = 0.24
"""Metres, chin to crown: the upper end of adults, as sculptors' references use."""


def reference_to_local(head_height: float) -> np.ndarray:
    """Return the [4, 4] similarity from the reference frame to a head object's local space.

    Args:
        head_height: Metres from chin to crown.
    """
    scale = head_height / HEAD_HEIGHT_UNITS
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = -scale * NECK_BASE
    return matrix


def scale_of(matrix: np.ndarray) -> float:
    """Return the factor by which a similarity [4, 4] scales."""
    return float(np.cbrt(abs(np.linalg.det(np.asarray(matrix)[:3, :3]))))


AXES = {
    "Z_UP": np.eye(4),
    # 3DGS training keeps COLMAP's axes: x right, y down, z forward.
    "Y_DOWN": np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]),
    "Y_UP": np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
}
"""[4, 4] rotations from a file's axes to Blender's, by the name of the file's convention."""

REFERENCE_BOX = np.array([0.91, 0.91, 1.0])
"""Half the box that holds heads in the reference frame."""
BOX_TOLERANCE = 1.1
BOX_SHARE = 0.98
"""Share of Gaussians inside the box from which a file counts as a head."""
SMALLEST_HEAD = 0.5
"""Reference units; something flatter inside the box is an object of another scale."""


def looks_like_head(means: np.ndarray) -> bool:
    """Whether centres [N, 3] fill the box of the reference frame as a head does."""
    if len(means) == 0:
        return False
    inside = (np.abs(means) <= REFERENCE_BOX * BOX_TOLERANCE).all(axis=1)
    low, high = np.percentile(means, (1, 99), axis=0)
    return bool(inside.mean() >= BOX_SHARE and (high - low).min() >= SMALLEST_HEAD)
