"""Turns of a head as yaw, pitch and roll, the way ARKit counts them: about y, x and z of the head's own axes."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def to_turns(angles: np.ndarray) -> Rotation:
    """Return yaw, pitch and roll [T, 3] as rotations in the head's own axes: roll first, then pitch, then yaw."""
    return Rotation.from_euler("YXZ", angles)


def from_turns(turns: Rotation) -> np.ndarray:
    """Return rotations as yaw, pitch and roll [T, 3] float32, without jumps of whole circles."""
    return np.unwrap(turns.as_euler("YXZ"), axis=0).astype(np.float32)


def divided(angles: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Divide turns of a head [T, 3] among two joints, one on the other.

    Returns:
        The lower joint's turns, a share of the whole, and the upper one's, which add the rest.
    """
    turns = to_turns(angles)
    lower = Rotation.from_rotvec(share * turns.as_rotvec())
    return from_turns(lower), from_turns(lower.inv() * turns)
