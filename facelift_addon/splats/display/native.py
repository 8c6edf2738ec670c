"""Which way heads are displayed: as Blender's own splats (5.3+), or as our quads and our drawing.

The one place where Blender's version matters to that. A new head takes :func:`default_way`; which
way it has is told by the node group of its display modifier, and :func:`.display.way_of` reads it.
"""

from __future__ import annotations

from enum import Enum

import bpy

from ... import compat

NATIVE_TYPE, POINTS_TYPE = "GAUSSIAN_SPLAT", "POINTS"
"""Identifiers of a point cloud's type."""


class Way(Enum):
    """How a head's splats come to be seen."""

    NATIVE = "native"
    """Blender draws them itself in every view; our quads only where a render shall be exact."""
    QUADS = "quads"
    """Our camera-facing quads in renders; our own drawing or surface elements in the viewport."""
    POINTS = "points"
    """Nothing shows splats: a point cloud without a display, which Blender takes for points."""


def is_available() -> bool:
    """Whether this Blender renders Gaussian splats itself (5.3+)."""
    return compat.draws_splats_5_3()


def default_way() -> Way:
    """Return the way of new heads."""
    return Way.NATIVE if is_available() else Way.QUADS


def is_native(cloud: bpy.types.PointCloud) -> bool:
    """Whether Blender takes a point cloud for splats, be it ours or of its own importers."""
    return is_available() and cloud.type == NATIVE_TYPE


def mark(cloud: bpy.types.PointCloud, way: Way) -> None:
    """Tell Blender whether to take a point cloud for splats, where it can tell them from points."""
    if is_available():
        wanted = NATIVE_TYPE if way is Way.NATIVE else POINTS_TYPE
        if cloud.type != wanted:
            cloud.type = wanted
