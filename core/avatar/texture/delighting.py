"""Takes the light off a face: spherical harmonics of the normals, fitted to its brightness.

Light on a matt surface is within a few percent a quadratic polynomial of the normal (Ramamoorthi
and Hanrahan, "On the relationship between radiance and irradiance", 2001; Basri and Jacobs,
"Lambertian reflectance and linear subspaces", 2003). What of the skin's brightness follows the
normals that way is the light's; the rest is the skin's own.
"""

from __future__ import annotations

import numpy as np

from ...colors import to_encoded, to_linear

ROUNDS = 8
OUTLIER = 1.5
"""Robust standard deviations from which a colour counts less: brows, lips, beards, shadows that are cast."""
DAMPING = 0.02
"""Share of the data's own weight that holds all coefficients but the mean's small: one view's normals say little."""
LIMITS = (0.4, 2.0)
"""Bounds of the shading, relative to the face's middle."""


def harmonics(normals: np.ndarray) -> np.ndarray:
    """Return the nine polynomials [N, 9] of unit normals [N, 3] up to degree 2, not normalised."""
    x, y, z = normals.T
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1], axis=1)


def shading(normals: np.ndarray, colors: np.ndarray, beliefs: np.ndarray) -> np.ndarray:
    """Return the light's factor [V] at each vertex: about 1 in the face's middle, less in shade.

    Args:
        normals: [V, 3] unit normals.
        colors: [V, 3] sRGB-encoded colours that were seen.
        beliefs: [V] how far each is well seen skin, 0..1; zero for all else.
    """
    brightness = to_linear(colors).mean(1)
    used = (beliefs > 0.05) & (brightness > 1e-3)
    if used.sum() < 100:
        return np.ones(len(colors))
    basis, target = harmonics(normals[used]), brightness[used] / np.median(brightness[used])
    weights = beliefs[used].astype(np.float64)
    for _ in range(ROUNDS):
        weighted = basis * weights[:, None]
        damping = DAMPING * weights.sum() * np.diag([0, 0, 0, 0, 1, 1, 1, 1, 1])
        coefficients = np.linalg.solve(basis.T @ weighted + damping, weighted.T @ target)
        away = target - basis @ coefficients
        spread = max(1.48 * np.median(np.abs(away)), 1e-3)
        weights = beliefs[used] / np.maximum(np.abs(away) / (OUTLIER * spread), 1)
    fitted = harmonics(normals) @ coefficients
    return np.clip(fitted / np.median(fitted[used]), *LIMITS)


def take_off(colors: np.ndarray, factors: np.ndarray, strength: float) -> np.ndarray:
    """Return colours [N, 3] without a light's factors [N], as far as ``strength`` 0..1 says."""
    return np.clip(to_encoded(to_linear(colors) / (factors**strength)[:, None]), 0, 1).astype(np.float32)
