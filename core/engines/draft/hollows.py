"""How much light reaches the hollows of ears: what makes an ear look like one from the side."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from ...cameras import Camera
from ...head.mesh_raster import rasterize_mesh
from ...head.model import HeadModel, Region, vertex_normals
from .light import SHARE

DIRECTIONS = 64
"""From which light is thought to come."""
NEIGHBORHOOD = 0.02
"""Metres around ears over which skin lies in their shade."""
BLOCKERS = 0.045
"""Metres around ears over which skin may keep light from them."""
PIXELS = 96
"""Side of the picture of an ear from each direction."""
SPAN = 0.16
"""Metres that it shows."""
SLACK = 0.002
"""Metres behind the front-most skin from which a place is in shade."""
USUAL_ALBEDO = 0.35
"""Mean linear reflectance that skin is taken to have: photos tell colours, not how much light fell on them."""
FAR = 40.0
"""Distance of the light over the picture's span: nearly parallel."""
BOUNCES = np.array([[2.0404, -0.3324], [-4.7951, 0.6417], [2.7552, 0.6903]])
"""By albedo, and constant: what light from wall to wall adds in hollows (Jimenez et al. 2016, equation 10)."""


@lru_cache(maxsize=1)
def ear_openness(model: HeadModel) -> np.ndarray:
    """Return the share [V] of light from all around that reaches each vertex of the mean head: 1 away from ears."""
    result = np.ones(len(model.mean))
    normals = vertex_normals(model.mean, model.triangles)
    for side in (-1, 1):
        ear = model.in_regions(Region.EARS) & (np.sign(model.mean[:, 0]) == side)
        away, _ = cKDTree(model.mean[ear]).query(model.mean)
        near = np.flatnonzero(away < NEIGHBORHOOD)
        triangles = model.triangles[(away[model.triangles] < BLOCKERS).all(1)]
        open_ = _openness(model.mean - model.mean[ear].mean(0), normals, near, triangles)
        fade = np.clip(away[near] / NEIGHBORHOOD, 0, 1)
        result[near] = open_ + (1 - open_) * fade
    return result


def hollow_light(openness: np.ndarray, albedo: np.ndarray) -> np.ndarray:
    """Return the factors [V, 3] of light where some of it is kept away; light between walls has skin's colour.

    Args:
        openness: [V] 0..1.
        albedo: [3] linear, 0..1.
    """
    a, b, c = BOUNCES[:, :1] * albedo + BOUNCES[:, 1:]
    x = openness[:, None]
    return np.maximum(x, ((x * a + b) * x + c) * x)


def skin_albedo(linear: np.ndarray) -> np.ndarray:
    """Return a plausible albedo [3] of skin with a mean linear colour [3]: its hue, and the brightness of a photo's."""
    return np.clip(linear / max(float(linear @ SHARE), 1e-4) * USUAL_ALBEDO, 0, 0.9)


def _openness(vertices: np.ndarray, normals: np.ndarray, places: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the share [P] of light, weighted by its cosine, that reaches some vertices.

    Args:
        vertices: [V, 3] metres from the middle of the pictures.
        normals: [V, 3] unit.
        places: [P] vertices.
        triangles: [T, 3] what may be in the way.
    """
    got, all_ = np.zeros(len(places)), np.full(len(places), 1e-9)
    scaled = vertices / SPAN
    fov = float(np.degrees(2 * np.arctan(0.5 / FAR)))
    for azimuth, elevation in _directions():
        camera = Camera.orbit(azimuth, elevation, FAR, fov, PIXELS)
        cosine = np.clip(normals[places] @ (camera.position / FAR), 0, 1)
        depth = rasterize_mesh(camera, scaled, triangles).depth
        pixels, depths = camera.project(scaled[places])
        columns, rows = np.clip(pixels.astype(int), 0, PIXELS - 1).T
        got += cosine * (depths < depth[rows, columns] + SLACK / SPAN)
        all_ += cosine
    return got / all_


def _directions() -> list[tuple[float, float]]:
    """Return azimuths and elevations in degrees, spread evenly over the sphere (a Fibonacci spiral)."""
    k = np.arange(DIRECTIONS) + 0.5
    elevations = np.degrees(np.arcsin(1 - 2 * k / DIRECTIONS))
    return list(zip(np.degrees(np.pi * (1 + 5**0.5) * k) % 360, elevations, strict=True))
