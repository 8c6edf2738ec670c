"""The sRGB transfer function: splat colours are display-referred, Blender works scene-linear."""

from __future__ import annotations

import numpy as np

THRESHOLD = 0.04045
"""Encoded value where the curve's linear foot ends (IEC 61966-2-1)."""
FOOT_SLOPE = 12.92
OFFSET = 0.055
GAMMA = 2.4


def to_linear(encoded: np.ndarray) -> np.ndarray:
    """Return scene-linear values of sRGB-encoded ones, any shape; below 0 is clipped."""
    encoded = np.maximum(encoded, 0)
    return np.where(encoded <= THRESHOLD, encoded / FOOT_SLOPE, ((encoded + OFFSET) / (1 + OFFSET)) ** GAMMA)
