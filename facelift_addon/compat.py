"""What Blender's versions differ in: tests for the features, each with the version that brought it in its name.

Nothing else of the add-on asks for versions. What a difference means stays where it matters; here is only how it is
told. When the oldest supported Blender has a feature, its function goes, and each of its callers loses a branch.
"""

from __future__ import annotations

import bpy


def sorts_file_formats_by_media_5_0(settings: bpy.types.ImageFormatSettings) -> bool:
    """Whether pictures and videos are told apart before a file format is chosen."""
    return hasattr(settings, "media_type")


def resizes_point_clouds_5_1() -> bool:
    """Whether point clouds change their number of points; without, new ones are made by geometry nodes."""
    # hasattr() says False for this function even where it exists.
    return "resize" in bpy.types.PointCloud.bl_rna.functions


def has_float4_attributes_5_2() -> bool:
    """Whether attributes of four plain floats exist; without, four floats are a colour."""
    return "FLOAT4" in bpy.types.Attribute.bl_rna.properties["data_type"].enum_items


def keeps_modifier_inputs_in_properties_5_2(modifier: bpy.types.Modifier) -> bool:
    """Whether the inputs of a geometry nodes modifier are properties; without, they are custom properties."""
    return hasattr(modifier, "properties")


def draws_splats_5_3() -> bool:
    """Whether Blender draws and renders Gaussian splats itself."""
    kind = bpy.types.PointCloud.bl_rna.properties.get("type")
    return kind is not None and kind.type == "ENUM" and "GAUSSIAN_SPLAT" in kind.enum_items


def give_nodes_4_5(owner: bpy.types.Material | bpy.types.World) -> bpy.types.NodeTree:
    """Return a material's or world's nodes: in 4.5 they have to be asked for, later they are always there."""
    if owner.node_tree is None:
        owner.use_nodes = True
    return owner.node_tree
