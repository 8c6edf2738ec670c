"""The splats as they were before the first edit, kept inside the file."""

from __future__ import annotations

import bpy
import numpy as np

from ..splats.data import columns, geometry
from ..splats.data.columns import Column

ORIGINAL_KEY = "facelift_original"
"""Custom property of a point cloud: the point cloud datablock that holds its original."""
MATRIX_KEY = "facelift_original_to_local"
"""Custom property of a point cloud: 16 numbers, row by row; how its space changed since then."""


def keep(cloud: bpy.types.PointCloud) -> None:
    """Keep a copy of a point cloud unless one is kept already.

    The copy hangs on the point cloud, not on the object: a regenerated head brings a new
    point cloud, whose original is its own; duplicates share theirs.
    """
    if original_of(cloud) is None:
        copy = cloud.copy()
        copy.name = f"{cloud.name} original"
        cloud[ORIGINAL_KEY] = copy
        cloud[MATRIX_KEY] = np.eye(4).ravel().tolist()


def original_of(cloud: bpy.types.PointCloud) -> bpy.types.PointCloud | None:
    """Return the kept original of a point cloud, or None."""
    return cloud.get(ORIGINAL_KEY)


def move(cloud: bpy.types.PointCloud, matrix: np.ndarray) -> None:
    """Remember that the space of a point cloud with an original changed by a matrix [4, 4]."""
    cloud[MATRIX_KEY] = (np.asarray(matrix, np.float64) @ _matrix_of(cloud)).ravel().tolist()


def forget(cloud: bpy.types.PointCloud) -> None:
    """Keep no original any more."""
    for key in (ORIGINAL_KEY, MATRIX_KEY):
        if key in cloud:
            del cloud[key]


def restored(cloud: bpy.types.PointCloud) -> dict[str, Column]:
    """Return the attributes of the original, in the point cloud's present space."""
    original = original_of(cloud)
    rows = geometry.read(original)
    matrix = _matrix_of(cloud)
    if np.array_equal(matrix, np.eye(4)):
        return rows
    gaussians = geometry.to_gaussians(original).transform(matrix).replace(extras={})
    return rows | columns.from_gaussians(gaussians, geometry.has_float4())


def _matrix_of(cloud: bpy.types.PointCloud) -> np.ndarray:
    return np.array(cloud[MATRIX_KEY], np.float64).reshape(4, 4)
