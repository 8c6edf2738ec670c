"""The photo's light, and what colour skin has where the photo does not show it.

Skin's colour is taken as albedo times light. Diffuse light from all around is a low-order function of the
surface's normal (Ramamoorthi and Hanrahan 2001: nine spherical harmonics tell it to a few per cent), here fitted
to the skin that the photo shows. What the fit leaves over is skin: it is kept where it is seen, taken from the
mirrored side where only that is seen, and spread along the surface elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CURVATURE_PRIOR = 4.0
"""Second-order harmonics are held back this much more than first-order ones."""
STIFFNESS = 0.02
"""Weight of that prior against all evidence together."""
UNSEEN_WEIGHT = 0.06
"""Weight of all directions that the photo shows nothing of, against all it does."""
UNSEEN_SHADE = 0.6
"""Light on what faces away from the camera over that on what faces it, where nothing tells: a linear factor. Who
takes a portrait puts the light before the face."""
ROUNDS, OUTLIER = 4, 2.0
"""Rounds of fitting, and median deviations from which a place loses half its weight: brows, lips, stubble."""
BRIGHTNESS = (0.45, 1.05)
"""Limits of brightness where the light is not seen, over the darkest and the brightest skin in the photo."""
SHARE = np.array([0.2126, 0.7152, 0.0722])
"""Of linear red, green and blue in brightness (ITU-R BT.709)."""


def harmonics(normals: np.ndarray) -> np.ndarray:
    """Return the nine harmonics [N, 9] up to second order of unit normals [N, 3], up to constant factors."""
    x, y, z = normals.T
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1], axis=1)


@dataclass(frozen=True, eq=False)
class Light:
    """Light times the skin's mean albedo.

    Attributes:
        coefficients: [9, 3] of :func:`harmonics`, linear.
        brightness: [2] its limits, linear.
        tint: [2, 3] limits of its colour over its brightness.
    """

    coefficients: np.ndarray
    brightness: np.ndarray
    tint: np.ndarray

    def __call__(self, normals: np.ndarray) -> np.ndarray:
        """Return linear colours [N, 3] of mean skin with unit normals [N, 3]: no hue that the photo's skin has not."""
        return self.limited(harmonics(normals) @ self.coefficients)

    def limited(self, colors: np.ndarray) -> np.ndarray:
        """Return linear colours [N, 3] within the brightness and the tints of the photo's skin."""
        bright = np.maximum(colors @ SHARE, 1e-4)[:, None]
        return np.clip(bright, *self.brightness) * np.clip(colors / bright, *self.tint)


def unseen_shade(normals: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Return the factors [N] by which sRGB-encoded colours of what faces away from the camera are darker.

    Args:
        normals: [N, 3] unit.
        towards: [3] unit direction from the head to the camera.
    """
    away = np.clip(-(normals @ towards), 0, 1)
    return 1 - (1 - UNSEEN_SHADE ** (1 / 2.2)) * away


def fit_light(normals: np.ndarray, colors: np.ndarray, weights: np.ndarray, towards: np.ndarray) -> Light:
    """Return the light that explains skin's colours best.

    Args:
        normals: [N, 3] unit normals of seen skin.
        colors: [N, 3] its linear colours.
        weights: [N] how much each place counts, such as the area that the photo shows of it.
        towards: [3] unit direction from the head to the camera.
    """
    seen = harmonics(normals)
    middle = np.median(colors, axis=0)
    # Directions spread evenly over the sphere stand for what is not seen.
    unseen = _sphere(200)
    away = np.clip(0.5 - 0.5 * unseen @ towards, 0, 1)
    guess = middle * (1 - (1 - UNSEEN_SHADE) * away)[:, None]
    hidden = np.clip(-(unseen @ towards), 0, 1)
    prior = STIFFNESS * weights.sum() * np.diag([0, 1, 1, 1] + [CURVATURE_PRIOR] * 5)
    trust = weights / weights.sum()
    unseen_trust = UNSEEN_WEIGHT * hidden / hidden.sum()
    far = harmonics(unseen)
    robust = np.ones(len(colors))
    prior /= weights.sum()
    for _ in range(ROUNDS):
        w = trust * robust
        system = (seen * w[:, None]).T @ seen + (far * unseen_trust[:, None]).T @ far + prior
        right = (seen * w[:, None]).T @ colors + (far * unseen_trust[:, None]).T @ guess
        coefficients = np.linalg.solve(system, right)
        error = np.abs(colors - seen @ coefficients).sum(1)
        robust = 1 / (1 + (error / (OUTLIER * np.median(error) + 1e-6)) ** 2)
    bright = np.maximum(colors @ SHARE, 1e-4)
    brightness = np.percentile(bright, [5, 95]) * BRIGHTNESS
    return Light(coefficients, brightness, np.percentile(colors / bright[:, None], [10, 90], axis=0))


def _sphere(count: int) -> np.ndarray:
    """Return directions [N, 3] spread evenly (a Fibonacci spiral)."""
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)
