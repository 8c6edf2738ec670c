"""Light from all sides as a quadratic polynomial of the normal.

Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001: on a
matt surface that is within a few percent all there is to see of any number of lights.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

TERMS = 9
"""Of the polynomial: xx, yy, zz, xy, yz, zx, x, y, z. The constant is among the squares, whose sum is 1."""
_SAMPLES = 400


def polynomial(directions: np.ndarray, irradiances: np.ndarray, ambient: np.ndarray) -> np.ndarray:
    """Return the coefficients [9, 3] of what a white matt surface sends back, by its normal.

    Args:
        directions: [L, 3] unit vectors towards the lights.
        irradiances: [L, 3] red, green, blue that arrive on a surface that faces each of them.
        ambient: [3] radiance that comes from everywhere.
    """
    normals, solution = _sphere()
    cosines = np.maximum(normals @ np.asarray(directions, np.float64).reshape(-1, 3).T, 0)
    return solution @ (cosines @ np.asarray(irradiances, np.float64).reshape(-1, 3) / np.pi + ambient)


def terms(normals: np.ndarray) -> np.ndarray:
    """Return the polynomial's terms [N, 9] of unit normals [N, 3]."""
    x, y, z = np.asarray(normals, np.float64).T
    return np.stack([x * x, y * y, z * z, x * y, y * z, z * x, x, y, z], axis=1)


@lru_cache(maxsize=1)
def _sphere() -> tuple[np.ndarray, np.ndarray]:
    """Return normals evenly over the sphere, and the matrix [9, S] of the least squares fit to values there."""
    index = np.arange(_SAMPLES)
    z = 1 - (2 * index + 1) / _SAMPLES
    angle = np.pi * (3 - np.sqrt(5)) * index
    radius = np.sqrt(1 - z * z)
    normals = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
    return normals, np.linalg.pinv(terms(normals))
