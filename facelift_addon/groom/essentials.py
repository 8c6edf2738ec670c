"""Node groups of the Essentials, the asset library that comes with Blender: found, appended, and ours beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy

from ..splats.display.nodes import NAME_KEY, UNDEFINED, Builder, shared_group

FILE = "procedural_hair_node_assets.blend"
INTERPOLATE, TRIM, CLUMP, CURL, NOISE = (
    "Interpolate Hair Curves",
    "Trim Hair Curves",
    "Clump Hair Curves",
    "Curl Hair Curves",
    "Hair Curves Noise",
)
"""Assets that grooms are made with."""
GUIDES, GUIDES_VERSION = "FaceLift Guides", 1
"""Our group that comes before other curves join the guides."""
DEFORM, DEFORM_VERSION = "FaceLift Surface Deform", 1
"""Our group, as *Add > Empty Hair* makes one."""


def library() -> Path | None:
    """Return the file of Blender's hair assets; None where this Blender came without.

    It has moved between versions: in 4.5 it lies in ``geometry_nodes``, later in ``nodes``.
    """
    assets = Path(bpy.utils.system_resource("DATAFILES", path="assets"))
    return next(iter(sorted(assets.glob(f"*/{FILE}"))), None)


def groups(wanted: Iterable[str]) -> dict[str, bpy.types.NodeTree]:
    """Return assets by their names: those that were appended before, and others appended from Blender's library.

    What the library lacks, or all where there is none, is not in it.
    """
    found = {name: group for name in wanted if (group := _own(name)) is not None}
    path, missing = library(), [name for name in wanted if name not in found]
    if path is None or not missing:
        return found
    with bpy.data.libraries.load(str(path), link=False, assets_only=True) as (source, target):
        missing = [name for name in missing if name in source.node_groups]
        # What is assigned becomes the groups.
        target.node_groups = list(missing)
    for name, group in zip(missing, target.node_groups, strict=True):
        group.asset_clear()
        group[NAME_KEY] = name
        found[name] = group
    return found


def guides_group() -> bpy.types.NodeTree:
    """Return the node group that changes nothing and lets Sculpt Mode find the guides again among what joins them.

    Nodes that make other curves of some note first where the points were that a brush moves. Those of *Interpolate Hair
    Curves* don't, and *Deform Curves on Surface* then turns as many points as there are now in a list of the guides'
    alone: Blender 5.2 ends at the first stroke. Resampling notes them, even where no curve is chosen for it.
    """
    geometry = (("Geometry", "Geometry"),)
    return shared_group(GUIDES, GUIDES_VERSION, geometry, geometry, _remember)


def _remember(builder: Builder, sockets) -> dict:
    node = builder.node("GeometryNodeResampleCurve", {"Curve": sockets["Geometry"], "Selection": False})
    return {"Geometry": node.outputs["Curve"]}


def deform_group() -> bpy.types.NodeTree:
    """Return the node group that lets curves follow their surface."""
    geometry = (("Geometry", "Geometry"),)
    return shared_group(DEFORM, DEFORM_VERSION, geometry, geometry, _deform)


def _deform(builder: Builder, sockets) -> dict:
    node = builder.node("GeometryNodeDeformCurvesOnSurface", {"Curves": sockets["Geometry"]})
    return {"Geometry": node.outputs["Curves"]}


def _own(name: str) -> bpy.types.NodeTree | None:
    """Return the file's group of a name, unless an older Blender saved it, which did not know all of its nodes."""
    for group in bpy.data.node_groups:
        if group.get(NAME_KEY) == name and group.library is None:
            if all(node.bl_idname != UNDEFINED for node in group.nodes):
                return group
    return None
