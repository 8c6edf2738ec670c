"""Decides which region each vertex of the head model belongs to (see ``head_model.Region``)."""

from __future__ import annotations

import numpy as np

from core.cameras import Camera
from core.head.mesh_raster import rasterize_mesh
from core.head.model import Region

MASK_LEVEL = 0.5
HAIRLINE_LEVEL = 0.85
"""Of the blurred face mask, above which the forehead counts as bare."""
GROUPS = {
    "helper-l-eye": Region.EYES,
    "helper-r-eye": Region.EYES,
    "helper-upper-teeth": Region.TEETH,
    "helper-lower-teeth": Region.TEETH,
    "helper-tongue": Region.MOUTH,
}
INSPECTION_VIEWS = [(azimuth, elevation) for azimuth in range(0, 360, 30) for elevation in (-25, 10, 45)]
VISIBLE_TOLERANCE = 0.002
"""Metres that a vertex may lie behind the surface seen at its pixel and still count as seen."""

# Landmark heights of the average head in metres, relative to eye level; the person's outline
# is the same in all builds, so plain planes separate the regions well enough.
NAPE = -0.075
"""Hair ends here at the back."""
COLLAR = (-0.165, 0.42)
"""Height of the collar's plane at y = 0 and its rise per metre towards the back."""
NECK_RADIUS = 0.08
"""Sideways extent of the neck; what lies further out belongs to the shoulders."""
JAW_SLOPE = 0.25
"""Rise per metre towards the back of the plane that separates the jaw from the neck."""


def classify_vertices(
    vertices: np.ndarray, triangles: np.ndarray, groups: np.ndarray, masks: dict[str, np.ndarray]
) -> np.ndarray:
    """Return the region [V] int8 of every vertex.

    Args:
        vertices: [V, 3] the mean head in metres, world axes, origin at the head's centre.
        triangles: [T, 3].
        groups: [V] names of the base mesh's groups.
        masks: "ears", "lips", "mouth" and "face": [V] values 0..1 of the region masks.
    """
    y, z = vertices[:, 1], vertices[:, 2]
    body = groups == "body"
    ears = body & (masks["ears"] > MASK_LEVEL)
    front_of_ears, ear_top = y < y[ears].min() + 0.01, z[ears].max()
    chin = z[body & (masks["face"] > MASK_LEVEL)].min()
    regions = np.full(len(vertices), Region.NECK, np.int8)
    shoulders = (np.abs(vertices[:, 0]) > NECK_RADIUS) & (z < chin)
    regions[(z < COLLAR[0] + COLLAR[1] * y) | shoulders] = Region.TORSO
    face = z > chin + JAW_SLOPE * (y - y[body & (z > chin)].min())
    regions[face & front_of_ears] = Region.FACE
    scalp = np.where(front_of_ears, z > ear_top, z > NAPE)
    regions[scalp & (masks["face"] < HAIRLINE_LEVEL)] = Region.SCALP
    regions[masks["face"] > HAIRLINE_LEVEL] = Region.FACE
    regions[masks["ears"] > MASK_LEVEL] = Region.EARS
    regions[masks["lips"] > MASK_LEVEL] = Region.LIPS
    hidden = ~_visible(vertices, triangles) & (z > chin)
    regions[hidden] = Region.SOCKETS
    regions[masks["mouth"] > MASK_LEVEL] = Region.MOUTH
    for group, region in GROUPS.items():
        regions[groups == group] = region
    return regions


def _visible(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return a mask [V] of the vertices seen from anywhere around the head."""
    visible = np.zeros(len(vertices), bool)
    for azimuth, elevation in INSPECTION_VIEWS:
        camera = Camera.orbit(azimuth, elevation, radius=1.0, fov=40.0, size=1024)
        maps = rasterize_mesh(camera, vertices, triangles)
        pixels, depths = camera.project(vertices)
        columns, rows = np.clip(pixels, 0, camera.width - 1).astype(int).T
        visible |= depths < maps.depth[rows, columns] + VISIBLE_TOLERANCE
    return visible
