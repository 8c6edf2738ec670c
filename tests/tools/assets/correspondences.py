"""Finds where the face mesh network's landmarks lie on the head model.

The model is rendered in plain shading, as different people and from different sides, and the
network marks its landmarks on the pictures. The median place on the mesh is the correspondence,
the scatter its spread. No texture is involved. The lips are parted in all renders, and places are
compared on a head with parted lips, so that no landmark of the upper lip ends on the lower one.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from core.cameras import VIEW_AZIMUTHS, Camera
from core.head.mesh_raster import rasterize_mesh
from core.head.model import HeadModel, Region, vertex_normals
from core.photo.faces import detect_faces
from core.photo.landmarks import detect_landmarks

RENDERS = 64
SEED = 1
PICTURE = 384
CAMERA_DISTANCE = 0.56
"""Metres: 2.7 world units at the size of an aligned head."""
CAMERA_FOV = 31.0
IDENTITY_DEVIATION = 0.6
TURN = (20.0, 8.0)
"""Standard deviations of azimuth and elevation in degrees (both limited to twice that)."""
PARTED = (0.1, 0.5)
"""Range of "jawOpen" in the renders; places are compared at its middle."""
LEAST_FACING = 0.2
"""Cosine below which a landmark's place on the surface is not to be trusted."""
SUBDIVISIONS = 6
"""Points per triangle edge when a median is put back on the surface."""

SKIN, LIPS, SCLERA, IRIS, PUPIL, DARK = (
    np.array(color)
    for color in (
        (0.80, 0.62, 0.54),
        (0.66, 0.40, 0.38),
        (0.92, 0.90, 0.88),
        (0.27, 0.17, 0.1),
        (0.03,) * 3,
        (0.2,) * 3,
    )
)
BACKGROUND = 0.75
IRIS_ANGLES = (0.2, 0.45)
"""Radians from the eye's axis at which pupil and iris end."""
LIGHT = np.array([0.3, -0.8, 0.5]) / np.linalg.norm([0.3, -0.8, 0.5])


def find_correspondences(model: HeadModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return triangle vertices [L, 3], barycentric weights [L, 3] and spread [L] in metres.

    Args:
        model: The head model; its own landmark fields are not read.
    """
    rng = np.random.default_rng(SEED)
    colors = _vertex_colors(model)
    parted = _expression(model, np.mean(PARTED))
    reference = model.vertices(None, parted)
    places = []
    for render in range(RENDERS):
        expression = _expression(model, rng.uniform(*PARTED)) if render else parted
        coefficients = rng.normal(0, IDENTITY_DEVIATION, len(model.identity)) * (render > 0)
        azimuth, elevation = np.clip(rng.normal(0, TURN), -2 * np.array(TURN), 2 * np.array(TURN)) * (render > 0)
        camera = Camera.orbit(VIEW_AZIMUTHS[0] + azimuth, elevation, CAMERA_DISTANCE, CAMERA_FOV, PICTURE)
        places.append(_places(model, reference, model.vertices(coefficients, expression), colors, camera))
    places = np.array(places)
    median = np.nanmedian(places, axis=0)
    spread = np.nanmedian(np.linalg.norm(places - median, axis=2), axis=0)
    return *_nearest_on_surface(model, reference, median), spread


def _expression(model: HeadModel, jaw_open: float) -> np.ndarray:
    """Return expression coefficients [E] of parted lips."""
    return np.where(np.array(model.expression_names) == "jawOpen", jaw_open, 0.0)


def _places(
    model: HeadModel,
    reference: np.ndarray,
    vertices: np.ndarray,
    colors: np.ndarray,
    camera: Camera,
) -> np.ndarray:
    """Return the landmarks' places [L, 3] on ``reference`` as found in one render, NaN where seen at a slant."""
    triangles = model.triangles
    maps = rasterize_mesh(camera, vertices, triangles, cull_back_faces=True)
    normals = maps.interpolate(triangles, vertex_normals(vertices, triangles))
    shade = 0.35 + 0.65 * np.clip(normals @ LIGHT, 0, 1)
    picture = maps.interpolate(triangles, colors) * shade[..., None]
    picture[~maps.mask] = BACKGROUND
    picture = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
    landmarks = detect_landmarks(picture, detect_faces(picture)[0]).points
    columns, rows = np.clip(landmarks[:, :2], 0, PICTURE - 1).astype(int).T
    # A landmark on the outline may fall just outside it: take the nearest pixel of the head.
    nearest = distance_transform_edt(~maps.mask, return_distances=False, return_indices=True)
    rows, columns = nearest[:, rows, columns]
    places = maps.interpolate(triangles, reference)[rows, columns]
    towards = camera.position - maps.interpolate(triangles, vertices)[rows, columns]
    facing = (normals[rows, columns] * towards).sum(1) / np.linalg.norm(towards, axis=1)
    return np.where(facing[:, None] > LEAST_FACING, places, np.nan)


def _vertex_colors(model: HeadModel) -> np.ndarray:
    """Return [V, 3] colours that show the network lips and eyes."""
    colors = np.tile(SKIN, (len(model.mean), 1))
    colors[model.in_regions(Region.LIPS)] = LIPS
    colors[model.in_regions(Region.MOUTH, Region.SOCKETS)] = DARK
    eyes = model.in_regions(Region.EYES)
    for side in (model.mean[:, 0] < 0, model.mean[:, 0] > 0):
        ball = np.flatnonzero(eyes & side)
        offset = model.mean[ball] - (model.mean[ball].min(0) + model.mean[ball].max(0)) / 2
        angle = np.arccos(np.clip(-offset[:, 1] / np.linalg.norm(offset, axis=1), -1, 1))
        colors[ball] = np.select([angle[:, None] < a for a in IRIS_ANGLES], [PUPIL, IRIS], SCLERA)
    return colors


def _nearest_on_surface(model: HeadModel, reference: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return triangle vertices and barycentric weights of the points on ``reference`` nearest to ``points`` [L, 3]."""
    outside = ~model.in_regions(Region.TEETH, Region.MOUTH, Region.SOCKETS)
    triangles = model.triangles[outside[model.triangles].all(1)]
    steps = np.arange(SUBDIVISIONS + 1) / SUBDIVISIONS
    u, v = np.meshgrid(steps, steps)
    weights = np.stack([u, v, 1 - u - v], axis=-1)[u + v < 1 + 1e-9]
    samples = np.einsum("sk,tkc->tsc", weights, reference[triangles])
    _, index = cKDTree(samples.reshape(-1, 3)).query(points)
    return triangles[index // len(weights)], np.clip(weights[index % len(weights)], 0, 1)
