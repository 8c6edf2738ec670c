"""Hair out of the scene, for cards: combed and styled as it is, on the face without expression."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.avatar.base_mesh import BaseMesh
from ...core.colors import to_encoded
from ...core.groom.cards.ribbons import OUTSIDE
from ...core.groom.curves import HairCurves
from ...core.groom.groom import Growth
from ...core.groom.roots import nearest_roots
from ..splats.data import baking
from ..splats.display.modifier_inputs import find_modifier
from . import essentials, hairs, names

MOST = 12_000
"""Hairs of a growth that are read: more make cards no better."""


def curves_of(context: bpy.types.Context, mesh: bpy.types.Object, base: BaseMesh) -> dict[Growth, HairCurves]:
    """Return the hair of a base mesh in the mesh's local space.

    Args:
        context: In which the hair is seen.
        mesh: A base mesh object.
        base: The mesh, in its own local space.
    """
    found = {growth: _at_rest(context, hair, base) for growth, hair in hairs.of(mesh).items()}
    return {growth: curves for growth, curves in found.items() if curves is not None}


def _at_rest(context: bpy.types.Context, hair: bpy.types.Object, base: BaseMesh) -> HairCurves | None:
    """Return what modifiers make of hair before it follows the mesh; None where they leave nothing."""
    follows = find_modifier(hair, essentials.DEFORM)
    followed = follows is not None and follows.show_viewport
    try:
        if followed:
            follows.show_viewport = False
        with baking.visible(hair, context.view_layer):
            data = hair.evaluated_get(context.evaluated_depsgraph_get()).data
            return _read(data, hair, base) if isinstance(data, bpy.types.Curves) and len(data.curves) else None
    finally:
        if followed:
            follows.show_viewport = True


def _read(data: bpy.types.Curves, hair: bpy.types.Object, base: BaseMesh) -> HairCurves | None:
    counts = np.empty(len(data.curves), np.int32)
    data.curves.foreach_get("points_length", counts)
    points = _values(data, names.POSITION, "vector", 3)
    colors = _values(data, names.HAIR_COLOR, "color", 4)
    if colors is None:
        own = _values(hair.data, names.HAIR_COLOR, "color", 4)
        colors = np.broadcast_to(np.full(4, 0.1) if own is None else own.mean(0), (len(points), 4))
    radii = _values(data, names.RADIUS, "value", 1)
    first = np.cumsum(counts) - counts
    chosen = np.flatnonzero(counts > 1)
    if not len(chosen):
        return None
    chosen = chosen[:: -(-len(chosen) // MOST)]
    faces = base.model.in_regions(*OUTSIDE)[base.model.faces].all(1)
    # Roots of all curves: HairCurves.select takes those that are chosen.
    roots, _ = nearest_roots(points[first], base.neutral, base.model, faces)
    curves = HairCurves(
        points,
        counts,
        np.clip(to_encoded(colors[:, :3]), 0, 1).astype(np.float32),
        np.zeros(len(points), np.float32) if radii is None else radii[:, 0],
        roots,
    )
    return curves.select(chosen)


def _values(data: bpy.types.Curves, name: str, field: str, width: int) -> np.ndarray | None:
    """Return an attribute of curves' points [P, width] float32, or None."""
    attribute = data.attributes.get(name)
    if attribute is None or attribute.domain != "POINT" or len(attribute.data) != len(data.points):
        return None
    values = np.empty(width * len(attribute.data), np.float32)
    attribute.data.foreach_get(field, values)
    return values.reshape(-1, width)
