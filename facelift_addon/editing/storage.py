"""Edited splats back into their point clouds, with everything else that the points carry."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.editing.edit import Edit
from ...core.gaussians import Gaussians
from ...core.splats import attributes as names
from .. import compat
from ..splats.data import columns, geometry
from ..splats.data.columns import Column
from . import originals, targets


def update(target: bpy.types.Object, gaussians: Gaussians) -> None:
    """Store changed splats in the order of the object's points; other attributes stay.

    Args:
        target: A splat object.
        gaussians: As many as the object has points.
    """
    originals.keep(target.data)
    geometry.write(target.data, _columns(gaussians))


def apply(target: bpy.types.Object, edit: Edit) -> None:
    """Store an edit that changes the number of splats; all attributes and the selection follow.

    Args:
        target: A splat object.
        edit: ``sources`` refer to the object's points.
    """
    originals.keep(target.data)
    rows = {
        name: Column(column.type, np.ascontiguousarray(column.values[edit.sources]))
        for name, column in geometry.read(target.data).items()
    }
    selection = targets.selected(target.data)[edit.sources]
    replace(target, rows | _columns(edit.gaussians))
    targets.select(target.data, selection)


def replace(target: bpy.types.Object, rows: dict[str, Column]) -> None:
    """Give an object's point cloud other points.

    Args:
        target: A splat object.
        rows: All attributes, with one row a point.
    """
    cloud = _resized(target, len(next(iter(rows.values())).values))
    for name in [attribute.name for attribute in cloud.attributes if not attribute.is_required]:
        if name not in rows:
            cloud.attributes.remove(cloud.attributes[name])
    geometry.write(cloud, rows)


def _columns(gaussians: Gaussians) -> dict[str, Column]:
    # Of the further attributes, edits change the numbers of strands only: those of mirrored ones are new.
    extras = {name: values for name, values in gaussians.extras.items() if name == names.STRAND}
    return columns.from_gaussians(gaussians.replace(extras=extras), geometry.has_float4())


def _resized(target: bpy.types.Object, count: int) -> bpy.types.PointCloud:
    """Return an object's point cloud with another number of points.

    Before Blender 5.1 a new point cloud takes the place of the old one for all its users;
    an object takes another one only outside Edit Mode, so that is left for the moment.
    """
    cloud = target.data
    if compat.resizes_point_clouds_5_1():
        cloud.resize(count)
        return cloud
    editing = target.mode == "EDIT"
    if editing:
        bpy.ops.object.mode_set(mode="OBJECT")
    name = cloud.name
    fresh = geometry.new_point_cloud(name, count)
    for key in cloud.keys():
        fresh[key] = cloud[key]
    fresh.materials.clear()
    for material in cloud.materials:
        fresh.materials.append(material)
    cloud.user_remap(fresh)
    bpy.data.pointclouds.remove(cloud)
    fresh.name = name
    if editing:
        bpy.ops.object.mode_set(mode="EDIT")
    return target.data
