"""The scene's lights as the drawing of lit heads takes them: without shadows, from where a head is."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.viewing import irradiance
from ..view_layers import objects_of

LIGHTS = ("POINT", "SPOT", "AREA", "SUN")


def shading_of(context: bpy.types.Context, middles: list[np.ndarray], view: np.ndarray) -> np.ndarray | None:
    """Return how light falls on things, [M, 9, 3] of :func:`irradiance.polynomial` by normals in the view's space.

    Args:
        context: The view's.
        middles: M places [3] in the world, amid the things.
        view: [4, 4] from the world to the view.

    Returns:
        None where colours aren't lit, or no light is there to see by.
    """
    if context.scene.facelift.color_mode != "LIT":
        return None
    graph = context.evaluated_depsgraph_get()
    lamps = [
        lamp.evaluated_get(graph)
        for lamp in objects_of(context.view_layer)
        if lamp.type == "LIGHT" and lamp.visible_get()
    ]
    ambient = _ambient(context.scene.world)
    if not lamps and not ambient.any():
        return None
    turn = view[:3, :3] / np.cbrt(np.linalg.det(view[:3, :3]))
    result = []
    for middle in middles:
        arriving = [_arriving(lamp, middle) for lamp in lamps]
        directions, strengths = (np.array([pair[index] for pair in arriving]).reshape(-1, 3) for index in (0, 1))
        result.append(irradiance.polynomial(directions @ turn.T, strengths, ambient))
    return np.stack(result)


def _arriving(lamp: bpy.types.Object, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the direction to a lamp and the irradiance [3] that it causes on what faces it at a place."""
    light = lamp.data
    matrix = np.array(lamp.matrix_world, np.float64)
    back = matrix[:3, 2] / max(np.linalg.norm(matrix[:3, 2]), 1e-12)
    color = np.array(light.color) * light.energy * 2.0 ** getattr(light, "exposure", 0.0)
    if light.type == "SUN":
        return back, color
    offset = matrix[:3, 3] - place
    distance = max(float(np.linalg.norm(offset)), 1e-3)
    direction = offset / distance
    facing = float(direction @ back)
    if light.type == "AREA":
        # A surface that shines to one side with its cosine.
        return direction, color * max(facing, 0.0) / (np.pi * distance**2)
    if light.type == "SPOT" and facing < np.cos(light.spot_size / 2):
        color = color * 0
    return direction, color / (4 * np.pi * distance**2)


def _ambient(world: bpy.types.World | None) -> np.ndarray:
    """Return the world's plain colour [3]; a picture in its place counts as none."""
    if world is None:
        return np.zeros(3)
    tree = world.node_tree
    node = next((node for node in tree.nodes if node.type == "BACKGROUND"), None) if tree is not None else None
    if node is None:
        return np.array(world.color)
    color, strength = node.inputs["Color"], node.inputs["Strength"]
    return np.zeros(3) if color.is_linked else np.array(color.default_value[:3]) * strength.default_value
