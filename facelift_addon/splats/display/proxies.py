"""Light proxies: meshes inside of heads that cast their shadows and carry their depth.

Blended splats write no depth in EEVEE, and in Cycles only where one of them is opaque enough.
So a proxy is no ghost: the camera sees it too, as the last of what lies behind the splats, in
their colours. Renders need not look further for the back of the head, and are quicker for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ....core.colors import to_linear
from ....core.gaussians import Gaussians
from ....core.splats import attributes as names
from ....core.surface import Mesh, relief_of
from ..data import geometry
from ..data.columns import Column
from . import display
from .ewa import COLOR
from .material import proxy_material
from .native import Way

PROXY_KEY = "facelift_light_proxy"
"""Custom property of a proxy: the mark of the splats that it was made of."""
UNSEEN_BY = ("visible_diffuse", "visible_glossy", "visible_volume_scatter", "visible_shadow")
"""Rays that meet the proxy instead of a lit head's quads, which face the camera and would block them all."""


@dataclass(frozen=True, eq=False)
class Lighting:
    """What lights need to know of a head.

    Attributes:
        mesh: The proxy, in the head's local space.
        colors: [V, 4] float32 of its vertices, scene-linear.
        normals: [N, 3] float32 of the head's stored splats.
        mark: Of the splats that this was made of.
    """

    mesh: Mesh
    colors: np.ndarray
    normals: np.ndarray
    mark: str


def work_out(shown: Gaussians, stored: Gaussians, mark: str) -> Lighting:
    """Return the lighting of a head; takes a second or two. Pure numpy: safe in any thread.

    Args:
        shown: Splats that modifiers leave; their surface casts the shadows. At least one.
        stored: Splats of the head's point cloud, which get normals.
        mark: To be remembered.
    """
    relief = relief_of(shown)
    mesh = relief.mesh()
    rgba = np.ones((len(mesh.vertices), 4), np.float32)
    rgba[:, :3] = to_linear(np.maximum(relief.colors(mesh.vertices), 0))
    return Lighting(mesh, rgba, relief.normals(stored), mark)


def find(head: bpy.types.Object) -> bpy.types.Object | None:
    """Return a head's proxy."""
    return next((child for child in head.children if PROXY_KEY in child), None)


def give(head: bpy.types.Object, lighting: Lighting) -> bpy.types.Object:
    """Give a head its normals and its proxy, or exchange those that it has.

    Args:
        head: A splat object with as many points as the lighting has normals.
        lighting: Of :func:`work_out`.
    """
    geometry.write(head.data, {names.NORMAL: Column("FLOAT_VECTOR", lighting.normals)})
    mesh = _mesh(f"{head.name} light proxy", lighting)
    proxy = find(head)
    if proxy is None:
        proxy = bpy.data.objects.new(mesh.name, mesh)
        for collection in head.users_collection:
            collection.objects.link(proxy)
        proxy.parent = head
        proxy.hide_select = True
        _hide_with(proxy, head)
    else:
        before, proxy.data = proxy.data, mesh
        if before.users == 0:
            bpy.data.meshes.remove(before)
    proxy[PROXY_KEY] = lighting.mark
    fit_viewport(head)
    return proxy


def fit_viewport(head: bpy.types.Object) -> None:
    """Show a head's proxy in the viewport only while the head shows there what renders show."""
    proxy = find(head)
    if proxy is not None:
        same = display.way_of(head) is Way.NATIVE or display.get_option(head, display.CAMERA_IN_VIEWPORT)
        proxy.hide_viewport = not same


def set_lit(head: bpy.types.Object, lit: bool) -> None:
    """Let lights shine on a head, once it has a proxy, or not; without them it loses the proxy."""
    display.set_option(head, display.LIT, lit)
    for flag in UNSEEN_BY:
        setattr(head, flag, not lit)
    proxy = find(head)
    if proxy is not None and not lit:
        remove(proxy)


def remove(proxy: bpy.types.Object) -> None:
    """Remove a proxy and its mesh."""
    mesh = proxy.data
    bpy.data.objects.remove(proxy)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)


def orphans() -> list[bpy.types.Object]:
    """Return the proxies whose heads were deleted."""
    return [
        target
        for target in bpy.data.objects
        if PROXY_KEY in target and (target.parent is None or not target.parent.users_scene)
    ]


def _mesh(name: str, lighting: Lighting) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new(name)
    vertices, faces = lighting.mesh.vertices, lighting.mesh.faces
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    attribute = mesh.color_attributes.new(COLOR, "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", lighting.colors.ravel())
    mesh.materials.append(proxy_material())
    return mesh


def _hide_with(proxy: bpy.types.Object, head: bpy.types.Object) -> None:
    """Leave a proxy out of renders with its head."""
    driver = proxy.driver_add("hide_render").driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.name, variable.type = "hidden", "SINGLE_PROP"
    variable.targets[0].id, variable.targets[0].data_path = head, "hide_render"
