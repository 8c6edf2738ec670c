"""Random Gaussians for tests, and a plain loop that renders them."""

from __future__ import annotations

import numpy as np

from core.cameras import Camera
from core.gaussians import Gaussians
from core.geometry import quaternions
from core.splats import spherical_harmonics as harmonics


def random_gaussians(
    count: int, degree: int = 0, seed: int = 0, size: float = 0.06, spread: float = 0.8, **changes
) -> Gaussians:
    """Gaussians of many shapes around the origin; ``size`` is the median standard deviation."""
    generator = np.random.default_rng(seed)
    gaussians = Gaussians(
        generator.normal(size=(count, 3)) * spread,
        size * np.exp(generator.normal(size=(count, 3))),
        quaternions.normalize(generator.normal(size=(count, 4))),
        generator.uniform(0.02, 1, count),
        generator.normal(size=(count, (degree + 1) ** 2, 3)) * 0.5,
    )
    return gaussians.replace(**changes)


def random_rotation(seed: int = 0) -> np.ndarray:
    """A [3, 3] rotation matrix."""
    return quaternions.to_matrices(quaternions.normalize(np.random.default_rng(seed).normal(size=4)))


def render_plainly(gaussians: Gaussians, camera: Camera, background=(1, 1, 1)):
    """3DGS, one Gaussian after the other, written as its paper and CUDA code are read.

    Returns image, alpha and depth, float64.
    """
    w2c = np.linalg.inv(camera.c2w)
    rotation = w2c[:3, :3]
    views = gaussians.means.astype(np.float64) @ rotation.T + w2c[:3, 3]
    covariances = gaussians.covariances()
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    image = np.zeros((camera.height, camera.width, 3))
    depth = np.zeros((camera.height, camera.width))
    transmittance = np.ones((camera.height, camera.width))
    done = np.zeros((camera.height, camera.width), bool)
    limit_x = 1.3 * camera.width / 2 / camera.fx
    limit_y = 1.3 * camera.height / 2 / camera.fy
    for i in np.argsort(views[:, 2], kind="stable"):
        x, y, z = views[i]
        if z <= 0.2:
            continue
        column = camera.fx * x / z + camera.cx - 0.5
        row = camera.fy * y / z + camera.cy - 0.5
        x = min(limit_x, max(-limit_x, x / z)) * z
        y = min(limit_y, max(-limit_y, y / z)) * z
        jacobian = np.array([[camera.fx / z, 0, -camera.fx * x / z**2], [0, camera.fy / z, -camera.fy * y / z**2]])
        to_screen = jacobian @ rotation
        conic = np.linalg.inv(to_screen @ covariances[i] @ to_screen.T + 0.3 * np.eye(2))
        dx, dy = columns - column, rows - row
        power = -0.5 * (conic[0, 0] * dx * dx + conic[1, 1] * dy * dy) - conic[0, 1] * dx * dy
        alpha = np.minimum(0.99, float(gaussians.opacities[i]) * np.exp(power))
        alpha[alpha < 1 / 255] = 0
        done |= transmittance * (1 - alpha) < 1e-4
        alpha[done] = 0
        direction = gaussians.means[i] - camera.position
        direction /= np.linalg.norm(direction)
        color = harmonics.evaluate(gaussians.sh[i : i + 1], direction[None])[0]
        image += (alpha * transmittance)[..., None] * color
        depth += alpha * transmittance * z
        transmittance = transmittance * (1 - alpha)
    alpha = 1 - transmittance
    image += transmittance[..., None] * np.array(background)
    return image, alpha, np.divide(depth, alpha, out=np.zeros_like(depth), where=alpha > 0)
