"""How alike two pictures are."""

from __future__ import annotations

import numpy as np


def psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB of two pictures with values 0..1.

    Args:
        a: [H, W] or [H, W, C] floating-point picture.
        b: The other picture, of the same shape.
        mask: [H, W] bool, pixels to compare; all by default.

    Returns:
        Infinity for equal pictures.

    Raises:
        ValueError: shapes differ, values are integers, or no pixel is selected.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"pictures of shapes {a.shape} and {b.shape} can't be compared")
    if not (np.issubdtype(a.dtype, np.floating) and np.issubdtype(b.dtype, np.floating)):
        raise ValueError("pictures must be floating point, 0..1")
    difference = a.astype(np.float64) - b
    if mask is not None:
        difference = difference[np.asarray(mask, bool)]
    if not difference.size:
        raise ValueError("no pixels to compare")
    error = np.mean(difference * difference)
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def silhouette_iou(a: np.ndarray, b: np.ndarray, threshold: float = 0.5) -> float:
    """Return the intersection over union of two silhouettes.

    Args:
        a: [H, W] coverage 0..1 or bool.
        b: The other one, of the same shape.
        threshold: Coverage above which a pixel belongs to the silhouette.

    Returns:
        0..1; 1 when both are empty.
    """
    a, b = np.asarray(a) > threshold, np.asarray(b) > threshold
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
