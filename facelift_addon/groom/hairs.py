"""Hair as objects: curves that grow on a base mesh, made, found again and replaced.

Hair is the child of its base mesh, in the mesh's local space, and is stored as it is on the neutral face: Blender's
*Deform Curves on Surface* takes it from there to where shape keys and bones take the mesh.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils.bvhtree import BVHTree

from ...core.avatar.base_mesh import BaseMesh
from ...core.colors import to_encoded, to_linear
from ...core.groom.curves import HairCurves
from ...core.groom.groom import Growth
from ...core.groom.roots import Roots
from . import names


def is_hair(target: bpy.types.Object | None) -> bool:
    """Whether an object is hair that grows on a base mesh."""
    return target is not None and target.type == "CURVES" and names.GROWTH_KEY in target


def mesh_of(hair: bpy.types.Object) -> bpy.types.Object | None:
    """Return the mesh that hair grows on, if it is still in a scene: Blender keeps deleted ones that hair names."""
    mesh = hair.data.surface
    return mesh if mesh is not None and mesh.users_scene else None


def of(mesh: bpy.types.Object | None) -> dict[Growth, bpy.types.Object]:
    """Return all hair that grows on a mesh, by what it is."""
    if mesh is None:
        return {}
    found = {
        child[names.GROWTH_KEY]: child
        for child in reversed(mesh.children)
        if is_hair(child) and child.users_scene and mesh_of(child) == mesh
    }
    return {growth: found[growth.value] for growth in Growth if growth.value in found}


def give(mesh: bpy.types.Object, growth: Growth, curves: HairCurves, name: str, uv_map: str) -> bpy.types.Object:
    """Let hair grow on a mesh. What is there already keeps its modifiers and materials, and gets the new curves.

    Args:
        mesh: Its collections are where new hair goes.
        growth: What grows.
        curves: In the mesh's local space, as they are while the mesh has the shape of its Basis.
        name: Of a new object.
        uv_map: The mesh's map that the curves' roots refer to.
    """
    data = _data(name, curves)
    data.surface, data.surface_uv_map = mesh, uv_map
    mesh.add_rest_position_attribute = True
    hair = of(mesh).get(growth)
    if hair is not None:
        for material in hair.data.materials:
            data.materials.append(material)
        before, hair.data = hair.data, data
        if not before.users:
            data_name = before.name
            bpy.data.hair_curves.remove(before)
            data.name = data_name
        return hair
    hair = bpy.data.objects.new(name, data)
    for collection in mesh.users_collection:
        collection.objects.link(hair)
    hair.parent = mesh
    hair[names.GROWTH_KEY] = growth.value
    return hair


def remove(hair: bpy.types.Object) -> None:
    """Take hair away, with curves that nobody else uses."""
    data = hair.data
    bpy.data.objects.remove(hair)
    if not data.users:
        bpy.data.hair_curves.remove(data)


def set_density(mesh: bpy.types.Object, growth: Growth, density: np.ndarray) -> None:
    """Store how densely something grows at a mesh's vertices, [V] 0..1."""
    name = names.density_of(growth)
    attribute = mesh.data.attributes.get(name) or mesh.data.attributes.new(name, "FLOAT", "POINT")
    attribute.data.foreach_set("value", np.ascontiguousarray(density, np.float32))
    mesh.data.update_tag()


def read(hair: bpy.types.Object, base: BaseMesh) -> HairCurves:
    """Return hair as an artist left it, with roots where it is nearest to the mesh.

    Args:
        hair: Has one curve at least.
        base: Its mesh, in its own local space.

    Returns:
        In that space, on the neutral face.
    """
    data = hair.data
    points, counts = np.empty((len(data.points), 3), np.float32), np.empty(len(data.curves), np.int32)
    radii, colors = np.zeros(len(points), np.float32), np.zeros((len(points), 4), np.float32)
    data.points.foreach_get("position", points.ravel())
    data.points.foreach_get("radius", radii)
    data.curves.foreach_get("points_length", counts)
    shown = data.attributes.get(names.HAIR_COLOR)
    if shown is not None and shown.data_type == "FLOAT_COLOR" and shown.domain == "POINT":
        shown.data.foreach_get("color", colors.ravel())
    roots = _roots(points[np.cumsum(counts) - counts], base)
    uvs = data.attributes.get(names.SURFACE_UV)
    if uvs is not None:
        uvs.data.foreach_get("vector", roots.uvs.ravel())
    return HairCurves(points, counts, to_encoded(colors[:, :3]), radii, roots)


def follow(mesh: bpy.types.Object, before: BaseMesh, after: BaseMesh) -> None:
    """Let hair go along with a mesh whose neutral face has changed: each curve rigidly, with the place of its root.

    Args:
        mesh: The base mesh.
        before: As it was, in its own local space.
        after: As it is.
    """
    for hair in of(mesh).values():
        if len(hair.data.curves):
            moved = read(hair, before).moved(before.neutral, after.neutral)
            hair.data.points.foreach_set("position", moved.points.ravel())
            # Who sets many places tells nobody: node groups would go on with what they knew. Any order makes them look.
            hair.data.reorder_curves(new_indices=list(range(len(moved))))
            hair.data.update_tag()


def _roots(places: np.ndarray, base: BaseMesh) -> Roots:
    """Return what of a neutral mesh is nearest to places [S, 3]; texture coordinates are zero."""
    vertices = base.neutral.astype(np.float64)
    tree = BVHTree.FromPolygons(vertices.tolist(), base.triangles.tolist())
    found = [tree.find_nearest(place) for place in places.tolist()]
    corners = base.triangles[[index for _, _, index, _ in found]]
    nearest = np.array([tuple(place) for place, *_ in found])
    a, b, c = vertices[corners].transpose(1, 0, 2)
    shares = np.stack([np.linalg.norm(np.cross(q - nearest, r - nearest), axis=1) for q, r in ((b, c), (c, a), (a, b))])
    weights = (shares / shares.sum(axis=0)).T.astype(np.float32)
    return Roots(corners, weights, np.zeros((len(places), 2), np.float32))


def _data(name: str, curves: HairCurves) -> bpy.types.Curves:
    data = bpy.data.hair_curves.new(name)
    data.add_curves(curves.counts.tolist())
    data.points.foreach_set("position", np.ascontiguousarray(curves.points, np.float32).ravel())
    data.points.foreach_set("radius", np.ascontiguousarray(curves.radii, np.float32))
    colors = np.ones((len(curves.colors), 4), np.float32)
    colors[:, :3] = to_linear(curves.colors)
    data.attributes.new(names.HAIR_COLOR, "FLOAT_COLOR", "POINT").data.foreach_set("color", colors.ravel())
    roots = data.attributes.new(names.SURFACE_UV, "FLOAT2", "CURVE")
    roots.data.foreach_set("vector", np.ascontiguousarray(curves.roots.uvs, np.float32).ravel())
    return data
