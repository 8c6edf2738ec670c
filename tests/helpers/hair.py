"""Hair of known shape: stripes in pictures, and a sphere that hair covers."""

from __future__ import annotations

import numpy as np

from core.cameras import Camera
from core.hair.volume import HairPhoto, HairVolume

RADIUS, THICKNESS = 0.5, 0.06


def stripes(angle: float, size: int = 160, period: float = 6.0) -> np.ndarray:
    """Return a picture [size, size, 3] of stripes that run at an angle, radians from x (right) towards y (down)."""
    rows, columns = np.mgrid[:size, :size]
    across = columns * -np.sin(angle) + rows * np.cos(angle)
    return np.repeat((0.5 + 0.3 * np.sin(across * 2 * np.pi / period))[..., None], 3, axis=2)


def waves(radius: float, length: float, size: int = 256) -> np.ndarray:
    """Return a picture of stripes along x that swing as a sine."""
    rows, columns = np.mgrid[:size, :size]
    across = rows + radius * np.sin(2 * np.pi * columns / length)
    return np.repeat((0.5 + 0.3 * np.sin(across * 2 * np.pi / 6))[..., None], 3, axis=2)


def ball(cells: int = 44, bald_below: float = -0.2) -> HairVolume:
    """Return a ball around the origin, a cube's grid blown up: hair but for its lower part."""
    steps = np.tan(np.linspace(-np.pi / 4, np.pi / 4, cells + 1))
    u, v = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="ij"))
    number = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    quad = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], axis=-1).reshape(-1, 4)
    points, quads = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            side = np.zeros((len(u), 3))
            side[:, axis], side[:, (axis + 1) % 3], side[:, (axis + 2) % 3] = sign, u, v
            quads.append((quad if sign > 0 else quad[:, ::-1]) + len(points) * len(u))
            points.append(side)
    # Vertices that sides share are one.
    everything = np.concatenate(points)
    _, first, index = np.unique(everything.round(6), axis=0, return_index=True, return_inverse=True)
    normals = everything[first] / np.linalg.norm(everything[first], axis=1, keepdims=True)
    vertices = RADIUS * normals
    hairiness = np.clip(0.5 + (vertices[:, 2] - bald_below) / 0.1, 0, 1)
    return HairVolume(
        vertices,
        normals,
        index.reshape(-1)[np.concatenate(quads)],
        hairiness,
        np.array([0.0, 0.0, RADIUS]),
        np.full(len(vertices), THICKNESS),
    )


def photo_of_ball(rgb: np.ndarray | float = 0.4, size: int = 256) -> HairPhoto:
    """Return a photo of :func:`ball` from the front; ``rgb`` [size, size, 3], or the lightness of all of it."""
    camera = Camera.orbit(270, size=size)
    rows, columns = np.mgrid[:size, :size]
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    near, far = camera.unproject(pixels, np.ones(size**2)), camera.unproject(pixels, np.full(size**2, 2.0))
    ray = far - near
    # |origin + t ray| = radius, t being the depth along the camera's z.
    a, b, c = (
        (ray * ray).sum(1),
        (ray * camera.position).sum(1),
        (camera.position * camera.position).sum() - RADIUS**2,
    )
    inside = b * b - a * c > 0
    depth = (-b - np.sqrt(np.maximum(b * b - a * c, 0))) / a
    hits = camera.unproject(pixels, depth)
    mask = inside.reshape(size, size)
    hair = (inside & (hits[:, 2] > -0.2)).reshape(size, size)
    picture = np.full((size, size, 3), rgb) if np.isscalar(rgb) else rgb
    return HairPhoto(camera, picture, hair, depth.reshape(size, size), mask, mask.astype(float))
