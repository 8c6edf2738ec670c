"""Heads on their way into the scene: added with all that belongs to them, or put in another's place."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from ....core.engines.capture import Capture
from ....core.engines.recipe import Recipe
from ....core.errors import FaceLiftError
from ....core.head.shape import HeadShape
from ....core.splats import attributes as names
from ...photo.photos import PhotoSource
from ..data import fits, geometry, recipes
from ..data.assembly import Assembly
from ..data.columns import Column
from ..data.heads import BOUNCES_KEY, ID_KEY, PLACEMENT_KEY, heads_of, select_only
from ..display import display, proxies
from . import belongings, photo_cameras, placement, standing
from .photo_cameras import ArrivingShot

SPACING = 2.2
"""Reference units between heads in a row: the width of a bust and some air."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """A head on its way into the scene.

    Attributes:
        name: For the object and its collection.
        columns: In the object's local space, metres.
        to_local: [4, 4] matrix from the engine's frame (or the file's) to local space.
        sh_degree: Of the spherical harmonics.
        recipe: How it was made; None for imported files.
        capture: What it was made from; None for imported files.
        shots: What became of its photos; empty for imported files.
        shape: The head model as it was fitted, in the engine's frame, or None.
        bounces: How many surfaces Cycles must let rays pass, or None where that is not known.
        assembly: The point cloud under way, or None to make it when the head is added.
        drawn: What the viewport's drawing needs of the columns, made ahead of time, or None.
    """

    name: str
    columns: Mapping[str, Column]
    to_local: np.ndarray
    sh_degree: int = 0
    recipe: Recipe | None = None
    capture: Capture[PhotoSource] | None = None
    shots: tuple[ArrivingShot, ...] = ()
    shape: HeadShape | None = None
    bounces: int | None = None
    assembly: Assembly | None = None
    drawn: Any = None

    def point_cloud(self) -> bpy.types.PointCloud:
        """Return a new point cloud of the columns."""
        if self.assembly is not None:
            return self.assembly.take()
        return geometry.from_columns(self.name, self.columns)

    def drop(self) -> None:
        """Remove what was made of it and not added."""
        if self.assembly is not None:
            self.assembly.drop()


def add(scene: bpy.types.Scene, arrival: Arrival, view_layer: bpy.types.ViewLayer | None) -> bpy.types.Object:
    """Put a head into a collection of its own at the 3D cursor; select it and make it active.

    Where a head stands already, as when several photos were queued, the next one stands beside it.
    The collection hangs under the scene's own, so hidden or excluded collections don't matter.

    Args:
        scene: Where to.
        arrival: The head.
        view_layer: Whose selection changes; None leaves it, as while the user edits something.
    """
    cloud = arrival.point_cloud()
    # Before it is in the scene: it would stand on itself.
    place = _free_place(scene, arrival)
    head = bpy.data.objects.new(arrival.name, cloud)
    collection = bpy.data.collections.new(arrival.name)
    scene.collection.children.link(collection)
    collection.objects.link(head)
    head.location = place
    head[ID_KEY] = uuid.uuid4().hex
    belongings.mark(collection, head[ID_KEY])
    display.add_display(head, arrival.sh_degree)
    show_as(head, scene.facelift)
    _describe(head, arrival)
    photo_cameras.keep(scene, collection, head, arrival.shots, arrival.to_local)
    if view_layer is not None:
        select_only(view_layer, head)
    return head


def replace(scene: bpy.types.Scene, head: bpy.types.Object, arrival: Arrival) -> None:
    """Exchange a head's splats and recipe; place, name and modifiers stay."""
    if head.mode != "OBJECT":
        raise FaceLiftError(
            "The head is being edited.", "Leave Edit Mode and generate it again.", code="head-in-edit-mode"
        )
    before = head.data
    head.data = arrival.point_cloud()
    name = before.name
    if before.users == 0:
        bpy.data.pointclouds.remove(before)
    head.data.name = name
    display.set_degree(head, arrival.sh_degree)
    _describe(head, arrival)
    photo_cameras.keep(scene, head.users_collection[0], head, arrival.shots, arrival.to_local)


def show_as(head: bpy.types.Object, settings: bpy.types.PropertyGroup) -> None:
    """Show a head as a scene's settings say.

    Args:
        head: A splat object.
        settings: ``color_mode``: the photo's own colours ("PHOTO"), scene-linear ones ("SCENE"), or lit
            ones ("LIT"); ``exact_renders``: quads in renders of what Blender shows itself.
    """
    display.set_option(head, display.PHOTO_COLORS, settings.color_mode == "PHOTO")
    display.set_option(head, display.EXACT, settings.exact_renders)
    proxies.set_lit(head, settings.color_mode == "LIT")


def _free_place(scene: bpy.types.Scene, arrival: Arrival) -> Vector:
    """Return the 3D cursor's place; for heads the first free one in a row to its right, on what is there."""
    place = scene.cursor.location.copy()
    if arrival.recipe is None:
        return place
    step = SPACING * placement.scale_of(arrival.to_local)
    others = heads_of(scene)
    # Those of a row stand at the same height, or on something.
    while any((other.location - place).xy.length < step / 2 for other in others):
        place.x += step
    belonging = {child for other in others for child in other.children_recursive}
    box = standing.box_of(arrival.columns[names.POSITION].values)
    return standing.on_what_is_there(scene, place, box, belonging | set(others))


def _describe(head: bpy.types.Object, arrival: Arrival) -> None:
    head[PLACEMENT_KEY] = np.asarray(arrival.to_local, np.float64).ravel().tolist()
    recipes.keep(head, arrival.recipe, arrival.capture)
    fits.keep(head, arrival.shape)
    if arrival.bounces is not None:
        head[BOUNCES_KEY] = arrival.bounces
