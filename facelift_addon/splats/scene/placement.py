"""From the engines' reference frame to Blender: metres, origin at the base of the neck.

The alignment scales every photo so that the face has one size in the reference frame; one
fixed mapping therefore fits every head, and regenerated or exchanged heads coincide. A
measured height would follow hair and hats instead.
"""

from __future__ import annotations

import numpy as np

from ....core.formats.axes import Axes, to_ours_matrix
from ....core.gaussians import Gaussians

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


def moved(gaussians: Gaussians, matrix: np.ndarray, reuse: bool = False) -> Gaussians:
    """Return Gaussians moved by a matrix [4, 4]; ``reuse`` as in :meth:`.Gaussians.transform`."""
    # Even by the identity, covariances would be decomposed anew and values change in their last digits.
    return gaussians if np.array_equal(matrix, np.eye(4)) else gaussians.transform(matrix, reuse)


def scale_of(matrix: np.ndarray) -> float:
    """Return the factor by which a similarity [4, 4] scales."""
    return float(np.cbrt(abs(np.linalg.det(np.asarray(matrix)[:3, :3]))))


AXES = {name: to_ours_matrix(Axes[name]) for name in ("Z_UP", "Y_DOWN", "Y_UP")}
"""[4, 4] rotations from a file's axes to Blender's, by the name of the file's convention."""

REFERENCE_BOX = np.array([1.2, 0.91, 1.45])
"""Half the box that holds heads with their shoulders in the reference frame."""
BOX_TOLERANCE = 1.1
BOX_SHARE = 0.98
"""Share of Gaussians inside the box from which a file counts as a head."""
SMALLEST_HEAD = 0.5
"""Reference units; something flatter inside the box is an object of another scale."""


def looks_like_head(means: np.ndarray) -> bool:
    """Whether centres [N, 3] fill the box of the reference frame as a head does, with +Z or -Y up."""
    if len(means) == 0:
        return False
    boxes = REFERENCE_BOX * BOX_TOLERANCE, REFERENCE_BOX[[0, 2, 1]] * BOX_TOLERANCE
    share = max((np.abs(means) <= box).all(axis=1).mean() for box in boxes)
    low, high = np.percentile(means, (1, 99), axis=0)
    return bool(share >= BOX_SHARE and (high - low).min() >= SMALLEST_HEAD)


END_SHARE = 0.15
"""Share of a head's height that counts as its lower or upper end."""
MARGIN = 1.25
"""How much clearer it must be that -Y is up: engines wrote +Z up."""


def stands(means: np.ndarray) -> bool:
    """Whether a head's centres [N, 3] have +Z up rather than -Y.

    At the lower end are the shoulders, wider than the crown; from the face to the back a head grows wider too.
    """
    z_up, y_down = _spreads_downwards(means[:, 0], means[:, 2]), _spreads_downwards(means[:, 0], -means[:, 1])
    return z_up >= 1 or MARGIN * z_up >= y_down


def _spreads_downwards(across: np.ndarray, heights: np.ndarray) -> float:
    """Return how much wider the lower end of something is than the upper one; ``across`` and ``heights`` are [N]."""
    low, high = np.percentile(heights, (1, 99))
    lower, upper = heights < low + END_SHARE * (high - low), heights > high - END_SHARE * (high - low)
    # A few splats may make an end of one only.
    return float(np.std(across[lower]) / max(np.std(across[upper]), 1e-9))
