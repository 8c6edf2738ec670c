"""Point clouds as storage of Gaussians: numpy in, attributes out, and back."""

from __future__ import annotations

import bpy
import numpy as np

from ....core.errors import FaceLiftError
from ....core.gaussians import Gaussians
from ....core.splats import attributes as names
from ....core.splats import spherical_harmonics as harmonics
from ....core.splats.parts import Part
from ... import compat
from . import columns as columns_of
from .columns import KINDS, Column

GLTF_PART = "_PART"
"""What Blender's importer of glTF names parts."""
REQUIRED = (names.SCALE, names.ROTATION, names.RADIANCE_BASE)
"""Attributes that make a point cloud a splat cloud."""


def has_float4() -> bool:
    """Whether colours and opacities are stored as four plain floats, as Blender's own splats have them."""
    return compat.has_float4_attributes_5_2()


def new_point_cloud(name: str, count: int) -> bpy.types.PointCloud:
    """Return a new point cloud of ``count`` points without a user.

    Blender 5.1+ resizes it. Before, Geometry Nodes make the points in a scene of their own
    that is removed again: unlike the conversion of a mesh, this needs no operator, so it
    works in every mode and touches neither selection nor view layers of the user.
    """
    if compat.resizes_point_clouds_5_1():
        cloud = bpy.data.pointclouds.new(name)
        cloud.resize(count)
        return cloud
    tree = bpy.data.node_groups.new(".points", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    points, output = tree.nodes.new("GeometryNodePoints"), tree.nodes.new("NodeGroupOutput")
    points.inputs["Count"].default_value = count
    tree.links.new(points.outputs["Points"], output.inputs["Geometry"])
    scene = bpy.data.scenes.new(".points")
    empty = bpy.data.pointclouds.new(".points")
    carrier = bpy.data.objects.new(".points", empty)
    try:
        scene.collection.objects.link(carrier)
        carrier.modifiers.new("Points", "NODES").node_group = tree
        layer = scene.view_layers[0]
        layer.update()
        cloud = carrier.evaluated_get(layer.depsgraph).data.copy()
    finally:
        bpy.data.objects.remove(carrier)
        bpy.data.pointclouds.remove(empty)
        bpy.data.scenes.remove(scene)
        bpy.data.node_groups.remove(tree)
    cloud.name = name
    return cloud


def write(cloud: bpy.types.PointCloud, columns: dict[str, Column]) -> None:
    """Set the attributes of a point cloud; existing ones of another type are replaced.

    Args:
        cloud: Has as many points as the columns have rows.
        columns: Of :func:`columns.from_gaussians`.
    """
    for name, column in columns.items():
        attribute = cloud.attributes.get(name)
        if attribute is not None and attribute.data_type != column.type:
            cloud.attributes.remove(attribute)
            attribute = None
        if attribute is None:
            attribute = cloud.attributes.new(name, column.type, "POINT")
        attribute.data.foreach_set(KINDS[column.type].field, column.values.ravel())
    cloud.update_tag()


def from_columns(name: str, columns: dict[str, Column]) -> bpy.types.PointCloud:
    """Return a new point cloud with the columns as its attributes."""
    cloud = new_point_cloud(name, len(columns[names.POSITION].values))
    write(cloud, columns)
    return cloud


def from_gaussians(name: str, gaussians: Gaussians) -> bpy.types.PointCloud:
    """Return a new point cloud that stores the Gaussians, without a user."""
    return from_columns(name, columns_of.from_gaussians(gaussians, has_float4()))


def is_splats(cloud: bpy.types.PointCloud) -> bool:
    """Whether a point cloud carries Gaussians."""
    return all(name in cloud.attributes for name in REQUIRED)


def degree_of(cloud: bpy.types.PointCloud) -> int:
    """Return the degree of a point cloud's spherical harmonics, 0..3: of those that are complete."""
    count = next(
        (index for index in range(names.MAX_HIGHER_SH) if names.radiance_sh(index) not in cloud.attributes),
        names.MAX_HIGHER_SH,
    )
    return max(degree for degree in range(harmonics.MAX_DEGREE + 1) if (degree + 1) ** 2 <= count + 1)


def to_gaussians(cloud: bpy.types.PointCloud) -> Gaussians:
    """Return the Gaussians of a point cloud, in its local space.

    Raises:
        FaceLiftError: it carries no splats.
    """
    return columns_of.to_gaussians(splat_columns(cloud))


def splat_columns(cloud: bpy.types.PointCloud) -> dict[str, Column]:
    """Return the attributes of a point cloud with splats.

    Raises:
        FaceLiftError: it carries no splats.
    """
    if not is_splats(cloud):
        raise FaceLiftError(
            f"The point cloud {cloud.name!r} has no splats in it.", "Choose a head or an imported splat file."
        )
    return read(cloud)


def read(cloud: bpy.types.PointCloud) -> dict[str, Column]:
    """Return the visible attributes of known type as columns; parts as ours, whatever an importer made of them."""
    columns = {}
    for attribute in cloud.attributes:
        kind = KINDS.get(attribute.data_type)
        # Names with a dot are Blender's own: selection, hidden state.
        if kind is None or attribute.domain != "POINT" or attribute.name.startswith("."):
            continue
        values = np.empty(len(attribute.data) * kind.width, kind.dtype)
        attribute.data.foreach_get(kind.field, values)
        shaped = values if kind.width == 1 else values.reshape(-1, kind.width)
        columns[attribute.name] = Column(attribute.data_type, shaped)
    foreign = columns.pop(GLTF_PART, None)
    parts = columns.get(names.PART, foreign)
    if parts is not None:
        columns[names.PART] = Column("INT8", parts_of(parts.values))
    return columns


def parts_of(values: np.ndarray) -> np.ndarray:
    """Return parts [N] int8 of numbers of any kind; unknown ones where they are no parts."""
    values = np.rint(values if values.ndim == 1 else values[:, 0])
    return np.where((values >= 0) & (values < len(Part)), values, Part.UNKNOWN).astype(np.int8)


def settle_parts(cloud: bpy.types.PointCloud) -> None:
    """Give an imported point cloud's parts the name and type that ours have, for nodes to find."""
    foreign = cloud.attributes.get(GLTF_PART)
    known = cloud.attributes.get(names.PART)
    if foreign is not None or (known is not None and known.data_type != "INT8"):
        parts = read(cloud)[names.PART]
        if foreign is not None:
            cloud.attributes.remove(foreign)
        write(cloud, {names.PART: parts})
