"""Rises from 0 to 1."""

from __future__ import annotations

import numpy as np


def smooth_step(values: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return 0 up to ``start``, 1 from ``end`` on and a rise with level ends between; ``end`` may be the lower one."""
    share = np.clip((values - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)
