"""Blender 5.3's native splats. Guarded by feature; not run on 5.3 yet, no module of it exists."""

from __future__ import annotations

import bpy

NATIVE_TYPE = "GAUSSIAN_SPLAT"


def is_native() -> bool:
    """Whether this Blender renders Gaussian splats itself (5.3+)."""
    kind = bpy.types.PointCloud.bl_rna.properties.get("type")
    return kind is not None and kind.type == "ENUM" and NATIVE_TYPE in kind.enum_items


def mark(cloud: bpy.types.PointCloud) -> bool:
    """Tell Blender that the point cloud's attributes are splats; return whether it understood."""
    if not is_native():
        return False
    cloud.type = NATIVE_TYPE
    return True
