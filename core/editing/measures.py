"""Numbers by which Gaussians are compared: size and importance, float32 as Blender's nodes have them."""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians


def areas(scales: np.ndarray) -> np.ndarray:
    """Return the product [N] float32 of the two largest of the scales [N, 3].

    What is seen of a flattened Gaussian is its face; its thickness does not matter.
    """
    x, y, z = np.asarray(scales, np.float32).T
    return np.maximum(np.maximum(x * y, y * z), x * z)


def sizes(gaussians: Gaussians) -> np.ndarray:
    """Return the radius [N] float32 of the disc with the standard deviations' area, in world units."""
    return np.sqrt(areas(gaussians.scales))


def importances(gaussians: Gaussians) -> np.ndarray:
    """Return how much of a picture a Gaussian covers [N] float32: opacity times area."""
    return gaussians.opacities * areas(gaussians.scales)
