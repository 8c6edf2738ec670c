"""The way of splats into a scene, whoever made them: arrays in a thread, pieces in ticks, then one undo step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import bpy
import numpy as np

from ....core.gaussians import Gaussians
from ....core.rasterize.layers import bounces_for
from ...viewport.clouds import ahead_of
from ...viewport.drawing import drawing
from ..data import columns, heads
from ..data.assembly import Assembly
from ..display import display
from . import arrivals, placement, rendering
from .arrivals import Arrival


def arrival_of(name: str, gaussians: Gaussians, to_local: np.ndarray, float4: bool, **belonging: Any) -> Arrival:
    """Return what the scene takes, to be assembled in pieces and drawn at once. Reads no bpy data: safe in any thread.

    Args:
        name: For the object.
        gaussians: In the frame of the engine or the file.
        to_local: [4, 4] matrix from there to the object's local space.
        float4: Whether this Blender has the FLOAT4 attribute type.
        belonging: Further fields of :class:`Arrival`: recipe, photo and what else belongs to a head.
    """
    local = placement.moved(gaussians, to_local)
    rows = columns.from_gaussians(local, float4)
    return Arrival(
        name,
        rows,
        to_local,
        local.sh_degree,
        bounces=bounces_for(local),
        assembly=Assembly(name, rows),
        drawn=ahead_of(rows),
        **belonging,
    )


def pieces(sh_degree: int, arrival: Callable[[], Arrival | None]) -> Iterator[None]:
    """Make the display and the point cloud, and yield after each piece, of which none keeps Blender for long.

    Args:
        sh_degree: Of the splats' spherical harmonics.
        arrival: Returns the splats, None while a thread is still at work on them.
    """
    for prepare in display.preparations(sh_degree):
        prepare()
        yield
    while (made := arrival()) is None or not made.assembly.proceed():
        yield


def bring_in(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    arriving: Sequence[Arrival],
    place: bpy.types.Object | None = None,
    settle: Callable[[bpy.types.Object], object] | None = None,
) -> str:
    """Add splats to a scene; part of an operator, whose undo step it becomes.

    Args:
        context: Whose selection changes.
        scene: Where to.
        arriving: Each becomes an object.
        place: A head that the only one takes the place of; None to add.
        settle: Completes each object, before the scene is set up to render them.

    Returns:
        What was set in the scene to render them, to be told; may be empty.
    """
    for arrival in arriving:
        if place is not None:
            arrivals.replace(scene, place, arrival)
        head = place or arrivals.add(scene, arrival, heads.view_layer_of(context, scene))
        if arrival.drawn is not None:
            drawing.clouds.expect(head, arrival.drawn)
        if settle is not None:
            settle(head)
    return rendering.prepare(scene, len(arriving)) if place is None else ""
